// The deployer's container without a Docker engine: its files are read by the tools that judge them, and its commands
// run, as an ordinary user, in a Debian with only what the Dockerfile installs.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { env } from 'node:process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { canBuildComposeGo, composeGo } from '../../../../scripts/compose-go.ts';
import { type DebianRoot, debianRoot, whyNoDebianRoot } from '../../../../scripts/debian-root.ts';
import { hadolint } from '../../../../scripts/hadolint.ts';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { createSystemClock } from '../../../adapters/clock/system/index.ts';
import { startSimulatedGitHub } from '../../../adapters/github/simulated/server.ts';

const project = resolve(import.meta.dirname, '../../../..');
const dockerfile = readFileSync(join(project, 'Dockerfile'), 'utf8');
const run = promisify(execFile);

test('hadolint finds nothing in the Dockerfile', async () => {
  const { stdout } = await run(await hadolint(), ['Dockerfile'], { cwd: project });
  assert.equal(stdout, '');
});

test('the image is of one exact version, and its layer of packages changes with the lock file alone', () => {
  assert.match(dockerfile, /^FROM node:\d+\.\d+\.\d+-bookworm-slim$/m);
  const packages = dockerfile.indexOf('RUN npm ci');
  assert.ok(dockerfile.indexOf('COPY package.json package-lock.json') < packages);
  assert.ok(packages < dockerfile.indexOf('COPY . .'));
  assert.match(dockerfile.slice(packages), /^USER \$\{DEPLOYER_UID\}$/m);
  assert.match(dockerfile, /^ARG DEPLOYER_UID=1000$/m);
  const ignored = readFileSync(join(project, '.dockerignore'), 'utf8').split('\n');
  for (const secret of ['.env', '*.pem', '.git']) assert.ok(ignored.includes(secret), secret);
});

const noGo = canBuildComposeGo()
  ? false
  : 'there is no Go tool chain to build the reader of compose files with';
test('the compose file is read as Docker reads it: no root, no secret, the project mounted', {
  skip: noGo,
}, async () => {
  const { stdout } = await run(await composeGo(), ['-format', 'json', 'docker-compose.yml'], {
    cwd: project,
    // Nothing of this machine's AWS is to be in it.
    env: { PATH: env['PATH'] },
  });
  const { deployer } = JSON.parse(stdout).services;
  assert.equal(deployer.user, '1000:1000');
  assert.deepEqual(deployer.cap_drop, ['ALL']);
  const names = Object.keys(deployer.environment);
  assert.ok(names.includes('AWS_SESSION_TOKEN'));
  assert.deepEqual(
    names.filter((name) => /GITHUB|SECRET$|PRIVATE/.test(name)),
    [],
  );
  assert.ok(Object.values(deployer.environment).every((value) => value === null));
  assert.ok(
    deployer.volumes.some(
      ({ source, target }: Record<string, string>) => source === project && target === '/app',
    ),
  );
});

