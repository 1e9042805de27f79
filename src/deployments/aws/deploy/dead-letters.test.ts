import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createVirtualClock } from '../../../adapters/clock/virtual/index.ts';
import { kindOf, lookInto } from './dead-letters.ts';
import { moveBack } from './move-back.ts';
import { clientsFor, type StubAws, startStubAws } from './testing.ts';

test('a dead letter is told by its kind and its host, and nothing else of it is shown', () => {
  for (const [body, kind] of [
    [{ status: 'launch', host: 'mac', os: 'macos', runner: 'r' }, 'order to launch for host mac'],
    [{ status: 'ask', host: 'mac', job: 'github.com#1', purpose: 'swept' }, 'order to ask for host mac'],
    [{ host: 'mac', items: [], recount: true, hops: 0 }, 'notification for host mac'],
    [{ step: 'sweep', kind: 'deliveries', subject: 'x' }, "the Reconciler's step sweep"],
    [{ host: 'mac', at: 1 }, 'timer for host mac'],
    [{ DDBStreamBatchInfo: { shardId: 's' }, requestContext: {} }, "records of the table's stream"],
    [{ token: 'ghs_secret' }, 'unknown, 22 bytes'],
    ['text', 'unknown, 6 bytes'],
  ] as const) {
    const text = JSON.stringify(body);
    assert.match(kindOf(text), typeof body === 'string' ? /no JSON|unknown/ : new RegExp(`^${kind}$`), text);
  }
  assert.equal(kindOf('ghs_secret'), 'no JSON, 10 bytes');
  assert.match(
    kindOf(JSON.stringify({ status: 'launch', host: `\u001b[31m${'x'.repeat(500)}` })),
    /^[\x20-\x7e…�]{1,80}$/u,
  );
});

describe('dead letters', () => {
  let aws: StubAws;
  let clients: ReturnType<typeof clientsFor>;
  const queue = {
    name: 'pipeline/Steps',
    url: 'http://127.0.0.1/1/steps-dead',
    arn: 'arn:aws:sqs:eu-central-1:123456789012:steps-dead',
    isFifo: false,
    source: { url: 'http://127.0.0.1/1/steps', arn: 'arn:aws:sqs:eu-central-1:123456789012:steps' },
    depth: 3,
  };
  before(async () => {
    aws = await startStubAws();
    clients = clientsFor(aws.url);
  });
  after(async () => {
    clients.close();
    await aws.close();
  });
  beforeEach(() => {
    aws.calls.length = 0;
  });

  function message(id: number, body: unknown) {
    const text = JSON.stringify(body);
    return {
      MessageId: `m${id}`,
      ReceiptHandle: `h${id}`,
      Body: text,
      MD5OfBody: createHash('md5').update(text).digest('hex'),
      Attributes: { SentTimestamp: String(1_000 * id), MessageGroupId: 'mac' },
    };
  }

  const operations = () => aws.calls.map(({ operation }) => operation);

  test('are looked at and given back at once', async () => {
    const page = [message(2, { step: 'purge' }), message(1, { step: 'purge' })];
    aws.answer = ({ operation }) => {
      if (operation === 'ReceiveMessage') return { json: { Messages: page.splice(0) } };
      return { json: { Successful: [], Failed: [] } };
    };
    const look = await lookInto(clients.sqs, queue);
    assert.deepEqual([...look.kinds], [["the Reconciler's step purge", 2]]);
    assert.equal(look.oldestAt, 1_000);
    const back = aws.calls.find(({ operation }) => operation === 'ChangeMessageVisibilityBatch');
    assert.deepEqual(
      ((back?.input['Entries'] ?? []) as { VisibilityTimeout: number }[]).map(
        (entry) => entry.VisibilityTimeout,
      ),
      [0, 0],
    );
    assert.ok(!operations().includes('DeleteMessage'));
  });

  test('are moved by SQS itself, and waited for', async () => {
    const clock = createVirtualClock(0);
    const statuses = ['RUNNING', 'RUNNING', 'COMPLETED'];
    aws.answer = ({ operation }) =>
      operation === 'StartMessageMoveTask'
        ? { json: { TaskHandle: 'task' } }
        : { json: { Results: [{ Status: statuses.shift(), ApproximateNumberOfMessagesMoved: 3 }] } };
    let moved: unknown = null;
    void moveBack(clients.sqs, queue, clock).then((result) => {
      moved = result;
    });
    while (moved === null) {
      await new Promise(setImmediate);
      await clock.advance(500);
    }
    assert.deepEqual(moved, { moved: 3, failed: null });
    assert.deepEqual(aws.calls[0]?.input, { SourceArn: queue.arn });
  });

  test('that SQS could not move are told with its reason', async () => {
    aws.answer = ({ operation }) =>
      operation === 'StartMessageMoveTask'
        ? { json: { TaskHandle: 'task' } }
        : {
            json: {
              Results: [
                { Status: 'FAILED', ApproximateNumberOfMessagesMoved: 1, FailureReason: 'AccessDenied' },
              ],
            },
          };
    assert.deepEqual(await moveBack(clients.sqs, queue, createVirtualClock(0)), {
      moved: 1,
      failed: 'AccessDenied',
    });
  });

  test('are moved by hand where SQS has no such task: sent first, deleted then, and only what was sent', async () => {
    const pages = [[message(1, { a: 1 }), message(2, { a: 2 })], [message(3, { a: 3 })], []];
    aws.answer = ({ operation }) => {
      if (operation === 'StartMessageMoveTask') return { error: 'UnsupportedOperation' };
      if (operation === 'ReceiveMessage') return { json: { Messages: pages.shift() } };
      if (operation === 'SendMessageBatch' && pages.length === 1)
        return {
          json: { Failed: [{ Id: '0', Code: 'InternalError', Message: 'not now', SenderFault: false }] },
        };
      return { json: { Successful: [], Failed: [] } };
    };
    const moved = await moveBack(clients.sqs, { ...queue, isFifo: true }, createVirtualClock(0));
    assert.deepEqual(moved, { moved: 2, failed: 'InternalError: not now' });
    assert.deepEqual(operations().slice(1), [
      ...['ReceiveMessage', 'SendMessageBatch', 'DeleteMessageBatch'],
      ...['ReceiveMessage', 'SendMessageBatch'],
    ]);
    const sent = aws.calls.find(({ operation }) => operation === 'SendMessageBatch')?.input;
    assert.equal(sent?.['QueueUrl'], queue.source.url);
    const [first] = (sent?.['Entries'] ?? []) as Record<string, unknown>[];
    assert.equal(first?.['MessageBody'], '{"a":1}');
    assert.equal(first?.['MessageGroupId'], 'mac');
    assert.equal(first?.['MessageDeduplicationId'], 'redrive-m1');
  });

  test('a refusal that is no lack of the task is not worked around', async () => {
    aws.answer = () => ({ error: 'AccessDeniedException' });
    await assert.rejects(moveBack(clients.sqs, queue, createVirtualClock(0)), /AccessDenied/);
    assert.deepEqual(operations(), ['StartMessageMoveTask']);
  });
});
