import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import examples from '@octokit/webhooks-examples/api.github.com/index.json' with { type: 'json' };
import { configurationOf, poolSettings } from '../../../test/fixtures/books.ts';
import { createStations, prefix, type Stations, silent } from '../../../test/fixtures/stations.ts';
import { jobKey } from '../../core/ids.ts';
import { createWebhookDoor, type WebhookRequest, webhookBytesMax } from './webhook.ts';

const secret = 'a secret of the test';
const configuration = configurationOf([poolSettings('lint', { labels: ['self-hosted', 'lint'] })]);

function doorOf(stations: Stations, secrets = [secret]) {
  return createWebhookDoor({ ...stations, telemetry: silent, secrets });
}

function signed(body: string | Uint8Array, change: Partial<WebhookRequest> = {}): WebhookRequest {
  const bytes = Buffer.from(body);
  const signature = `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`;
  return { signature, event: 'workflow_job', delivery: 'guid', body: bytes, ...change };
}

function eventOf(job: Record<string, unknown>, repository: Record<string, unknown> = {}): string {
  return JSON.stringify({
    action: job['status'] ?? 'queued',
    installation: { id: 7 },
    organization: { login: 'acme' },
    repository: {
      full_name: 'acme/app',
      private: true,
      owner: { login: 'acme', type: 'Organization' },
      ...repository,
    },
    sender: { login: 'someone' },
    workflow_job: {
      id: 1,
      run_id: 2,
      run_attempt: 1,
      name: 'lint',
      workflow_name: 'ci',
      status: 'queued',
      conclusion: null,
      labels: ['self-hosted', 'Lint'],
      runner_id: null,
      runner_name: null,
      created_at: '2026-11-24T10:00:00Z',
      started_at: '2026-11-24T10:00:00Z',
      completed_at: null,
      html_url: 'https://github.test/acme/app/actions/runs/2/job/1',
      ...job,
    },
  });
}

const keyOf = (id: number) => jobKey('github.test' as never, id);

