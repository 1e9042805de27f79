import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlots } from './slots.ts';

const never = new AbortController().signal;

test('those beyond the slots enter in order, as slots are given back', async () => {
  const slots = createSlots(1, 10);
  const entered: string[] = [];
  const first = await slots.take(never);
  const second = slots.take(never).then((giveBack) => {
    entered.push('second');
    return giveBack;
  });
  const third = slots.take(never).then((giveBack) => {
    entered.push('third');
    return giveBack;
  });
  assert.deepEqual(entered, []);
  first?.();
  (await second)?.();
  (await third)?.();
  assert.deepEqual(entered, ['second', 'third']);
});

test('one that gives up leaves its place to the next', async () => {
  const slots = createSlots(1, 10);
  const first = await slots.take(never);
  const gaveUp = new AbortController();
  const second = slots.take(gaveUp.signal);
  const third = slots.take(never);
  gaveUp.abort();
  assert.equal(await second, null);
  first?.();
  const giveBack = await third;
  assert.ok(giveBack);
  giveBack();
  assert.ok(await slots.take(never), 'no slot was lost');
});

test('no more wait than may wait', async () => {
  const slots = createSlots(1, 1);
  await slots.take(never);
  const waits = slots.take(never);
  assert.equal(await slots.take(never), null);
  await Promise.race([waits.then(() => assert.fail('there was no slot')), Promise.resolve()]);
});

test('a signal that came already takes no slot', async () => {
  const slots = createSlots(1, 1);
  assert.equal(await slots.take(AbortSignal.abort()), null);
  assert.ok(await slots.take(never));
});
