import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { demandConfiguration } from './check.ts';
import { type Environment, environmentSchema, publicUrlProblem, readEnvironment } from './environment.ts';
import { hostTypes } from './host-types.ts';
import { describeProblem } from './problem.ts';

const app = {
  GITHUB_APP_ID: '123456',
  GITHUB_APP_PRIVATE_KEY: './app.private-key.pem',
  GITHUB_WEBHOOK_SECRET: 'a secret of thirty characters.',
};

function read(given: Record<string, string | undefined>): Environment {
  const result = readEnvironment(given);
  assert.ok(result.outcome === 'read', JSON.stringify(result));
  return result.environment;
}

function problemsOf(given: Record<string, string | undefined>): string[] {
  const result = readEnvironment(given);
  return result.outcome === 'refused' ? result.problems.map(describeProblem) : [];
}

test('an empty environment has every default and no App', () => {
  const nothing: Environment = {
    app: null,
    gitHub: { apiUrl: 'https://api.github.com', webUrl: 'https://github.com' },
    dataDirectory: './data',
    host: '127.0.0.1',
    port: 8080,
    publicUrl: null,
    configurationFile: 'runners.config.ts',
    logLevel: 'info',
    tracing: null,
  };
  assert.deepEqual(read({}), nothing);
  assert.deepEqual(
    read({ PORT: '', GITHUB_APP_ID: ' ', HOST: undefined, PATH: '/bin', HOME: '/x' }),
    nothing,
  );
});

test('the credentials of the App are passed on as they are, with both secrets of a rotation', () => {
  assert.deepEqual(read(app).app, {
    appId: '123456',
    privateKey: './app.private-key.pem',
    webhookSecrets: ['a secret of thirty characters.'],
  });
  const key = `-----BEGIN RSA PRIVATE KEY-----\n${'MIIE'.repeat(100)}\n-----END RSA PRIVATE KEY-----`;
  const rotated = read({
    ...app,
    GITHUB_APP_PRIVATE_KEY: `${key}\n`,
    GITHUB_WEBHOOK_SECRET_PREVIOUS: 'the older one, with a comma',
  });
  assert.equal(rotated.app?.privateKey, key);
  assert.deepEqual(rotated.app?.webhookSecrets, [
    'a secret of thirty characters.',
    'the older one, with a comma',
  ]);
});

test('an App with a part of its credentials is refused, and a name that is nearly right is recognised', () => {
  const { GITHUB_APP_PRIVATE_KEY: _, ...withoutKey } = app;
  assert.deepEqual(problemsOf(withoutKey), [
    'GITHUB_APP_PRIVATE_KEY: it is not set, though an App needs all of its credentials\n  allowed: the PEM that the page of the App makes, base64 of it, or the path of its file\n  to do:   set it; or set none of GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY, GITHUB_WEBHOOK_SECRET',
  ]);
  for (const name of ['PRIVATE_KEY', 'GITHUB_PRIVATE_KEY', 'GITHUB_APP_PRIVATEKEY', 'GH_APP_PRIVATE_KEY']) {
    const [problem = ''] = problemsOf({ ...withoutKey, [name]: 'x' });
    assert.match(problem, new RegExp(`to do: {3}${name} is set: name it GITHUB_APP_PRIVATE_KEY$`));
  }
  assert.equal(problemsOf({ GITHUB_APPID: '1' }).length, 3);
});

test("the variables of GitHub's own runners do not look like an App", () => {
  const names = [
    'ACTION',
    'ACTIONS',
    'ACTOR_ID',
    'ENV',
    'JOB',
    'PATH',
    'REF',
    'RUN_ID',
    'SERVER_URL',
    'TOKEN',
  ];
  assert.equal(read(Object.fromEntries(names.map((name) => [`GITHUB_${name}`, '1']))).app, null);
  assert.equal(read({ APP_ID: '1' }).app, null);
});

test('no value of a secret is ever shown', () => {
  const given = {
    GITHUB_APP_ID: '123456',
    GITHUB_APP_PRIVATE_KEY: 'k'.repeat(70_000),
    GITHUB_WEBHOOK_SECRET: 'tooshort1',
    GITHUB_WEBHOOK_SECRET_PREVIOUS: 'tooshort2',
  };
  const problems = problemsOf(given);
  assert.deepEqual(
    problems.map((problem) => problem.split('\n')[0]),
    [
      'GITHUB_APP_PRIVATE_KEY: a secret of 70000 characters is not allowed',
      'GITHUB_WEBHOOK_SECRET: a secret of 9 characters is not allowed',
      'GITHUB_WEBHOOK_SECRET_PREVIOUS: a secret of 9 characters is not allowed',
    ],
  );
  assert.doesNotMatch(problems.join(), /tooshort|kkkk/);
  assert.match(problems[1] ?? '', /openssl rand -hex 32/);
});

