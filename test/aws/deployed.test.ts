// The synthesized templates, deployed to an emulator that runs the functions and enforces their roles, under load and
// under each failure that the wire, the queues and the functions can have. Beside each other in one deployment, one
// after the other: nothing that one test leaves may trouble the next, which is what a deployment is for.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { PoolName } from '../../src/core/ids.ts';
import { connect } from '../../src/deployments/aws/emulated/connection.ts';
import type { Fault, RecordedCall } from '../../src/deployments/aws/emulated/wire/index.ts';
import { outputKeys } from '../../src/deployments/aws/outputs.ts';
import { grantedActions, usedActions } from './grants.ts';
import {
  bodiesIn,
  countedOn,
  depthOf,
  depths,
  functionNamed,
  hosts,
  isDeadLetters,
  large,
  lint,
  one,
  purge,
  queueNamed,
  redriveLike,
  small,
  startTrial,
  type Trial,
} from './harness.ts';

/** A machine that is busy with all other things takes ten times as long as a quiet one. */
const withinMs = 150_000;
const testMs = 170_000;

/** Short jobs: it is the system that is at work here. */
const durationMs = 100;

/** What a burst of so many may cost; a rise fails. */
const callsOfLoneJobMax = 60;
const callsPerJobMax = 20;

/** Grants that no test here uses, and why they are there all the same. */
const grantedUnused: readonly [action: RegExp, why: string][] = [
  [/^logs:/, "Lambda's runtime writes the log in the function's name"],
  [/^sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)$/, "the mapping's calls, in the function's name"],
  [/^dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)$/, "the mapping's calls"],
  [/^sqs:ChangeMessageVisibility$/, 'a retry at its own time: no handler asked for one'],
];

