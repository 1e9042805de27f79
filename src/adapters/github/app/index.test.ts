import assert from 'node:assert/strict';
import { createPublicKey, verify } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { Scope } from '../../../core/scope.ts';
import { GitHubError, type GitHubErrorKind, type RepositoryRef } from '../../../ports/github.ts';
import { createGitHubApp, type GitHubAppOptions, type RequestMade } from './index.ts';
import {
  createTestClock,
  type StubGitHub,
  type StubRequest,
  startStubGitHub,
  type TestClock,
  testPrivateKey,
} from './testing.ts';

const startMs = Date.UTC(2026, 10, 1);
const organisation: Scope = { owner: 'acme', repository: null, installation: 7 };
const repositoryScope: Scope = { owner: 'acme', repository: 'app', installation: 7 };
const repository: RepositoryRef = {
  repository: 'acme/app',
  isPublic: false,
  ownedByOrganisation: true,
  installation: 7,
};

describe('GitHub through the App’s client, on a stub that answers as it is told', () => {
  let clock: TestClock;
  let stub: StubGitHub;
  const opened: StubGitHub[] = [];
  beforeEach(async () => {
    clock = createTestClock(startMs);
    stub = await startStubGitHub(clock);
    opened.push(stub);
  });
  after(async () => {
    for (const each of opened) await each.close();
  });

  function app(options: Partial<GitHubAppOptions> = {}) {
    return createGitHubApp({
      appId: '42',
      privateKey: testPrivateKey(),
      apiUrl: stub.url,
      clock,
      random: () => 0,
      ...options,
    });
  }

  function registration(name: string, group = 'default') {
    return { name, labels: ['linux'], group, workFolder: '_work' };
  }

  const minted = { status: 201, body: { runner: { id: 5 }, encoded_jit_config: 'c2VjcmV0' } };
  const unauthorized = { status: 401, body: { message: 'Bad credentials' } };
  const noRunners = { status: 200, body: { total_count: 0, runners: [] } };

  async function failure(promise: Promise<unknown>, kind: GitHubErrorKind): Promise<GitHubError> {
    const error: unknown = await promise.then(
      () => null,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof GitHubError, `no GitHubError: ${inspect(error)}`);
    assert.equal(error.kind, kind, error.message);
    return error;
  }

  /** Waits for the stub to have been asked so often, without a fixed time. */
  async function asked(count: number): Promise<void> {
    while (stub.requests.length < count) await new Promise(setImmediate);
  }

  test('a hundred calls at once ask for one token and share it', async () => {
    stub.answer = () => noRunners;
    const github = app();
    await Promise.all(Array.from({ length: 100 }, () => github.findRunner(organisation, 'x')));
    assert.equal(stub.tokenRequests, 1);
    assert.deepEqual(
      [...new Set(stub.requests.map((request) => request.authorization))],
      ['Bearer ghs_token1'],
    );
  });

  test('a token is renewed before it expires, and each installation has its own', async () => {
    stub.answer = () => noRunners;
    const github = app();
    await github.listRunners(organisation);
    clock.pass(54 * 60_000);
    await github.listRunners(organisation);
    assert.equal(stub.tokenRequests, 1);
    clock.pass(2 * 60_000);
    await github.listRunners(organisation);
    assert.equal(stub.tokenRequests, 2);
    await github.listRunners({ ...organisation, installation: 8 });
    assert.equal(stub.tokenRequests, 3);
  });

  test('a token is trusted for an hour at most, whatever GitHub’s clock says', async () => {
    stub.answer = () => noRunners;
    const expires_at = new Date(startMs + 3 * 3_600_000).toISOString();
    stub.answerToken = () => ({ status: 201, body: { token: 'ghs_token', expires_at } });
    const github = app();
    await github.listRunners(organisation);
    clock.pass(56 * 60_000);
    await github.listRunners(organisation);
    assert.equal(stub.tokenRequests, 2);
  });

  test('a token that GitHub no longer takes is replaced, and what was asked is asked again', async () => {
    const github = app();
    stub.answer = () => noRunners;
    await github.listRunners(organisation);
    clock.pass(60_000);
    stub.answer = (request) => (request.authorization === 'Bearer ghs_token1' ? unauthorized : minted);
    assert.equal((await github.mintRunner(repositoryScope, registration('x'))).outcome, 'minted');
    assert.equal(stub.tokenRequests, 2);
  });

  test('a token that GitHub does not know yet is given some seconds, and no more', async () => {
    let refusals = 1;
    stub.answer = () => (refusals-- > 0 ? unauthorized : noRunners);
    const github = app();
    await github.listRunners(organisation);
    assert.deepEqual([clock.slept, stub.tokenRequests], [[1_000], 1]);
    refusals = 100;
    await failure(github.listRunners(organisation), 'invalid');
    assert.equal(stub.requests.length, 2 + 3);
  });

  test('the App proves itself by a signed token of its id, valid for less than ten minutes', async () => {
    stub.answer = () => ({ status: 200, body: [] });
    await app().installations();
    const [request] = stub.requests;
    const [head = '', claims = '', signature = ''] =
      request?.authorization.replace('Bearer ', '').split('.') ?? [];
    assert.ok(
      verify(
        'RSA-SHA256',
        Buffer.from(`${head}.${claims}`),
        createPublicKey(testPrivateKey()),
        Buffer.from(signature, 'base64url'),
      ),
    );
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    assert.deepEqual([iss, iat, exp], [42, startMs / 1000 - 60, startMs / 1000 + 540]);
  });

  test('the App’s webhook is changed as a whole, and the secret stands in no error', async () => {
    stub.answer = () => ({ status: 200, body: { url: '', secret: '********' } });
    assert.equal(await app().readHookUrl(), null);
    await app().setHook({ url: 'https://runners.example.com/webhooks/github', secret: 'a new secret' });
    assert.deepEqual(
      stub.requests.map(({ method, path, body }) => ({ method, path, body })),
      [
        { method: 'GET', path: '/app/hook/config', body: {} },
        {
          method: 'PATCH',
          path: '/app/hook/config',
          body: {
            url: 'https://runners.example.com/webhooks/github',
            secret: 'a new secret',
            content_type: 'json',
            insecure_ssl: '0',
          },
        },
      ],
    );
    stub.answer = () => ({ status: 422, body: { message: 'Validation Failed' } });
    const error = await failure(app().setHook({ url: 'https://x', secret: 'a new secret' }), 'invalid');
    assert.doesNotMatch(inspect(error), /a new secret/);
  });

  test('a hundred runners are minted as fast as GitHub answers, never more than 50 at once', async () => {
    const answerMs = 80;
    stub.answer = () => ({ ...minted, delayMs: answerMs });
    const github = app();
    const startedAt = performance.now();
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        github.mintRunner(repositoryScope, registration(`r${index}`)),
      ),
    );
    const tookMs = performance.now() - startedAt;
    assert.ok(all.every((answer) => answer.outcome === 'minted'));
    assert.equal(stub.requests.length, 100);
    assert.ok(stub.atOnce.most <= 50, `${stub.atOnce.most} at once`);
    assert.ok(tookMs >= 2 * answerMs && tookMs < 5_000, `took ${tookMs} ms`);
  });

  test('after a secondary limit nothing is asked before `retry-after`, and nothing waits', async () => {
    const github = app();
    const limit = {
      status: 403,
      headers: { 'retry-after': '60' },
      body: { message: 'You have exceeded a secondary rate limit.' },
    };
    stub.answer = () => ({ ...limit, delayMs: 5 });
    const calls = Array.from({ length: 100 }, (_, index) =>
      failure(github.mintRunner(repositoryScope, registration(`r${index}`)), 'limited'),
    );
    for (const error of await Promise.all(calls)) assert.equal(error.retryAt, startMs + 60_000);
    assert.ok(stub.requests.length <= 50, 'only those already on their way were asked');

    const before = stub.requests.length;
    clock.pass(59_999);
    assert.equal((await failure(github.listRunners(organisation), 'limited')).retryAt, startMs + 60_000);
    assert.equal(stub.requests.length, before);

    stub.answer = () => noRunners;
    await github.listRunners({ ...organisation, installation: 8 });
    clock.pass(1);
    await github.listRunners(organisation);
    assert.equal(stub.requests.length, before + 2);
  });

  test('what GitHub still grants is read from its answers, by installation', async () => {
    const headers = {
      'x-ratelimit-limit': '5000',
      'x-ratelimit-remaining': '4321',
      'x-ratelimit-reset': String(startMs / 1000 + 1800),
    };
    stub.answer = () => ({ ...noRunners, headers });
    const github = app();
    assert.equal(github.rateLeft(7), null);
    await github.listRunners(organisation);
    assert.deepEqual(github.rateLeft(7), { remaining: 4321, limit: 5000, resetsAt: startMs + 1_800_000 });
    assert.equal(github.rateLeft(8), null);
  });

  for (const trouble of ['break', { status: 502, body: 'Bad Gateway' }] as const) {
    const name = typeof trouble === 'string' ? 'a broken connection' : 'a 502';
    test(`a GET is repeated twice after ${name}, a mint and a removal never`, async () => {
      const github = app();
      let left = 2;
      stub.answer = () => (left-- > 0 ? trouble : noRunners);
      assert.deepEqual(await github.listRunners(organisation), []);
      assert.deepEqual([stub.requests.length, clock.slept], [3, [500, 1_000]]);
      assert.equal(clock.pending(), 0, 'no timer is left behind');

      stub.answer = () => trouble;
      await failure(github.listRunners(organisation), 'unavailable');
      assert.equal(stub.requests.length, 6);
      await failure(github.mintRunner(repositoryScope, registration('x')), 'unavailable');
      await failure(github.removeRunner(organisation, 5), 'unavailable');
      await failure(github.redeliver('1'), 'unavailable');
      assert.equal(stub.requests.length, 9);
    });
  }

  test('repeats are spread by chance', async () => {
    let left = 2;
    stub.answer = () => (left-- > 0 ? 'break' : noRunners);
    await app({ random: () => 0.5 }).listRunners(organisation);
    assert.deepEqual(clock.slept, [375, 750]);
  });

  test('a mint whose answer is lost is resolved by its name: taken, found, removed, minted', async () => {
    const entries = new Map<string, number>();
    const sent: string[] = [];
    let lose = true;
    stub.answer = ({ method, path, body }: StubRequest) => {
      sent.push(method);
      if (method === 'GET') {
        const name = new URL(path, stub.url).searchParams.get('name') ?? '';
        const id = entries.get(name);
        const runners = id === undefined ? [] : [{ id, name, status: 'offline', busy: false, labels: [] }];
        return { status: 200, body: { total_count: runners.length, runners } };
      }
      if (method === 'DELETE') {
        entries.clear();
        return { status: 204 };
      }
      const name = String(body['name']);
      if (entries.has(name)) return { status: 409, body: { message: 'Already exists' } };
      entries.set(name, 5);
      if (!lose) return minted;
      lose = false;
      return 'breakInBody';
    };
    const github = app();
    await failure(github.mintRunner(repositoryScope, registration('x')), 'unavailable');
    assert.deepEqual(await github.mintRunner(repositoryScope, registration('x')), { outcome: 'nameTaken' });
    const found = await github.findRunner(repositoryScope, 'x');
    assert.equal(found?.id, 5);
    assert.equal(await github.removeRunner(repositoryScope, 5), 'removed');
    const again = await github.mintRunner(repositoryScope, registration('x'));
    assert.deepEqual(again, { outcome: 'minted', runnerId: 5, jitConfig: 'c2VjcmV0' });
    assert.deepEqual(sent, ['POST', 'POST', 'GET', 'DELETE', 'POST']);
  });

  test('a request that is not answered within its time is given up, and its slot is free again', async () => {
    stub.answer = () => 'silence';
    const github = app({ timeoutMs: 10_000 });
    const given = failure(github.listRunners(organisation), 'unavailable');
    await asked(1);
    clock.pass(9_999);
    clock.pass(1);
    assert.match((await given).message, /within 10 s/);
    assert.equal(stub.requests.length, 1, 'a time-out is not repeated: callers wait no longer than that');
  });

  test('one that waits for a slot longer than its time was not sent, and says so', async () => {
    stub.answer = () => 'silence';
    const github = app({ timeoutMs: 10_000 });
    const calls = Array.from({ length: 51 }, () =>
      github.removeRunner(organisation, 5).catch((error: unknown) => error),
    );
    await asked(50);
    clock.pass(10_000);
    const kinds = (await Promise.all(calls)).map((error) => error instanceof GitHubError && error.kind);
    assert.equal(kinds.filter((kind) => kind === 'unavailable').length, 50);
    assert.equal(kinds.filter((kind) => kind === 'limited').length, 1);
    assert.equal(stub.requests.length, 50);
  });

  test('an Enterprise Server is asked under its prefix', async () => {
    stub.answer = () => noRunners;
    const paths: string[] = [];
    const fetch: typeof globalThis.fetch = (input, init) => {
      paths.push(new URL(String(input)).pathname);
      return globalThis.fetch(input, init);
    };
    await app({ apiUrl: `${stub.url}/api/v3/`, fetch }).listRunners(organisation);
    assert.deepEqual(paths, [
      '/api/v3/app/installations/7/access_tokens',
      '/api/v3/orgs/acme/actions/runners',
    ]);
  });

  test('the URL of an API is checked before anything is asked', () => {
    for (const apiUrl of [
      '',
      'api.github.com',
      'ftp://github.com',
      'https://me:secret@github.com',
      'https://x/?a=b',
    ]) {
      assert.throws(
        () => app({ apiUrl }),
        (error: Error) =>
          /https:\/\/api\.github\.com/.test(error.message) && !error.message.includes('secret'),
      );
    }
  });

  test('no error shows the key, a token or a configuration, even where a proxy sends them back', async () => {
    const github = app();
    const errors: unknown[] = [];
    const collect = async (promise: Promise<unknown>) =>
      errors.push(await promise.then(inspect, (error: unknown) => error));
    stub.answer = (request) => ({ status: 400, body: { message: `bad header ${request.authorization}` } });
    await collect(github.mintRunner(repositoryScope, registration('x')));
    await collect(github.installations());
    stub.answer = (request) => ({ status: 502, body: `<pre>${JSON.stringify(request)}</pre>` });
    await collect(github.mintRunner(repositoryScope, registration('x')));
    stub.answer = () => ({ status: 201, body: { runner: {}, encoded_jit_config: 'c2VjcmV0' } });
    await collect(github.mintRunner(repositoryScope, registration('x')));
    stub.answer = () => 'break';
    await collect(github.mintRunner(repositoryScope, registration('x')));
    assert.equal(errors.length, 5);
    const jwt = stub.requests.find((request) => request.path.startsWith('/app/'))?.authorization.slice(7);
    assert.ok(jwt);
    const secrets = ['ghs_token', jwt, 'c2VjcmV0', testPrivateKey().split('\n')[3] ?? ''];
    for (const error of errors) {
      assert.ok(error instanceof GitHubError);
      for (const secret of secrets) assert.ok(!inspect(error, { depth: 9 }).includes(secret), inspect(error));
    }
  });

  test('an installation that gives no token is suspended or deleted', async () => {
    const github = app();
    for (const status of [403, 404]) {
      stub.answerToken = () => ({ status, body: { message: 'This installation has been suspended' } });
      const error = await failure(github.listRunners(organisation), 'suspended');
      assert.match(error.message, /Installation 7 .* suspended or deleted/);
    }
    assert.equal(stub.requests.length, 0);
  });

  test('an installation that is suspended while its token lives is suspended too', async () => {
    stub.answer = () => ({ status: 403, body: { message: 'This installation has been suspended' } });
    await failure(app().listRunners(organisation), 'suspended');
  });

  test('an App that GitHub does not know is our own fault, not the installation’s', async () => {
    stub.answerToken = () => ({ status: 401, body: { message: 'A JSON web token could not be decoded' } });
    const error = await failure(app().listRunners(organisation), 'invalid');
    assert.match(error.message, /id and its private key must belong together.*clock/);
  });

  test('an address that knows no App, such as that of the pages of a server, is told as one', async () => {
    stub.answer = () => ({ status: 404, body: { message: 'Not Found' } });
    await assert.rejects(app().readApp(), /404.*the one of GitHub's API, which ends with \/api\/v3/);
  });

  test('a missing permission is named', async () => {
    stub.answer = () => ({
      status: 403,
      headers: { 'x-accepted-github-permissions': 'organization_self_hosted_runners=write' },
      body: { message: 'Resource not accessible by integration' },
    });
    const error = await failure(app().listRunners(organisation), 'forbidden');
    assert.match(error.message, /needs organization_self_hosted_runners=write: grant it/);
  });

  test("a group's id is read once for all, and again when GitHub no longer knows it", async () => {
    let id = 3;
    let mintStatus = 201;
    stub.answer = ({ method }) =>
      method === 'GET'
        ? groups({ id: 1, name: 'Default', default: true }, { id, name: 'big', default: false })
        : mint();
    const mint = () => (mintStatus === 201 ? minted : { status: mintStatus, body: { message: 'Not Found' } });
    const github = app();
    const mintAs = (group: string) => github.mintRunner(organisation, registration('x', group));
    await Promise.all(Array.from({ length: 20 }, (_, index) => mintAs(index % 2 ? 'big' : 'default')));
    assert.equal(stub.requests.filter((request) => request.method === 'GET').length, 1);
    const ids = new Set(stub.requests.map((request) => request.body['runner_group_id']));
    assert.deepEqual([...ids].sort(), [1, 3, undefined]);

    id = 9;
    mintStatus = 404;
    const refused = await mintAs('big');
    assert.ok(refused.outcome === 'refused' && /deleted meanwhile/.test(refused.reason));
    mintStatus = 201;
    await mintAs('big');
    assert.equal(stub.requests.at(-1)?.body['runner_group_id'], 9);
  });

  function groups(...runner_groups: { id: number; name: string; default: boolean }[]) {
    return { status: 200, body: { total_count: runner_groups.length, runner_groups } };
  }

  test('an unknown group is refused with the names there are, at the cost of one look a minute', async () => {
    stub.answer = ({ method }) =>
      method === 'GET' ? groups({ id: 1, name: 'Default', default: true }) : minted;
    const github = app();
    for (let i = 0; i < 5; i += 1) {
      const refused = await github.mintRunner(organisation, registration('x', 'big'));
      assert.ok(refused.outcome === 'refused' && /no runner group “big”, but “Default”/.test(refused.reason));
    }
    assert.equal(stub.requests.length, 1);
    clock.pass(60_000);
    stub.answer = ({ method }) =>
      method === 'GET' ? groups({ id: 4, name: 'big', default: false }) : minted;
    assert.equal((await github.mintRunner(organisation, registration('x', 'big'))).outcome, 'minted');
  });

  test('a list of groups that failed is asked for again', async () => {
    const github = app();
    stub.answer = () => ({ status: 500, body: {} });
    await failure(github.mintRunner(organisation, registration('x')), 'unavailable');
    stub.answer = ({ method }) => (method === 'GET' ? groups({ id: 1, name: 'D', default: true }) : minted);
    assert.equal((await github.mintRunner(organisation, registration('x'))).outcome, 'minted');
  });

  test('an organisation that shows no groups has its default one all the same', async () => {
    stub.answer = ({ method }) =>
      method === 'GET' ? { status: 404, body: { message: 'Not Found' } } : minted;
    const github = app();
    assert.equal((await github.mintRunner(organisation, registration('x'))).outcome, 'minted');
    assert.equal(stub.requests.at(-1)?.body['runner_group_id'], 1);
    assert.equal((await github.mintRunner(organisation, registration('x', 'big'))).outcome, 'refused');
  });

  test('a repository has one group', async () => {
    stub.answer = () => minted;
    const github = app();
    const refused = await github.mintRunner(repositoryScope, registration('x', 'big'));
    assert.ok(refused.outcome === 'refused' && /Groups belong to organisations/.test(refused.reason));
    await github.mintRunner(repositoryScope, registration('x'));
    assert.deepEqual(
      stub.requests.map((request) => request.body['runner_group_id']),
      [1],
    );
  });

  test('a runner of a scope that can no longer be seen is not taken for gone', async () => {
    stub.answer = () => ({ status: 404, body: { message: 'Not Found' } });
    const github = app();
    await failure(github.removeRunner(repositoryScope, 5), 'invalid');
    stub.answer = ({ method }) =>
      method === 'DELETE' ? { status: 404, body: { message: 'Not Found' } } : noRunners;
    assert.equal(await github.removeRunner(repositoryScope, 5), 'absent');
  });

  test('a busy runner is busy, in the words of old servers too', async () => {
    const github = app();
    for (const status of [422, 400]) {
      stub.answer = () => ({ status, body: { message: 'Runner "x" is still running a job' } });
      assert.equal(await github.removeRunner(organisation, 5), 'busy');
    }
  });

  test('a runner is found by its whole name, though a server should give others too', async () => {
    const runners = ['x1', 'x'].map((name, id) => ({ id, name, status: 'online', busy: false }));
    stub.answer = () => ({ status: 200, body: { total_count: 2, runners } });
    const github = app();
    assert.equal((await github.findRunner(organisation, 'x'))?.id, 1);
    assert.equal(await github.findRunner(organisation, 'y'), null);
  });

  test('a list that is too long to be read is an error, not a part of it', async () => {
    stub.answer = () => ({ status: 200, body: { total_count: 50_001, runners: [] } });
    await failure(app().listRunners(organisation), 'invalid');
    assert.equal(stub.requests.length, 1);
  });

  test('installations are read to the last page, though GitHub does not say how many there are', async () => {
    stub.answer = ({ path }) => {
      const page = Number(new URL(path, stub.url).searchParams.get('page'));
      const body = Array.from({ length: page < 3 ? 100 : 7 }, (_, index) => ({
        id: page * 1000 + index,
        account: { login: 'Acme' },
        suspended_at: null,
      }));
      return { status: 200, body };
    };
    assert.equal((await app().installations()).length, 207);
  });

  test('an entry that moved to the next page while the list was read is listed once', async () => {
    const runner = (id: number) => ({ id, name: `r${id}`, status: 'online', busy: false });
    const first = Array.from({ length: 100 }, (_, index) => runner(index));
    stub.answer = ({ path }) => {
      const page = new URL(path, stub.url).searchParams.get('page');
      return {
        status: 200,
        body: { total_count: 150, runners: page === '1' ? first : [runner(99), runner(100)] },
      };
    };
    const runners = await app().listRunners(organisation);
    assert.equal(runners.length, 101);
  });

  test('a moved repository is followed by a GET, and named by a refusal to anything else', async () => {
    stub.answer = ({ path }) =>
      path.startsWith('/repositories/')
        ? noRunners
        : {
            status: 307,
            headers: { location: `${stub.url}/repositories/1/actions/runners` },
            body: { message: 'Moved' },
          };
    const github = app();
    assert.deepEqual(await github.listRunners(repositoryScope), []);
    const error = await failure(github.mintRunner(repositoryScope, registration('x')), 'invalid');
    assert.match(error.message, /has moved/);
  });

  test('deliveries keep every digit of their ids, and are read back to the time that was asked for', async () => {
    const ids = ['3804004623172239366', '3804004623172239365', '3804004623172239364', '199287304442'];
    stub.answer = ({ method, path }) => {
      if (method === 'POST') return { status: 202, body: {} };
      const cursor = Number(new URL(path, stub.url).searchParams.get('cursor') ?? 0);
      const row =
        `{"id":${ids[cursor]},"guid":"g${cursor}","delivered_at":"${new Date(startMs - cursor * 1000).toISOString()}",` +
        `"redelivery":false,"status":"OK","status_code":${cursor === 1 ? 0 : 202},"event":"workflow_job","action":"queued"}`;
      const link = `<https://elsewhere.example/app/hook/deliveries?cursor=${cursor + 1}>; rel="next"`;
      return { status: 200, headers: cursor < 3 ? { link } : {}, body: `[${row}]` };
    };
    const github = app();
    const deliveries = await github.deliveriesSince(startMs - 2_000, 100);
    assert.deepEqual(
      deliveries.map(({ id, ok }) => [id, ok]),
      [
        [ids[0], true],
        [ids[1], false],
        [ids[2], true],
      ],
    );
    assert.equal((await github.deliveriesSince(0, 2)).length, 2);
    await github.redeliver(ids[0] ?? '');
    assert.equal(stub.requests.at(-1)?.path, '/app/hook/deliveries/3804004623172239366/attempts');
  });

  test('jobs that wait are looked for in so many runs at most, by chance, so that each has its turn', async () => {
    const runs = Array.from({ length: 300 }, (_, index) => ({ id: index + 1 }));
    stub.answer = ({ path }) => {
      const url = new URL(path, stub.url);
      if (url.pathname.endsWith('/jobs')) return { status: 200, body: { total_count: 0, jobs: [] } };
      if (url.searchParams.get('status') === 'queued') {
        return { status: 200, body: { total_count: 0, workflow_runs: [] } };
      }
      const page = Number(url.searchParams.get('page'));
      const workflow_runs = runs.slice((page - 1) * 100, page * 100);
      return { status: 200, body: { total_count: runs.length, workflow_runs } };
    };
    const looked = async (chance: number) => {
      stub.requests = [];
      await app({ random: () => chance }).queuedJobs(repository);
      const jobLists = stub.requests.filter(({ path }) => path.includes('/jobs'));
      assert.ok(jobLists.every(({ path }) => path.includes('filter=latest')));
      return stub.requests
        .map(({ path }) => /runs\/(\d+)\/jobs/.exec(path)?.[1])
        .filter((id) => id !== undefined);
    };
    const low = await looked(0);
    const high = await looked(0.999);
    assert.deepEqual([low.length, high.length], [200, 200]);
    assert.deepEqual(new Set(low).size, 200);
    assert.ok(high.includes('300') && !low.includes('300'));
  });

  test('each request is told of, with its route, status and time', async () => {
    const made: RequestMade[] = [];
    stub.answer = ({ method }) => (method === 'GET' ? noRunners : 'break');
    const github = app({ onRequest: (request) => made.push(request) });
    await github.listRunners(organisation);
    await failure(github.removeRunner(organisation, 5), 'unavailable');
    assert.deepEqual(
      made.map(({ installation, route, status }) => [installation, route, status]),
      [
        [null, 'POST /app/installations/{installation_id}/access_tokens', 201],
        [7, 'GET /orgs/{org}/actions/runners', 200],
        [7, 'DELETE /orgs/{org}/actions/runners/{runner_id}', 0],
      ],
    );
  });
});