const reason = whyNoDebianRoot();
describe('in a clean Debian, as an ordinary user', { skip: reason ?? false, timeout: 900_000 }, () => {
  let debian: DebianRoot;
  /** Of this run alone, in the root that is kept. */
  let folder: string;
  let inside: string;
  before(async () => {
    const [, node = ''] = /^FROM node:([\d.]+)-/m.exec(dockerfile) ?? [];
    const [, list = ''] =
      /apt-get install --yes --no-install-recommends \\\n([\s\S]+?)\n {2}&&/.exec(dockerfile) ?? [];
    const packages = list.split('\n').map((line) => line.replace('\\', '').trim());
    assert.ok(packages.includes('make'), 'the packages are not found in the Dockerfile');
    debian = await debianRoot({
      release: 'bookworm',
      packages,
      // What the image of Node brings: Node of that version, and npm.
      npmPackages: [`node-linux-${process.arch}@${node}`, npmOfNode24],
      user: { name: 'node', home: '/home/deployer' },
    });
    folder = mkdtempSync(join(debian.folder, 'home', 'run-'));
    inside = folder.slice(debian.folder.length);
    copyProject(folder);
    execFileSync('chown', ['--recursive', '1000:1000', folder]);
  });
  after(() => rmSync(folder ?? '', { recursive: true, force: true }));

  async function shell(script: string, more: Record<string, string> = {}) {
    const child = debian.start(`cd ${inside}\n${script}`, { ...ordinary(), ...more });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
      });
    }
    const status = await new Promise<number | null>((ended) => child.once('close', ended));
    return { status, said };
  }

  test('the commands install what they need and say what they can do', async () => {
    const { status, said } = await shell('id -u; make ci-deploy ARGS=--help');
    assert.equal(status, 0, said);
    assert.match(said, /^1000$/m);
    assert.match(said, /--no-webhook/);
  });

  test('what is missing is told', async () => {
    const { status, said } = await shell('make ci-deploy');
    assert.equal(status, 2, said);
    for (const what of [/\.env: there is no such file/, /AWS region/, /AWS credentials: there are none/])
      assert.match(said, what);
  });

  test('the types are checked, and tests run', async () => {
    const types = await shell('make check-types');
    assert.equal(types.status, 0, types.said);
    // Some of each kind: pure ones, files and processes, and the emulator, which Python is there for.
    const fast = `"'src/core/*.test.ts' 'src/adapters/jobs-tables/sqlite/*.test.ts' 'src/adapters/hosts/local/**/!(*.slow).test.ts'"`;
    const emulated = `'src/adapters/offers/dynamodb/index.slow.test.ts'`;
    const tests = await shell(`make test FAST_TESTS=${fast} AWS_TESTS=${emulated}`);
    assert.equal(tests.status, 0, tests.said);
    assert.equal([...tests.said.matchAll(/^ℹ fail 0$/gm)].length, 2, tests.said);
  });

  test('a deploy goes through, to the emulator', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const emulator = await startMiniStack();
    const gitHub = await startSimulatedGitHub({
      clock: createSystemClock(),
      random: Math.random,
      publicKey,
      app: { id: 42 },
      setUp(world) {
        world.addOrganisation('acme');
        world.addRepository('acme/app');
        world.install('acme');
      },
    });
    try {
      writeFileSync(join(folder, 'app.pem'), privateKey);
      const park = { url: 'http://127.0.0.1:9', token: 'a token that no park asks for' };
      writeFileSync(
        join(folder, 'aws.json'),
        JSON.stringify({
          hosts: { play: { type: 'simulated', limit: 1, options: park } },
          pools: { lint: { host: 'play', os: 'linux', labels: ['lint'], limit: 1 } },
        }),
      );
      writeFileSync(
        join(folder, '.env'),
        [
          'GITHUB_APP_ID=42',
          'GITHUB_APP_PRIVATE_KEY=app.pem',
          'GITHUB_WEBHOOK_SECRET=a secret for the webhook',
        ].join('\n'),
      );
      const { status, said } = await shell('make ci-deploy ARGS=--bootstrap', {
        AWS_ENDPOINT_URL: emulator.endpoint,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_REGION: 'us-east-1',
        GITHUB_API_URL: gitHub.url,
        RUNNERS_CONFIG: 'aws.json',
      });
      assert.equal(status, 0, said);
      assert.match(said, /The App's webhook points here/);
    } finally {
      await gitHub.close();
      await emulator.stop();
    }
  });
});

/** Of the series that Node 24 comes with. */
const npmOfNode24 = 'npm@11.19.1';

/** What is committed or about to be; nothing that is ignored. */
function copyProject(to: string): void {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: project,
  });
  mkdirSync(to, { recursive: true });
  execFileSync(
    'sh',
    [
      '-euc',
      'tar --null --files-from=- --ignore-failed-read --create | tar --extract --directory "$1"',
      'sh',
      to,
    ],
    {
      cwd: project,
      input: files,
      stdio: ['pipe', 'ignore', 'ignore'],
    },
  );
}

/** The container's environment, and this machine's way to the registries. */
function ordinary(): Record<string, string> {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  const authorities = '/etc/ssl/certs/ca-certificates.crt';
  return {
    HOME: '/home/deployer',
    CI: 'true',
    AWS_EC2_METADATA_DISABLED: 'true',
    NPM_CONFIG_REGISTRY: registry,
    NPM_CONFIG_CAFILE: authorities,
    NODE_EXTRA_CA_CERTS: authorities,
    PIP_CERT: authorities,
  };
}