describe('the deployed system', { timeout: 10 * 60_000 }, () => {
  let trial: Trial;

  before(
    async () => {
      trial = await startTrial();
    },
    { timeout: testMs },
  );
  after(() => trial?.stop(), { timeout: testMs });

  async function serve(
    wanted: readonly [PoolName, number][],
    faults: readonly Fault[] = [],
  ): Promise<number> {
    const { world, cloud, ticking } = trial;
    const births = world.limits.births();
    const injected = faults.map((fault) => cloud.wire.inject(fault));
    try {
      const burst = world.enqueue(wanted.map(([pool, jobs]) => ({ pool, jobs, durationMs })));
      await ticking(() => burst.served(withinMs));
      assert.ok(burst.jobs.every(({ conclusion }) => conclusion === 'success'));
      for (const { hits } of injected) assert.ok(hits() > 0, 'the fault hit nothing');
    } finally {
      for (const { remove } of injected) remove();
    }
    await nothingIsLeft();
    assert.deepEqual(world.limits.broken(), []);
    return world.limits.births() - births;
  }

  async function nothingIsLeft(): Promise<void> {
    await trial.ticking(async () => {
      await trial.world.emptied(withinMs);
      await trial.eventually(
        'nothing is counted on any host',
        async () => (await Promise.all(hosts.map((host) => countedOn(trial, host)))).flat().length === 0,
        withinMs,
      );
    });
    await trial.eventually(
      'all queues are empty',
      async () => Object.keys(await depths(trial, (queue) => !isDeadLetters(queue))).length === 0,
      withinMs,
    );
  }

  it('serves a lone job with few calls', { timeout: testMs }, async (t) => {
    const { world, cloud } = trial;
    await nothingIsLeft();
    cloud.wire.forget();
    const burst = world.enqueue([{ pool: small, jobs: 1, durationMs }]);
    await burst.served(withinMs);
    await world.emptied(withinMs);
    await trial.eventually(
      'the books are closed',
      async () => (await countedOn(trial, one)).length === 0,
      withinMs,
    );
    const calls = ofTheFlow(cloud.wire.calls());
    t.diagnostic(`${calls.length} calls`);
    assert.ok(calls.length <= callsOfLoneJobMax, `${calls.length} calls:\n${table(calls)}`);
  });

  it('serves a burst of 500 jobs on three hosts, with exact limits and few calls', {
    timeout: testMs,
  }, async (t) => {
    const { cloud, world } = trial;
    cloud.wire.forget();
    const births = await serve([
      [small, 200],
      [lint, 120],
      [large, 180],
    ]);
    const calls = ofTheFlow(cloud.wire.calls());
    const perJob = calls.length / 500;
    t.diagnostic(`${perJob} calls per job:\n${table(calls)}`);
    assert.ok(perJob <= callsPerJobMax, `${perJob} calls per job:\n${table(calls)}`);
    assert.ok(births >= 500 && births <= 525, `${births} machines for 500 jobs`);
    assert.deepEqual(
      hosts.map((host) => world.limits.mostOfHost(host)),
      [20, 10, 16],
      'each host was full at some time, and the pool with a limit below its host never had more',
    );
    assert.deepEqual(await depths(trial, isDeadLetters), {}, 'nothing is among the dead letters');
  });

  // ---- Doors

  it('refuses a webhook that is not signed with the secret, and knows no other route', async () => {
    const post = (path: string, body: string, headers: Record<string, string> = {}) =>
      fetch(trial.cloud.apiUrl + path, { method: 'POST', body, headers });
    const body = '{"action":"queued"}';
    const signed = (secret: string) => ({
      'content-type': 'application/json',
      'x-github-event': 'ping',
      'x-github-delivery': 'd',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    });
    const answers = [
      await post('/webhooks/github', body, signed('another secret')),
      await post('/webhooks/github', body),
      await post('/webhooks/github', body, signed(trial.world.app.webhookSecret)),
      await post('/webhooks/other', body),
      await fetch(`${trial.cloud.apiUrl}/webhooks/github`),
      await post('/runners/claim', '{"runner":"x"}'),
    ];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [401, 401, 202, 404, 404, 400],
    );
  });

  // ---- Failures of AWS

  const faults: [says: string, faults: Fault[]][] = [
    [
      'a throttled table: every fourth call is refused',
      [{ kind: 'throttled', service: 'dynamodb', every: 4, times: 150 }],
    ],
    [
      'conflicts of transactions: every second commit',
      [{ kind: 'conflict', service: 'dynamodb', operations: ['TransactWriteItems'], every: 2, times: 20 }],
    ],
    [
      'answers that are lost after the work was done',
      [
        { kind: 'lostAnswer', service: 'dynamodb', every: 5, times: 60 },
        { kind: 'lostAnswer', service: 'sns', every: 3, times: 20 },
      ],
    ],
    [
      'orders that are not published after the commit: they are published again',
      // Three tries of the SDK for each call.
      [{ kind: 'failed', service: 'sns', caller: 'Publisher', times: 9 }],
    ],
    [
      'notifications that SNS refuses inside an answer of 200',
      [{ kind: 'refusedInside', service: 'sns', caller: 'Messenger', every: 2, times: 10 }],
    ],
    ['failures of the table', [{ kind: 'failed', service: 'dynamodb', every: 6, times: 60 }]],
  ];
  for (const [says, injected] of faults) {
    it(`bears ${says}`, { timeout: testMs }, async () => {
      const births = await serve(
        [
          [small, 20],
          [lint, 10],
        ],
        injected,
      );
      assert.ok(births >= 30 && births <= 60, `${births} machines for 30 jobs`);
      assert.deepEqual(await depths(trial, isDeadLetters), {});
    });
  }

  // ---- Failures of messages, records and functions

  it('brings a message that always fails to the dead letters, and back by the redrive command', {
    timeout: testMs,
  }, async () => {
    const asks = queueNamed(trial, 'AsksQueue');
    const dead = queueNamed(trial, 'AsksDeadLetters');
    const order = { status: 'ask', host: 'one', os: 'linux', job: 'github.simulated#1', purpose: 'lookup' };
    const { hits, remove } = trial.cloud.wire.inject({
      ...{ kind: 'failed', service: 'dynamodb', caller: 'Asks', times: 1_000 },
    });
    await trial.withVisibility(asks, 1, async () => {
      await trial.sqs.send(
        new SendMessageCommand({ QueueUrl: asks.url, MessageBody: JSON.stringify(order) }),
      );
      await trial.eventually(
        'it is among the dead letters',
        async () => (await depthOf(trial, dead)) === 1,
        withinMs,
      );
    });
    remove();
    assert.ok(hits() >= 5, `${hits()} tries`);
    assert.match(await redriveLike(trial, 'Asks'), /1 moved back/);
    await trial.eventually(
      'it was handled',
      async () => (await depthOf(trial, dead)) + (await depthOf(trial, asks)) === 0,
      withinMs,
    );
  });

  it('brings a message that nobody can read to the dead letters, and handles those around it', {
    timeout: testMs,
  }, async () => {
    const steps = queueNamed(trial, 'StepsQueue');
    const dead = queueNamed(trial, 'StepsDeadLetters');
    await trial.withVisibility(steps, 1, async () => {
      await trial.sqs.send(new SendMessageCommand({ QueueUrl: steps.url, MessageBody: '{"step":"none"}' }));
      await trial.eventually(
        'it is among the dead letters',
        async () => (await depthOf(trial, dead)) === 1,
        withinMs,
      );
    });
    await serve([[small, 1]]);
    await purge(trial, dead);
  });

  it('gives up a record of the stream that always fails, tells where it is, and goes on with the others', {
    timeout: testMs,
  }, async () => {
    const failures = queueNamed(trial, 'MessengerFailures');
    const client = connect(DynamoDBClient, trial.cloud.endpoint);
    // No name of a host, and so none of a group of messages.
    const Item = { pk: { S: 'J#poison' }, sk: { S: 'J' }, dirty: { S: 'no host#0' }, change: { S: 'c' } };
    await client.send(new PutItemCommand({ TableName: trial.deployed.outputs[outputKeys.table], Item }));
    client.destroy();
    await serve([
      [small, 10],
      [lint, 10],
    ]);
    await trial.eventually('its place is told', async () => (await depthOf(trial, failures)) === 1, withinMs);
    const [note] = await bodiesIn(trial, failures);
    const { requestContext, DDBStreamBatchInfo } = JSON.parse(note ?? '{}') as Record<
      string,
      { [name: string]: unknown }
    >;
    assert.equal(requestContext?.['condition'], 'RetryAttemptsExhausted');
    assert.equal(DDBStreamBatchInfo?.['batchSize'], 1);
    await purge(trial, failures);
  });

  it('bears a Publisher that runs out of time half-way through', { timeout: testMs }, async () => {
    const queue = queueNamed(trial, 'PublisherQueue');
    const hold: Fault = {
      ...{ kind: 'heldAnswer', service: 'dynamodb', operations: ['TransactWriteItems'], caller: 'Publisher' },
      ...{ times: 2 },
    };
    await trial.withVisibility(queue, 5, () =>
      trial.withTimeout(functionNamed(trial, 'Publisher'), 4, () => serve([[small, 5]], [hold])),
    );
    assert.deepEqual(await depths(trial, isDeadLetters), {});
  });

  // ---- What functions may do

  it('was refused nothing by the roles of its functions, and was granted nothing without need', () => {
    const calls = trial.cloud.wire.calls();
    const denied = calls.filter(({ error }) => /Denied|Authorization|NotAuthorized/.test(error ?? ''));
    assert.deepEqual(
      denied.map(({ caller, operation }) => `${caller} ${operation}`),
      [],
    );
    const used = usedActions(calls);
    const unused: string[] = [];
    for (const [name, granted] of grantedActions(trial.deployed.stacks)) {
      const own = used.get(name) ?? new Set();
      for (const action of own)
        assert.ok(granted.has(action), `${name} does ${action}, which its role does not grant`);
      for (const action of granted) {
        const isExplained = grantedUnused.some(([pattern]) => pattern.test(action));
        if (!own.has(action) && !isExplained) unused.push(`${name} ${action}`);
      }
    }
    assert.deepEqual(unused, []);
  });
});

/** Without the Reconciler's, which come by the minute and not by the job. */
function ofTheFlow(calls: readonly RecordedCall[]): RecordedCall[] {
  return calls.filter(({ caller }) => caller !== null && !/^(Tick|Steps)/.test(caller));
}

/** Calls by function and operation, for whoever has to find what rose. */
function table(calls: readonly RecordedCall[]): string {
  const counts = new Map<string, number>();
  for (const { caller, operation, error } of calls) {
    const what = [caller, operation, error].filter(Boolean).join(' ');
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts]
    .map(([what, count]) => `${String(count).padStart(6)} ${what}`)
    .sort()
    .join('\n');
}
