// That the stand-in behaves as Lambda does, refusals included, where what is tried on it depends on that.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvokeCommand } from '@aws-sdk/client-lambda';
import { createVirtualClock } from '../../../clock/virtual/index.ts';
import { createLambdaClient } from '../client.ts';
import { functionFor, standInConfig } from '../testing.ts';
import { createPlatform, type ResultEvent } from './platform.ts';
import { programOf } from './pretend.ts';
import { startLambdaStandIn } from './server.ts';

const payload = JSON.stringify({
  ...{ runner: 'own1-fn-short-1', attempt: 1, claimUrl: 'https://x.test/runners/claim' },
  ...{ token: '1.t', lifetimeSeconds: 60 },
});

function machines() {
  const started: { name: string; url: string; end(cause: string): void; vanished: boolean }[] = [];
  const program = programOf(({ name, configuration, end }) => {
    const machine = { name, url: configuration.url, end, vanished: false };
    started.push(machine);
    return { vanish: () => (machine.vanished = true) };
  });
  return { started, program };
}

const detailOf = (event: ResultEvent | undefined) =>
  event?.['detail'] as { requestContext: { condition: string }; responsePayload: Record<string, string> };

describe('the stand-in of Lambda', () => {
  test('refuses as Lambda does: what it does not know, a tenant too much or too few, too much to say', async () => {
    const { program } = machines();
    const standIn = await startLambdaStandIn({
      clock: createVirtualClock(0),
      functions: [functionFor('short', program)],
    });
    const client = createLambdaClient({ ...standInConfig, endpoint: standIn.endpoint });
    const invoke = (given: { name?: string; tenant?: string; text?: string; type?: 'RequestResponse' }) =>
      client.send(
        new InvokeCommand({
          FunctionName: given.name ?? 'runners-short',
          InvocationType: given.type ?? 'Event',
          ...(given.tenant !== undefined && { TenantId: given.tenant }),
          Payload: new TextEncoder().encode(given.text ?? payload),
        }),
      );
    const refusals: [Parameters<typeof invoke>[0], string, number][] = [
      [{ name: 'other', tenant: 'a' }, 'ResourceNotFoundException', 404],
      [{}, 'InvalidParameterValueException', 400],
      [{ tenant: 'a', type: 'RequestResponse' }, 'InvalidParameterValueException', 400],
      [{ tenant: 'a', text: '{' }, 'InvalidRequestContentException', 400],
      [{ tenant: 'a', text: JSON.stringify('x'.repeat(1_048_576)) }, 'RequestTooLargeException', 413],
    ];
    try {
      for (const [given, name, status] of refusals)
        await assert.rejects(invoke(given), (error: Error & { $metadata: { httpStatusCode: number } }) => {
          assert.deepEqual([error.name, error.$metadata.httpStatusCode], [name, status]);
          return true;
        });
      const { StatusCode, $metadata } = await invoke({ tenant: 'a' });
      assert.equal(StatusCode, 202);
      assert.equal($metadata.requestId, standIn.platform.running()[0]?.requestId);
    } finally {
      await standIn.close();
    }
  });

  test('runs programs of machines: their end is an answer, their time-out a failure, and another claim is spent', async () => {
    const clock = createVirtualClock(0);
    const { started, program } = machines();
    const results: ResultEvent[] = [];
    const platform = createPlatform({
      clock,
      functionOf: (name) => ({ ...functionFor('short', program, { timeoutSeconds: 60 }), name }),
      place: { account: '000000000000', region: 'us-east-1' },
      onResult: (event) => results.push(event),
    });
    for (let i = 0; i < 3; i += 1) platform.enqueue('made-by-a-deploy', { payload, tenantId: 'a' });
    assert.deepEqual(started[0]?.url, 'https://x.test/runners/claim');
    started[0]?.end('its job is done');
    started[1]?.end("its claim was refused: it does not have the machine's own key");
    await clock.advance(61_000);
    assert.deepEqual(
      results.map((event) => {
        const { requestContext, responsePayload } = detailOf(event);
        return [requestContext.condition, responsePayload['outcome'] ?? responsePayload['errorType']];
      }),
      [
        ['Success', 'ended'],
        ['Success', 'spent'],
        ['RetriesExhausted', 'Sandbox.Timedout'],
      ],
    );
    assert.equal(started[2]?.vanished, true);
    assert.match(
      String((results[0]?.['resources'] as string[] | undefined)?.[1]),
      /^arn:aws:lambda:us-east-1:000000000000:function:made-by-a-deploy:\$LATEST$/,
    );
    assert.equal(platform.mostAtOnce('made-by-a-deploy'), 3);
    assert.deepEqual(platform.running(), []);
    platform.close();
  });
});
