// The simulated GitHub over HTTP: with raw requests, for what clients hide, and with Octokit's App, unchanged.

import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { App } from '@octokit/app';
import { Octokit } from '@octokit/core';
import { Webhooks } from '@octokit/webhooks';
import { createSystemClock } from '../../clock/system/index.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import type { AnswerFault } from './api.ts';
import { type SimulatedGitHub, startSimulatedGitHub } from './server.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const clock = createSystemClock();
const atOnce = { minMs: 0, maxMs: 0 };
const webhookSecret = 'a secret of the test';

interface Hook {
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

describe('the simulated GitHub over HTTP', () => {
  const hooks: Hook[] = [];
  const receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      hooks.push({ headers: request.headers, body });
      response.writeHead(202).end('accepted');
    });
  });
  let fault: AnswerFault | null = null;
  let server: SimulatedGitHub;
  let token = '';
  let installation = 0;
  let lastName = 0;

  before(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    server = await startSimulatedGitHub({
      clock,
      random: createSeededRandom('server'),
      publicKey,
      app: { id: 42, webhookSecret },
      settings: { pickUp: atOnce, deliveryDelay: atOnce },
      faults: { answer: (route) => (route.includes('{runner_id}') ? fault : null) },
      webhookUrl: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks`,
      setUp(world) {
        world.addOrganisation('Acme');
        world.addRepository('Acme/App');
        world.addRepository('Acme/Other');
        world.addRunnerGroup('Acme', 'few', { repositories: ['Acme/Other'] });
        world.install('Acme', { repositories: ['Acme/App'] });
      },
    });
    installation = [...server.world.state.installations.keys()][0] ?? 0;
    const issued = await ask('POST', `/app/installations/${installation}/access_tokens`, jwt());
    token = issued.body['token'];
  });

  after(async () => {
    await server.close();
    receiver.close();
    receiver.closeAllConnections();
  });

  interface Claims {
    iat?: number;
    exp?: number;
    iss?: string | number;
  }

  function jwt(claims: Claims = {}, key = privateKey): string {
    const now = Math.floor(clock.now() / 1_000);
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 30, exp: now + 540, iss: '42', ...claims })}`;
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key).toString('base64url')}`;
  }

  async function ask(method: string, path: string, credential: string | null, payload?: unknown) {
    const response = await fetch(server.url + path, {
      method,
      ...(credential && { headers: { authorization: `Bearer ${credential}` } }),
      ...(payload !== undefined && { body: JSON.stringify(payload) }),
    });
    const text = await response.text();
    assert.equal(response.headers.get('x-simulated-github'), 'stand-in');
    return {
      status: response.status,
      headers: response.headers,
      body: text === '' ? null : JSON.parse(text),
      text,
    };
  }

  function mint(overrides: Record<string, unknown> = {}, scope = 'orgs/acme') {
    lastName += 1;
    const payload = { name: `runner-${lastName}`, runner_group_id: 1, labels: ['linux'], ...overrides };
    return ask('POST', `/${scope}/actions/runners/generate-jitconfig`, token, payload);
  }

  /** Waits for what another process or socket is about to do. */
  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    while (!(await condition())) await clock.sleep(5);
  }

  test('the App tells where its webhooks go and what they are signed with, and the secret is never shown', async () => {
    const before = await ask('GET', '/app/hook/config', jwt());
    const changed = await ask('PATCH', '/app/hook/config', jwt(), {
      url: `${before.body.url}?changed`,
      secret: 'another secret of the test',
      content_type: 'json',
    });
    assert.deepEqual(
      [changed.status, changed.body.url, changed.body.secret],
      [200, `${before.body.url}?changed`, '********'],
    );
    assert.equal(server.world.app.webhookSecret, 'another secret of the test');
    assert.equal((await ask('PATCH', '/app/hook/config', jwt(), { url: 'ftp://x' })).status, 422);
    assert.equal((await ask('GET', '/app/hook/config', token)).status, 401);
    // Back as it was, for the tests after this one.
    await ask('PATCH', '/app/hook/config', jwt(), { url: before.body.url, secret: webhookSecret });
    assert.equal((await ask('GET', '/app/hook/config', jwt())).body.url, before.body.url);
  });

  describe('the App signs in', () => {
    test('by a JWT of its key, whose times GitHub checks', async () => {
      const now = Math.floor(clock.now() / 1_000);
      assert.equal((await ask('GET', '/app', jwt())).body.id, 42);
      assert.equal((await ask('GET', '/app', jwt({ iss: 42 }))).status, 200);
      const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
      for (const [credential, status, message] of [
        [null, 401, /Requires authentication/],
        ['ghs_unknown', 401, /Bad credentials/],
        ['a.b.c', 401, /could not be decoded/],
        [jwt({}, other.export({ type: 'pkcs8', format: 'pem' }).toString()), 401, /could not be decoded/],
        [jwt({ exp: now - 1 }), 401, /'exp'/],
        [jwt({ exp: now + 3_600 }), 401, /too far in the future/],
        [jwt({ iat: now + 300 }), 401, /'Issued at'/],
        [jwt({ iss: '43' }), 404, /Integration not found/],
        [token, 401, /could not be decoded/],
      ] as const) {
        const answer = await ask('GET', '/app', credential);
        assert.equal(answer.status, status, answer.text);
        assert.match(answer.body.message, message);
        assert.ok(answer.body.documentation_url);
      }
    });

    test("for an installation by its token, which the App's own routes refuse", async () => {
      assert.match(token, /^ghs_\w{36}$/);
      assert.equal((await ask('GET', '/app/hook/deliveries', token)).status, 401);
      assert.equal((await ask('GET', '/installation/repositories', jwt())).status, 401);
      const repositories = await ask('GET', '/installation/repositories', token);
      assert.deepEqual(
        [repositories.body.total_count, repositories.body.repositories[0].full_name],
        [1, 'Acme/App'],
      );
      assert.equal((await ask('POST', '/app/installations/1/access_tokens', jwt())).status, 404);
      assert.equal((await ask('GET', '/repos/acme/app/installation', jwt())).body.id, installation);
      assert.equal((await ask('GET', '/repos/acme/other/installation', jwt())).status, 404);
      assert.equal((await ask('GET', '/orgs/acme/installation', jwt())).body.account.login, 'Acme');
    });

    test('is refused while the installation is suspended', async () => {
      server.world.setInstallation(installation, 'suspended');
      const refused = await ask('POST', `/app/installations/${installation}/access_tokens`, jwt());
      assert.deepEqual([refused.status, refused.body.message], [403, 'This installation has been suspended']);
      assert.equal((await ask('GET', '/orgs/acme/actions/runners', token)).status, 403);
      server.world.setInstallation(installation, 'active');
      assert.equal((await ask('GET', '/orgs/acme/actions/runners', token)).status, 200);
    });
  });

  describe('runners over HTTP', () => {
    test('are minted, and refused with the status codes of GitHub', async () => {
      const minted = await mint();
      assert.equal(minted.status, 201);
      assert.ok(minted.body.encoded_jit_config.length > 4_096);
      assert.deepEqual(
        minted.body.runner.labels.map((label: { name: string }) => label.name),
        ['linux'],
      );
      assert.equal((await mint({ name: minted.body.runner.name })).status, 409);
      assert.equal((await mint({ labels: [] })).status, 422);
      assert.equal((await mint({ labels: undefined })).status, 422);
      assert.equal((await mint({ name: 'x'.repeat(65) })).status, 422);
      assert.equal((await mint({ runner_group_id: 99 })).status, 404);
      assert.equal((await mint({}, 'orgs/nobody')).status, 404);
      assert.equal((await mint({}, 'repos/acme/other')).status, 404, 'outside the installation');
      assert.equal((await mint({}, 'repos/acme/app')).status, 201);
      assert.equal((await mint({ runner_group_id: 2 }, 'repos/acme/app')).status, 404);
    });

    test('are listed in pages that link to one another, or found by their exact name', async () => {
      for (let i = 0; i < 5; i += 1) await mint();
      const first = await ask('GET', '/orgs/acme/actions/runners?per_page=2', token);
      assert.equal(first.body.runners.length, 2);
      assert.match(first.headers.get('link') ?? '', /<[^>]+page=2[^>]*>; rel="next", <[^>]+>; rel="last"/);
      const names = new Set<string>();
      let next: string | undefined = '/orgs/acme/actions/runners?per_page=2';
      while (next) {
        const page = await ask('GET', next, token);
        for (const { name } of page.body.runners) names.add(name);
        next = /<http:\/\/[^/]+([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.equal(names.size, first.body.total_count);
      const [name = ''] = names;
      assert.equal((await ask('GET', `/orgs/acme/actions/runners?name=${name}`, token)).body.total_count, 1);
      assert.equal((await ask('GET', '/orgs/acme/actions/runners?name=runner', token)).body.total_count, 0);
    });

    test('are read and deleted by id', async () => {
      const { id } = (await mint()).body.runner;
      const read = await ask('GET', `/orgs/acme/actions/runners/${id}`, token);
      assert.deepEqual([read.body.status, read.body.busy, read.body.version], ['offline', false, null]);
      const deleted = await ask('DELETE', `/orgs/acme/actions/runners/${id}`, token);
      assert.deepEqual([deleted.status, deleted.text], [204, '']);
      assert.equal((await ask('DELETE', `/orgs/acme/actions/runners/${id}`, token)).status, 404);
      assert.equal((await ask('GET', `/orgs/acme/actions/runners/x`, token)).status, 404);
    });

    test('have groups, which admit repositories or not', async () => {
      const all = await ask('GET', '/orgs/acme/actions/runner-groups', token);
      assert.deepEqual(
        all.body.runner_groups.map((group: { name: string }) => group.name),
        ['Default', 'few'],
      );
      assert.equal(all.body.runner_groups[0].allows_public_repositories, false);
      const visible = await ask('GET', '/orgs/acme/actions/runner-groups?visible_to_repository=app', token);
      assert.deepEqual(
        visible.body.runner_groups.map((group: { name: string }) => group.name),
        ['Default'],
      );
    });

    test('can be downloaded from where GitHub says', async () => {
      const { body } = await ask('GET', '/orgs/acme/actions/runners/downloads', token);
      assert.ok(
        body.some(
          (entry: { os: string; architecture: string }) =>
            entry.os === 'linux' && entry.architecture === 'arm64',
        ),
      );
    });
  });

  describe('every answer', () => {
    test('tells the rate and the request id', async () => {
      const before = await ask('GET', '/orgs/acme/actions/runners', token);
      const left = Number(before.headers.get('x-ratelimit-remaining'));
      const again = await ask('GET', '/orgs/acme/actions/runners', token);
      assert.equal(Number(again.headers.get('x-ratelimit-remaining')), left - 1);
      assert.ok(Number(again.headers.get('x-ratelimit-reset')) * 1_000 > clock.now());
      assert.ok(again.headers.get('x-github-request-id'));
      const rate = await ask('GET', '/rate_limit', token);
      assert.equal(rate.body.resources.core.remaining, left - 1, 'which costs nothing itself');
    });

    test('breaks off, fails or is refused as the hook says', async () => {
      const { id } = (await mint()).body.runner;
      const path = `/orgs/acme/actions/runners/${id}`;
      fault = 'unavailable';
      assert.equal((await ask('DELETE', path, token)).status, 502);
      fault = 'limited';
      const limited = await ask('DELETE', path, token);
      assert.deepEqual([limited.status, limited.headers.get('retry-after')], [403, '60']);
      fault = 'lost';
      await assert.rejects(ask('DELETE', path, token), TypeError);
      fault = null;
      assert.equal((await ask('DELETE', path, token)).status, 404, 'it took effect, unheard');
    });

    test('names the permission that is missing', async () => {
      const entry = server.world.state.installations.get(installation);
      assert.ok(entry);
      const { permissions } = entry;
      entry.permissions = { metadata: 'read', organization_self_hosted_runners: 'read' };
      const refused = await mint();
      assert.equal(refused.status, 403);
      assert.equal(
        refused.headers.get('x-accepted-github-permissions'),
        'organization_self_hosted_runners=write',
      );
      entry.permissions = permissions;
    });

    test('comes below /api/v3 too, and is 404 where GitHub has nothing', async () => {
      assert.equal((await ask('GET', '/api/v3/app', jwt())).body.id, 42);
      assert.equal((await ask('GET', '/api/v3/meta', null)).status, 200);
      assert.equal((await ask('GET', '/nowhere', jwt())).status, 404);
    });

    test('takes as long as it is told to', async () => {
      server.setLatency(60);
      const startedAt = clock.now();
      await ask('GET', '/meta', null);
      assert.ok(clock.now() - startedAt >= 55);
      server.setLatency(0);
    });
  });

  test('a run, from its start by the control route to its signed webhooks, by the hand of a runner', async () => {
    const minted = await mint({ labels: ['e2e'] });
    const workflow = {
      name: 'CI',
      jobs: [{ name: 'build', labels: ['E2E'], steps: [{ name: 'one', run: 'true' }] }],
    };
    const started = await ask('POST', '/_simulator/runs', null, { repository: 'acme/app', workflow });
    assert.equal(started.status, 201);
    const jobId: number = started.body.jobs[0].id;
    const jobPath = `/repos/acme/app/actions/jobs/${jobId}`;
    assert.equal((await ask('GET', jobPath, token)).body.status, 'queued');
    const runs = await ask('GET', '/repos/acme/app/actions/runs?status=queued', token);
    assert.deepEqual(
      runs.body.workflow_runs.map((run: { id: number }) => run.id),
      [started.body.run_id],
    );

    const door = '/_simulator/runner/sessions';
    const jitConfig = minted.body.encoded_jit_config;
    const session = await ask('POST', door, null, { jitConfig, version: '2.336.0' });
    assert.equal((await ask('POST', door, null, { jitConfig, version: '2.336.0' })).status, 409);
    const message = await ask('GET', `${door}/${session.body.sessionId}/message`, null);
    assert.deepEqual([message.body.type, message.body.job.id], ['job', jobId]);
    const again = await ask('GET', `${door}/${session.body.sessionId}/message`, null);
    assert.deepEqual(again.body, message.body, 'the answer may have been lost');
    assert.equal((await ask('GET', jobPath, token)).body.status, 'in_progress');
    assert.equal(
      (await ask('DELETE', `/orgs/acme/actions/runners/${minted.body.runner.id}`, token)).status,
      422,
    );
    const finished = await ask('POST', `${door}/${session.body.sessionId}/finish`, null, {
      conclusion: 'success',
      steps: [],
    });
    assert.equal(finished.body.isAccepted, true);
    assert.equal((await ask('GET', `${door}/${session.body.sessionId}/message`, null)).body.type, 'gone');
    const jobs = await ask(
      'GET',
      `/repos/acme/app/actions/runs/${started.body.run_id}/jobs?filter=latest`,
      token,
    );
    assert.deepEqual([jobs.body.total_count, jobs.body.jobs[0].conclusion], [1, 'success']);

    await until(() => hooks.length >= 3);
    assert.deepEqual(
      hooks.map((hook) => JSON.parse(hook.body).action),
      ['queued', 'in_progress', 'completed'],
    );
    const webhooks = new Webhooks({ secret: webhookSecret });
    for (const { headers, body } of hooks) {
      assert.ok(await webhooks.verify(body, String(headers['x-hub-signature-256'])));
      assert.equal(headers['x-github-hook-installation-target-id'], '42');
    }
  });

  test('deliveries are listed in pages by a cursor, with ids beyond 2^53, and sent again', async () => {
    const before = hooks.length;
    const list = await ask('GET', '/app/hook/deliveries?per_page=2', jwt());
    assert.match(list.text, /^\[\{"id":4611686018427387\d{3},/);
    const cursor = /cursor=([^&>]+)/.exec(list.headers.get('link') ?? '')?.[1];
    const older = await ask('GET', `/app/hook/deliveries?per_page=2&cursor=${cursor}`, jwt());
    assert.deepEqual(
      older.body.map((row: { action: string }) => row.action),
      ['queued'],
    );
    assert.equal(older.headers.get('link'), null);
    const id = /"id":(\d+)/.exec(older.text)?.[1];
    assert.equal((await ask('POST', `/app/hook/deliveries/${id}/attempts`, jwt())).status, 202);
    await until(() => hooks.length > before);
    assert.equal(hooks.at(-1)?.headers['x-github-delivery'], older.body[0].guid);
    assert.equal((await ask('POST', '/app/hook/deliveries/7/attempts', jwt())).status, 404);
    assert.deepEqual((await ask('GET', '/app/hook/deliveries?status=failure', jwt())).body, []);
  });

  test('control routes cancel, run again, approve and show everything', async () => {
    const gated = { name: 'gated', jobs: [{ name: 'deploy', labels: ['x'], approval: true }] };
    const { body } = await ask('POST', '/_simulator/runs', null, { repository: 'acme/app', workflow: gated });
    assert.deepEqual(
      body.jobs.map((job: { status: string }) => job.status),
      ['waiting'],
    );
    const run = `/_simulator/runs/${body.run_id}`;
    assert.equal((await ask('POST', `${run}/approve`, null)).body.approved, 1);
    assert.equal((await ask('POST', `/_simulator/jobs/${body.jobs[0].id}/cancel`, null)).body.done, true);
    assert.equal((await ask('POST', `${run}/rerun`, null, { which: 'all' })).body.done, true);
    assert.equal((await ask('POST', `${run}/cancel`, null)).body.done, true);
    const demo = await ask('POST', '/_simulator/runs', null, {
      repository: 'acme/app',
      demo: 'matrix',
      labels: { build: ['demo'] },
    });
    assert.equal(demo.body.jobs.length, 40);
    await ask('POST', `/_simulator/runs/${demo.body.run_id}/cancel`, null);
    const state = await ask('GET', '/_simulator/state', null);
    assert.equal(state.body.latest_runs[0].conclusion, 'cancelled');
    assert.equal(state.body.jobs.completed, 43);
    for (const wrong of [
      { repository: 'acme/app', demo: 'none' },
      { repository: 'acme/none', demo: 'lint' },
      {},
    ]) {
      const refused = await ask('POST', '/_simulator/runs', null, wrong);
      assert.equal(refused.status, 400);
      assert.ok(refused.body.message.length > 20, refused.body.message);
    }
  });

  test('no web page starts a run, and with a key nobody who was not told it', async () => {
    const started = server.world.state.runs.size;
    const body = JSON.stringify({ repository: 'acme/app', demo: 'lint' });
    const headers = { origin: 'https://example.com', 'content-type': 'text/plain' };
    const fromPage = await fetch(`${server.url}/_simulator/runs`, { method: 'POST', headers, body });
    assert.equal(fromPage.status, 403);
    assert.equal(server.world.state.runs.size, started);

    const random = createSeededRandom('locked');
    const locked = await startSimulatedGitHub({ clock, random, publicKey, controlKey: 'a-key' });
    try {
      locked.world.addOrganisation('Acme');
      locked.world.addRepository('Acme/App');
      for (const [query, status] of [
        ['', 403],
        ['?key=another-key', 403],
        ['?key=a-key', 201],
      ] as const) {
        const answer = await fetch(`${locked.url}/_simulator/runs${query}`, { method: 'POST', body });
        assert.equal(answer.status, status, query);
      }
      assert.equal(locked.world.state.runs.size, 1);
    } finally {
      await locked.close();
    }
  });

  for (const prefix of ['', '/api/v3']) {
    test(`Octokit's App works with it unchanged at "${prefix}"`, async () => {
      const app = new App({
        appId: 42,
        privateKey,
        Octokit: Octokit.defaults({ baseUrl: server.url + prefix }),
      });
      const names: string[] = [];
      for await (const { repository } of app.eachRepository.iterator()) names.push(repository.full_name);
      assert.deepEqual(names, ['Acme/App']);
      const octokit = await app.getInstallationOctokit(installation);
      lastName += 1;
      const minted = await octokit.request('POST /orgs/{org}/actions/runners/generate-jitconfig', {
        org: 'acme',
        name: `runner-${lastName}`,
        runner_group_id: 1,
        labels: ['linux'],
      });
      assert.equal(minted.status, 201);
      const gone = octokit.request('GET /repos/{owner}/{repo}/actions/jobs/{job_id}', {
        owner: 'acme',
        repo: 'app',
        job_id: 1,
      });
      await assert.rejects(gone, { status: 404 });
    });
  }

  test('a runner that does not ask any more is taken for lost, and its job fails in time', async () => {
    const virtual = createVirtualClock(Date.UTC(2026, 10, 1));
    const lonely = await startSimulatedGitHub({
      clock: virtual,
      random: createSeededRandom('lonely'),
      publicKey,
      settings: { pickUp: atOnce },
    });
    lonely.world.addOrganisation('Acme');
    lonely.world.addRepository('Acme/App');
    const installed = lonely.world.install('Acme');
    const terms = { name: 'one', groupId: 1, labels: ['linux'], workFolder: '_work' };
    const minted = lonely.world.api.mint(installed, 'acme', terms);
    assert.ok(minted.outcome === 'done');
    const { runner, jitConfig } = minted.value;
    const door = `${lonely.url}/_simulator/runner/sessions`;
    const body = JSON.stringify({ jitConfig, version: '2.336.0' });
    const session = Object(await (await fetch(door, { method: 'POST', body })).json());
    const run = lonely.world.startRun('acme/app', {
      name: 'CI',
      jobs: [{ name: 'build', labels: ['linux'] }],
    });
    const poll = fetch(`${door}/${session.sessionId}/message`);
    await until(async () => {
      await virtual.advance(1);
      return run.jobs[0]?.status === 'in_progress';
    });
    await poll;
    await virtual.advance(100_000);
    assert.equal(runner.phase, 'offline');
    assert.equal(run.jobs[0]?.status, 'in_progress');
    await virtual.advance(600_000);
    assert.equal(run.jobs[0]?.conclusion, 'failure');
    await lonely.close();
  });

  test('a server that ends lets go of its port, its long polls and its timers', async () => {
    const short = await startSimulatedGitHub({ clock, random: createSeededRandom('short'), publicKey });
    short.world.addOrganisation('Acme');
    const installed = short.world.install('Acme');
    const terms = { name: 'one', groupId: 1, labels: ['linux'], workFolder: '_work' };
    const minted = short.world.api.mint(installed, 'acme', terms);
    assert.ok(minted.outcome === 'done');
    const door = `${short.url}/_simulator/runner/sessions`;
    const body = JSON.stringify({ jitConfig: minted.value.jitConfig, version: '2.336.0' });
    const session = await (await fetch(door, { method: 'POST', body })).json();
    const poll = fetch(`${door}/${Object(session).sessionId}/message`).catch(() => 'broken off');
    await short.close();
    await poll;
    await assert.rejects(fetch(short.url));
  });
});
