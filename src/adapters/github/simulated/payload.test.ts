// The payloads against GitHub's own examples: what they have, ours have, with the same JSON types.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import examples from '@octokit/webhooks-examples' with { type: 'json' };
import { jobOfWebhook } from '../../../ports/job-report.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import type { OutgoingDelivery } from './deliveries.ts';
import { createTestWorld } from './testing.ts';

type Json = Record<string, unknown>;

async function deliveriesOfOneJob(): Promise<OutgoingDelivery[]> {
  const clock = createVirtualClock(Date.UTC(2026, 10, 1));
  const sent: OutgoingDelivery[] = [];
  const { start, connect } = createTestWorld(clock, createSeededRandom('payload'), {
    deliver: (delivery) => {
      sent.push(delivery);
      return Promise.resolve({ statusCode: 202 });
    },
  });
  start({ name: 'build', labels: ['linux'] });
  const runner = connect('one');
  await clock.advance(1_000);
  runner.session.finish('failure');
  await clock.advance(1_000);
  return sent;
}

const examplesOf = (name: string): Json[] =>
  (examples as unknown as { name: string; examples: Json[] }[]).find((event) => event.name === name)
    ?.examples ?? [];

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Every field of the example, except where the example has more than a workflow's own event would. */
function assertLike(ours: unknown, example: unknown, path: string): void {
  const [have, want] = [typeOf(ours), typeOf(example)];
  assert.ok(
    have === want || have === 'null' || want === 'null',
    `${path} is ${have}, in the example ${want}`,
  );
  if (have === 'object' && want === 'object') {
    for (const [key, value] of Object.entries(example as Json)) {
      assert.ok(Object.hasOwn(ours as Json, key), `${path}.${key} is missing`);
      assertLike((ours as Json)[key], value, `${path}.${key}`);
    }
  }
  if (have !== 'array' || want !== 'array') return;
  const [first, wanted] = [(ours as unknown[])[0], (example as unknown[])[0]];
  if (first !== undefined && wanted !== undefined) assertLike(first, wanted, `${path}[0]`);
}

test('each payload has every field of every example of its event, with the same type', async () => {
  const compared: string[] = [];
  for (const delivery of await deliveriesOfOneJob()) {
    const ours: Json = JSON.parse(delivery.body());
    for (const example of examplesOf('workflow_job')) {
      if (example['action'] !== delivery.action) continue;
      // An event of an environment's job carries its deployment; ours here has none.
      const { deployment: _, organization, installation, ...rest } = example;
      assertLike(ours, rest, 'payload');
      if (organization !== undefined) assertLike(ours['organization'], organization, 'payload.organization');
      if (installation !== undefined) assertLike(ours['installation'], installation, 'payload.installation');
      compared.push(delivery.action);
    }
  }
  assert.deepEqual([...new Set(compared)], ['queued', 'in_progress', 'completed']);
});

test('payloads are read by the same schema that reads those of GitHub', async () => {
  const reports = (await deliveriesOfOneJob()).map((delivery) => jobOfWebhook(JSON.parse(delivery.body())));
  assert.deepEqual(
    reports.map(
      ({ report, problem }) => problem ?? `${report?.status} ${report?.conclusion} ${report?.runner?.name}`,
    ),
    ['queued null undefined', 'in_progress null one', 'completed failure one'],
  );
});

test('a delivery is signed over its very body and carries the headers of GitHub', async () => {
  const [delivery] = await deliveriesOfOneJob();
  assert.ok(delivery);
  const headers = delivery.headers();
  const signature = createHmac('sha256', 'simulated-secret').update(delivery.body()).digest('hex');
  assert.equal(headers['x-hub-signature-256'], `sha256=${signature}`);
  assert.equal(headers['x-github-event'], 'workflow_job');
  assert.match(
    headers['x-github-delivery'] ?? '',
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assert.equal(headers['x-github-hook-installation-target-type'], 'integration');
  assert.match(headers['user-agent'] ?? '', /^GitHub-Hookshot\//);
});

test('a body is as large as those of GitHub, most of it the repository', async () => {
  const [delivery] = await deliveriesOfOneJob();
  const bytes = Buffer.byteLength(delivery?.body() ?? '');
  assert.ok(bytes > 6_000 && bytes < 12_000, `${bytes} bytes`);
});