test('the API of GitHub and its pages tell each other', () => {
  const urls = (given: Record<string, string>) => Object.values(read(given).gitHub);
  assert.deepEqual(urls({ GITHUB_URL: 'https://ghes.example.com/' }), [
    'https://ghes.example.com/api/v3',
    'https://ghes.example.com',
  ]);
  assert.deepEqual(urls({ GITHUB_API_URL: 'https://ghes.example.com/api/v3' }), [
    'https://ghes.example.com/api/v3',
    'https://ghes.example.com',
  ]);
  assert.deepEqual(urls({ GITHUB_URL: 'https://acme.ghe.com' }), [
    'https://api.acme.ghe.com',
    'https://acme.ghe.com',
  ]);
  assert.deepEqual(urls({ GITHUB_API_URL: 'https://api.acme.ghe.com' }), [
    'https://api.acme.ghe.com',
    'https://acme.ghe.com',
  ]);
  assert.deepEqual(urls({ GITHUB_API_URL: 'http://127.0.0.1:9000' }), [
    'http://127.0.0.1:9000',
    'http://127.0.0.1:9000',
  ]);
});

test('addresses are https, or this machine itself, and hold nothing but the address', () => {
  const allowed = [
    'https://runners.example.com/',
    'https://x/base',
    'http://localhost:8080',
    'http://[::1]:1',
  ];
  for (const url of allowed) assert.equal(read({ PUBLIC_URL: url }).publicUrl, url.replace(/\/$/, ''));
  const refused = [
    'runners.example.com',
    'http://runners.example.com',
    'https://a:b@x',
    'https://x?y',
    'ftp://x',
    'https://x#y',
  ];
  for (const url of refused) assert.equal(problemsOf({ PUBLIC_URL: url }).length, 1, url);
  assert.deepEqual(problemsOf({ PUBLIC_URL: 'http://runners.example.com' }), [
    "PUBLIC_URL: 'http://runners.example.com' is not allowed\n  allowed: an address https://…, without query and credentials; http:// only to this machine itself (localhost, 127.0.0.1)\n  to do:   write it like https://runners.example.com",
  ]);
});

test('port, host, level and id are checked', () => {
  assert.equal(read({ PORT: '0' }).port, 0);
  for (const port of ['-1', '65536', '80a', '1e3', '8080.5'])
    assert.equal(problemsOf({ PORT: port }).length, 1, port);
  assert.equal(problemsOf({ HOST: 'http://x' }).length, 1);
  assert.equal(read({ HOST: '::' }).host, '::');
  assert.equal(problemsOf({ LOG_LEVEL: 'verbose' }).length, 1);
  assert.equal(read({ ...app, GITHUB_APP_ID: 'Iv23liABCDEFGHIJ0123' }).app?.appId, 'Iv23liABCDEFGHIJ0123');
  assert.equal(problemsOf({ ...app, GITHUB_APP_ID: 'my-app' }).length, 1);
});

test('PUBLIC_URL is needed as soon as a pool has a host whose machines call back', () => {
  const office = { type: 'local', limit: 1 };
  const lab = { type: 'simulated', limit: 1 };
  const pool = { os: 'linux', limit: 1 };
  const lint = { ...pool, host: 'office', labels: ['lint'], command: ['x'] };
  const local = demandConfiguration({ hosts: { office, lab }, pools: { lint } }).configuration;
  assert.equal(publicUrlProblem({ publicUrl: null }, local, hostTypes), null);
  const far = { ...pool, host: 'lab', labels: ['far'] };
  const both = demandConfiguration({ hosts: { office, lab }, pools: { lint, far } }).configuration;
  assert.equal(publicUrlProblem({ publicUrl: 'https://x' }, both, hostTypes), null);
  const problem = publicUrlProblem({ publicUrl: null }, both, hostTypes);
  assert.ok(problem);
  assert.equal(
    describeProblem(problem).split('\n')[0],
    'PUBLIC_URL: it is not set, and machines of host lab (type simulated) ask there for their registration',
  );
});

test('PUBLIC_URL is not asked for where all configurations are handed over with the pods', () => {
  const lint = { host: 'pods', os: 'linux', limit: 1, labels: ['lint'] };
  const problemOf = (options: object) => {
    const pods = { type: 'kubernetes', limit: 1, options };
    const { configuration } = demandConfiguration({ hosts: { pods }, pools: { lint } });
    return publicUrlProblem({ publicUrl: null }, configuration, hostTypes);
  };
  assert.equal(problemOf({ configuration: 'handedOver' }), null);
  assert.equal(problemOf({})?.place, 'PUBLIC_URL');
});

test('.env.example has every variable, and no other', () => {
  const text = readFileSync(resolve(import.meta.dirname, '../../.env.example'), 'utf8');
  const names = [...text.matchAll(/^#([A-Z_]+)=/gm)].map((match) => match[1]);
  // Read by AWS's SDK, and by Docker when it makes the deployer's container.
  const ofOthers = ['AWS_PROFILE', 'AWS_REGION', 'DEPLOYER_GID', 'DEPLOYER_UID'];
  assert.deepEqual(names.sort(), [...Object.keys(environmentSchema.shape), ...ofOthers].sort());
});