describe("GitHub's webhook", () => {
  it('stores a queued job in its lane, compared without case, and answers 202', async () => {
    const stations = createStations(configuration);
    const answer = await doorOf(stations)(signed(eventOf({})));
    assert.equal(answer.status, 202);
    const job = await stations.table.readJob(keyOf(1));
    assert.equal(job?.phase, 'queued');
    assert.equal(job?.route.kind === 'lane' && job.route.lane, 'lint#acme#default');
    assert.deepEqual(stations.changes, [{ host: 'one', item: { kind: 'job', key: keyOf(1) } }]);
  });

  it('changes nothing for a duplicate, under the same delivery or another', async () => {
    const stations = createStations(configuration);
    const door = doorOf(stations);
    await door(signed(eventOf({})));
    const answer = await door(signed(eventOf({}), { delivery: 'another' }));
    assert.equal(answer.status, 202);
    assert.equal(stations.changes.length, 1);
  });

  it('starts nothing for a replayed old delivery of a job that has ended', async () => {
    const stations = createStations(configuration);
    const door = doorOf(stations);
    await door(signed(eventOf({})));
    await door(
      signed(eventOf({ status: 'completed', conclusion: 'success', completed_at: '2026-11-24T10:05:00Z' })),
    );
    await door(signed(eventOf({})));
    const job = await stations.table.readJob(keyOf(1));
    assert.equal(job?.phase, 'completed');
    assert.equal(stations.changes.length, 2);
  });

  it('refuses a missing or wrong signature with 401 before it reads the body, and takes either secret during a change', async () => {
    const stations = createStations(configuration);
    const door = doorOf(stations);
    assert.equal((await door(signed('not json', { signature: null }))).status, 401);
    assert.equal((await door(signed(eventOf({}), { signature: `sha256=${'0'.repeat(64)}` }))).status, 401);
    assert.equal((await door(signed(eventOf({}), { signature: 'sha256=short' }))).status, 401);
    assert.equal((await doorOf(stations, ['new', secret])(signed(eventOf({})))).status, 202);
    assert.equal((await doorOf(stations, [])(signed(eventOf({})))).status, 401);
  });

  it('answers 413 to a body that GitHub would not send', async () => {
    const door = doorOf(createStations(configuration));
    assert.equal((await door(signed(new Uint8Array(webhookBytesMax + 1)))).status, 413);
  });

  it('answers 400 to what is not JSON or has not the shape, and changes nothing', async () => {
    const stations = createStations(configuration);
    const door = doorOf(stations);
    for (const body of [
      'nonsense',
      '[]',
      'null',
      eventOf({ id: 'one' }),
      eventOf({ labels: 'lint' }),
      eventOf({ labels: [{}] }),
      eventOf({ run_id: -1 }),
      eventOf({ created_at: 'yesterday' }),
    ]) {
      assert.equal((await door(signed(body))).status, 400, body.slice(0, 80));
    }
    assert.deepEqual(stations.changes, []);
  });

  it('ignores other events with 202', async () => {
    const answer = await doorOf(createStations(configuration))(signed('{}', { event: 'push' }));
    assert.equal(answer.status, 202);
  });

  it('orders nothing for an event `queued` whose status is `waiting`', async () => {
    const stations = createStations(configuration);
    const payload = JSON.parse(eventOf({ status: 'waiting' }));
    await doorOf(stations)(signed(JSON.stringify({ ...payload, action: 'queued' })));
    assert.equal((await stations.table.readJob(keyOf(1)))?.phase, 'gated');
    assert.deepEqual(stations.changes, []);
  });

  it('stores a job that asks for self-hosted but fits no pool, with its reason; others cost no write', async () => {
    const stations = createStations(configuration);
    const door = doorOf(stations);
    await door(signed(eventOf({ id: 1, labels: ['self-hosted', 'gpu'] })));
    const job = await stations.table.readJob(keyOf(1));
    assert.deepEqual(job?.route, {
      kind: 'refused',
      code: 'noPool',
      text: 'no pool has the label "gpu"; nearest is pool lint',
    });
    await door(signed(eventOf({ id: 2, labels: ['ubuntu-latest'] })));
    assert.equal(await stations.table.readJob(keyOf(2)), null);
    assert.deepEqual(stations.changes, []);
  });

  it('refuses owners and public repositories that may not use a pool, answers 202, and says why on the job', async () => {
    const stations = createStations(configuration);
    const door = doorOf(stations);
    await door(signed(eventOf({ id: 1 }, { full_name: 'stranger/app' })));
    await door(signed(eventOf({ id: 2 }, { private: false })));
    const [stranger, open] = [await stations.table.readJob(keyOf(1)), await stations.table.readJob(keyOf(2))];
    assert.equal(stranger?.route.kind === 'refused' && stranger.route.code, 'ownerNotAllowed');
    assert.equal(open?.route.kind === 'refused' && open.route.code, 'publicRepository');
    assert.deepEqual(stations.changes, []);
  });

  it('counts an event that names one of our runners even if its job fits no pool', async () => {
    const stations = createStations(configuration);
    const runner = `${prefix}-one-lint-${'0'.repeat(26)}`;
    await doorOf(stations)(
      signed(
        eventOf({
          id: 3,
          labels: ['ubuntu-latest'],
          status: 'in_progress',
          runner_id: 4,
          runner_name: runner,
        }),
      ),
    );
    assert.deepEqual(stations.changes, [{ host: 'one', item: { kind: 'job', key: keyOf(3) } }]);
  });

  it('bounds names and labels of any content, and keeps them harmless', async () => {
    const stations = createStations(configuration);
    const name = `<script>\u0000\u001b[31m${'x'.repeat(10_000)}$(reboot)`;
    assert.equal(
      (await doorOf(stations)(signed(eventOf({ name, labels: ['self-hosted', 'a\u0007b<b>'] })))).status,
      202,
    );
    const job = await stations.table.readJob(keyOf(1));
    assert.ok(job && job.name.length <= 300);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
    assert.doesNotMatch(JSON.stringify(job), /[\u0000-\u001f]|\\u00/);
  });

  it("takes every one of GitHub's own examples", async () => {
    const events = examples.find((event) => event.name === 'workflow_job')?.examples ?? [];
    assert.ok(events.length > 3);
    for (const example of events) {
      const body = JSON.stringify({ installation: { id: 7 }, ...example });
      assert.equal((await doorOf(createStations(configuration))(signed(body))).status, 202);
    }
  });
});
