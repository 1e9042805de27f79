// The synthesized templates, deployed to an emulator that runs the functions and enforces their roles, under load and
// under each failure that the wire, the queues and the functions can have. Beside each other in one deployment, one
// after the other: nothing that one test leaves may trouble the next, which is what a deployment is for.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { connect } from '../../src/deployments/aws/emulated/connection.ts';
import type { Fault } from '../../src/deployments/aws/emulated/wire/index.ts';
import { outputKeys } from '../../src/deployments/aws/outputs.ts';
import { grantedActions, kindOf, usedActions } from './grants.ts';
import {
  bodiesIn,
  countedOn,
  depthOf,
  depths,
  functionNamed,
  isDeadLetters,
  lint,
  one,
  purge,
  type Queue,
  queueNamed,
  redriveLike,
  send,
  small,
  startTrial,
  type Trial,
} from './harness.ts';
import { durationMs, nothingIsLeft, ofTheFlow, serveAll, serveBurst, tableOf, type Wanted } from './serve.ts';

/** A machine that is busy with all other things takes ten times as long as a quiet one. */
const withinMs = 150_000;
const testMs = 170_000;

/** As measured, with room for what repeats itself on a busy machine; a rise fails. */
const callsOfLoneJobMax = 40;

/** Grants that no test here uses, by kind of function and action, and why they are there all the same. */
const grantedUnused: readonly [pattern: RegExp, why: string][] = [
  [/ logs:/, "Lambda's runtime writes the log in the function's name"],
  [/ xray:/, 'the emulator has no traces to put'],
  [/ sqs:(ReceiveMessage|DeleteMessage|GetQueueAttributes)$/, "the mapping's calls, in the function's name"],
  [/ dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)$/, "the mapping's calls"],
  [/^(Messenger|Gatherer) sqs:SendMessage$/, "the mapping tells of failures, in the function's name"],
  [/ sqs:ChangeMessageVisibility$/, 'a retry at its own time: no handler asked for one'],
  [/^Waker sqs:SendMessage$/, 'a time beyond fifteen minutes is delayed again'],
  [/^Steps sqs:SendMessage$/, 'a look that has more to do than one step'],
  [
    /^(Webhook|Claim|Milestones|HostEvents|Asks|launchers|terminators) dynamodb:BatchGetItem$/,
    'reads that meet are one call',
  ],
  [/^(Milestones|HostEvents) dynamodb:PutItem$/, 'where a fact can not be added without being read'],
  [/^(launchers|terminators) /, 'what a call to a host or to GitHub can come to is more than is tried here'],
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

  const serve = (wanted: readonly Wanted[], faults: readonly Fault[] = []) =>
    serveAll(trial, wanted, { faults, withinMs });

  it('serves a lone job with few calls', { timeout: testMs }, async (t) => {
    const { world, cloud } = trial;
    await nothingIsLeft(trial, withinMs);
    const before = cloud.wire.calls().length;
    const burst = world.enqueue([{ pool: small, jobs: 1, durationMs }]);
    await burst.served(withinMs);
    await world.emptied(withinMs);
    await trial.eventually(
      'the books are closed',
      async () => (await countedOn(trial, one)).length === 0,
      withinMs,
    );
    const calls = ofTheFlow(cloud.wire.calls().slice(before));
    t.diagnostic(`${calls.length} calls`);
    assert.ok(calls.length <= callsOfLoneJobMax, `${calls.length} calls:\n${tableOf(calls)}`);
  });

  it(
    'serves a burst of 90 jobs on three hosts, with exact limits and few calls',
    {
      timeout: testMs,
    },
    (t) => serveBurst(trial, [36, 22, 32], { withinMs, tell: (text) => t.diagnostic(text) }),
  );

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
      [401, 401, 202, 404, 404, 401],
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
    const timer = queueNamed(trial, 'WakerQueue');
    const dead = queueNamed(trial, 'WakerDeadLetters');
    const wake = JSON.stringify({ host: one, at: 1 });
    const fault: Fault = { kind: 'failed', service: 'sns', caller: 'Waker', times: 1_000 };
    await trial.withVisibility(timer, { seconds: 1, harmless: wake }, async () => {
      const { hits, remove } = trial.cloud.wire.inject(fault);
      try {
        await send(trial, timer, wake);
        await isDead(dead, wake);
      } finally {
        remove();
      }
      assert.ok(hits() >= 5, `${hits()} tries`);
      assert.match(await redriveLike(trial, 'Waker'), /1 moved back/);
      await trial.eventually(
        'it was handled',
        async () => (await depthOf(trial, dead)) + (await depthOf(trial, timer)) === 0,
        withinMs,
      );
    });
  });

  it('brings a message that nobody can read to the dead letters, and handles those around it', {
    timeout: testMs,
  }, async () => {
    const steps = queueNamed(trial, 'StepsQueue');
    const dead = queueNamed(trial, 'StepsDeadLetters');
    await trial.withVisibility(steps, { seconds: 1, harmless: '{"step":"purge"}' }, async () => {
      await send(trial, steps, '{"step":"none"}');
      await isDead(dead, '{"step":"none"}');
    });
    await serve([[small, 1]]);
    await purge(trial, dead);
  });

  async function isDead(dead: Queue, body: string): Promise<void> {
    await trial.eventually(
      `${body} is among the dead letters`,
      async () => (await bodiesIn(trial, dead)).includes(body),
      withinMs,
    );
  }

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
    await trial.withVisibility(queue, { seconds: 5, harmless: null }, async () => {
      // The receive that waits already goes by the old setting.
      await serve([[small, 1]]);
      await trial.withTimeout(functionNamed(trial, 'Publisher'), 4, () => serve([[small, 5]], [hold]));
    });
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
    const usedByKind = new Map<string, Set<string>>();
    for (const [caller, actions] of usedActions(calls)) {
      const before = usedByKind.get(kindOf(caller)) ?? [];
      usedByKind.set(kindOf(caller), new Set([...before, ...actions]));
    }
    const unused = new Set<string>();
    for (const [caller, granted] of grantedActions(trial.deployed.stacks)) {
      const used = usedByKind.get(kindOf(caller)) ?? new Set();
      for (const action of used) {
        assert.ok(granted.has(action), `${caller} does ${action}, which its role does not grant`);
      }
      for (const action of granted) {
        const what = `${kindOf(caller)} ${action}`;
        if (!used.has(action) && !grantedUnused.some(([pattern]) => pattern.test(what))) unused.add(what);
      }
    }
    assert.deepEqual([...unused], []);
  });
});
