// Records of destinations, as EventBridge delivers them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readResult } from './events.ts';

const name = 'own1-fn-short-00000000000000000000000001';

function recordOf(
  given: { kind?: 'Success' | 'Failure'; condition?: string; responsePayload?: unknown } = {},
) {
  const { kind = 'Success', condition = kind === 'Success' ? 'Success' : 'RetriesExhausted' } = given;
  return {
    version: '0',
    id: '3b0e4bd1-7a49-2c47-0fd6-5b7c4b0ab8a1',
    'detail-type': `Lambda Function Invocation Result - ${kind}`,
    source: 'lambda',
    account: '123456789012',
    time: '2026-11-25T08:03:12Z',
    region: 'eu-west-1',
    resources: ['arn:aws:events:eu-west-1:123456789012:event-bus/default'],
    detail: {
      version: '1.0',
      timestamp: '2026-11-25T08:03:12.345Z',
      requestContext: {
        requestId: 'e4b46cbf-b738-400f-bb5a-4b1d7e8a3c01',
        functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:runners-short:$LATEST',
        condition,
        approximateInvokeCount: 1,
      },
      requestPayload: {
        runner: name,
        attempt: 1,
        claimUrl: 'https://x.test',
        token: 't',
        lifetimeSeconds: 60,
      },
      ...('responsePayload' in given && { responsePayload: given.responsePayload }),
    },
  };
}

const causeOf = (given: Parameters<typeof recordOf>[0]): string | undefined =>
  readResult(recordOf(given))?.cause;

test('an invocation that is over is a runner that is gone, by its name, with the invocation to look up', () => {
  assert.deepEqual(
    readResult(recordOf({ responsePayload: { outcome: 'ended', why: 'its runner has ended' } })),
    {
      name,
      machine: null,
      happened: 'gone',
      cause: 'its runner has ended (invocation e4b46cbf-b738-400f-bb5a-4b1d7e8a3c01)',
      at: Date.parse('2026-11-25T08:03:12Z'),
    },
  );
});

test('an invocation that another one had the runner of says nothing', () => {
  assert.equal(
    readResult(recordOf({ responsePayload: { outcome: 'spent', why: 'its claim is spent' } })),
    null,
  );
});

test('what failed comes back with its reason', () => {
  const failed = (errorType: string, errorMessage: string) =>
    causeOf({ kind: 'Failure', responsePayload: { errorType, errorMessage } });
  assert.match(
    failed('Sandbox.Timedout', 'RequestId: x Error: Task timed out after 900.00 seconds') ?? '',
    /^Lambda stopped it at its time-out: /,
  );
  assert.match(
    causeOf({
      kind: 'Failure',
      responsePayload: { errorMessage: '2026-11-25T08:03:12Z x Task timed out after 900.00 seconds' },
    }) ?? '',
    /^Lambda stopped it at its time-out: /,
  );
  assert.match(
    failed('Runtime.ExitError', 'RequestId: x Error: Runtime exited with error: signal: killed') ?? '',
    /^it took more memory than its function has: /,
  );
  assert.match(
    failed('Runtime.OutOfMemory', 'RequestId: x Process exited') ?? '',
    /^it took more memory than its function has: /,
  );
  assert.match(
    failed('Runtime.InvalidEntrypoint', 'exec: no such file') ?? '',
    /^its function's image can not be run: /,
  );
  assert.match(
    failed('Runner.NoRoom', 'the runner could not be copied') ?? '',
    /^it could not become a runner: Runner.NoRoom: /,
  );
  assert.match(
    failed('Unhandled', 'something else') ?? '',
    /^its function failed: Unhandled: something else/,
  );
  assert.match(
    causeOf({ kind: 'Failure', condition: 'EventAgeExceeded' }) ?? '',
    /^it waited in vain for a minute/,
  );
});

test('what never claimed is marked so: of two invocations of one event it may be the one without the runner', () => {
  const isMarked = (given: Parameters<typeof recordOf>[0]) => readResult(recordOf(given))?.neverClaimed;
  assert.equal(isMarked({ kind: 'Failure', condition: 'EventAgeExceeded' }), true);
  for (const errorType of ['Runner.BadEvent', 'Runner.ClaimUnanswered', 'Runner.ClaimRefused'])
    assert.equal(isMarked({ kind: 'Failure', responsePayload: { errorType } }), true);
  for (const errorType of ['Runner.NoRoom', 'Sandbox.Timedout', 'Runtime.ExitError'])
    assert.equal(isMarked({ kind: 'Failure', responsePayload: { errorType } }), undefined);
  assert.equal(isMarked({ responsePayload: { outcome: 'ended' } }), undefined);
});

test('whatever a job has written for an answer is bounded, and at most about its own runner', () => {
  for (const responsePayload of [
    undefined,
    null,
    'a text',
    42,
    [],
    {},
    { outcome: 'x'.repeat(1_000) },
    { outcome: 'ended', why: 'y'.repeat(100_000), runner: 'another' },
  ]) {
    const told = readResult(recordOf({ responsePayload }));
    assert.equal(told?.name, name);
    assert.ok((told?.cause.length ?? 0) < 300);
  }
});

test('what is no such record is no event', () => {
  const record = recordOf();
  for (const other of [
    null,
    {},
    { ...record, source: 'aws.ec2' },
    { ...record, 'detail-type': 'EC2 Instance State-change Notification' },
    { ...record, time: 'now' },
    { ...record, detail: { ...record.detail, requestPayload: { order: 7 } } },
    { ...record, detail: { ...record.detail, requestPayload: { runner: 'x'.repeat(65) } } },
  ])
    assert.equal(readResult(other), null);
});
