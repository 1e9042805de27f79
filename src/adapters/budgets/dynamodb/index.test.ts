import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createDynamoDbClient } from '../../jobs-tables/dynamodb/index.ts';
import { emulatorConfig } from '../../jobs-tables/dynamodb/testing.ts';
import {
  createWire,
  partOf,
  type WireAnswer,
  type WireCall,
} from '../../jobs-tables/dynamodb/testing-wire.ts';
import { createDynamoDbBudgets } from './index.ts';

const startMs = 1_700_000_000_000;
const key = { kind: 'host-launch', account: 'ec2' } as const;
const terms = { burst: 10, perSecond: 2 };
const ok: WireAnswer = { body: {} };

function budgetsThatAnswer(...answers: (WireAnswer | ((call: WireCall | undefined) => WireAnswer))[]) {
  // Nothing listens there: what the script does not answer fails.
  const config = emulatorConfig('http://127.0.0.1:9');
  const wire = createWire(config, (_, calls) => {
    const answer = answers[calls.length - 1];
    assert.ok(answer !== undefined, `request ${calls.length} was not expected`);
    return typeof answer === 'function' ? answer(calls.at(-2)) : answer;
  });
  const client = createDynamoDbClient({ ...config, ...wire.config });
  const clock = { ...createVirtualClock(startMs), sleep: async () => {} };
  const random = createSeededRandom('budgets');
  return { budgets: createDynamoDbBudgets({ client, tableName: 'runs', clock, random }), calls: wire.calls };
}

/** The item that an update made, as a refusal of the next one brings it. */
function refusedBy(call: WireCall | undefined): WireAnswer {
  const value = (name: string) => partOf(call, 'ExpressionAttributeValues', name);
  const Item = { fullAtUs: value(':full'), blockedUntilMs: value(':blocked'), wrote: value(':wrote') };
  return { error: 'ConditionalCheckFailedException', with: { Item } };
}

test('a reservation whose answer was lost takes its tokens once', async () => {
  const { budgets, calls } = budgetsThatAnswer('drop', refusedBy, ok);
  assert.equal((await budgets.reserve(key, terms, 4, startMs)).granted, 4);
  assert.equal((await budgets.reserve(key, terms, 10, startMs)).granted, 6);
  assert.equal(calls.length, 3);
});

test('reservations of one process alone are one call each', async () => {
  const { budgets, calls } = budgetsThatAnswer(ok, ok, ok);
  for (const asked of [1, 2, 3])
    assert.equal((await budgets.reserve(key, terms, asked, startMs)).granted, asked);
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ['UpdateItem', 'UpdateItem', 'UpdateItem'],
  );
});

test('what others took is heard of by the refusal, without a read', async () => {
  const nineTaken = { fullAtUs: { N: String(startMs * 1_000 + 4_500_000) }, blockedUntilMs: { N: '0' } };
  const { budgets, calls } = budgetsThatAnswer(
    { error: 'ConditionalCheckFailedException', with: { Item: nineTaken } },
    ok,
  );
  assert.equal((await budgets.reserve(key, terms, 4, startMs)).granted, 1);
  assert.equal(calls.length, 2);
});

test('that nothing is left is not said by what was last seen, but by a read', async () => {
  const { budgets, calls } = budgetsThatAnswer(ok, { body: {} }, ok);
  await budgets.reserve(key, terms, 10, startMs);
  // Somebody gave all of it back: the item is gone, as if it was never used.
  assert.equal((await budgets.reserve(key, terms, 3, startMs)).granted, 3);
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ['UpdateItem', 'GetItem', 'UpdateItem'],
  );
});

test('a budget that was full by now is reserved of in one call, by a process that never saw it', async () => {
  const { budgets, calls } = budgetsThatAnswer(ok);
  assert.equal((await budgets.reserve(key, terms, 4, startMs)).granted, 4);
  assert.match(
    String(partOf(calls[0], 'ConditionExpression')),
    /fullAtUs <= :nowUs AND blockedUntilMs = :never/,
  );
  assert.deepEqual(partOf(calls[0], 'ExpressionAttributeValues', ':nowUs'), { N: String(startMs * 1_000) });
});
