import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockContract, randomContract } from '../../../ports/clock.contract.ts';
import { createSystemClock } from './index.ts';
import { createMonotoneNow } from './monotone.ts';
import { createSystemRandom } from './random.ts';

clockContract('system clock', () => {
  const clock = createSystemClock();
  return { clock, pass: (ms) => realTimePassed(ms, clock.now) };
});

randomContract('system random', createSystemRandom);

test('a task without delay does not wait for a timer of the system', async () => {
  const clock = createSystemClock();
  const turns: string[] = [];
  setImmediate(() => turns.push('turn before'));
  clock.after(0, () => turns.push('task'));
  setImmediate(() => turns.push('turn after'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(turns, ['turn before', 'task', 'turn after']);
});

test('time follows the wall clock, forward at once', () => {
  const { wall, steady, now } = machine();
  wall.ms += 10.6;
  steady.ms += 10.6;
  assert.equal(now(), 1_000_010);
  wall.ms += 3_600_000;
  assert.equal(now(), 4_600_010);
});

test('where the wall clock is set back, time goes on at half the speed until it has caught up', () => {
  const { wall, steady, now } = machine();
  wall.ms -= 1_000;
  assert.equal(now(), 1_000_000);
  const seen: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    wall.ms += 500;
    steady.ms += 500;
    seen.push(now());
  }
  assert.deepEqual(seen, [1_000_250, 1_000_500, 1_000_750, 1_001_000, 1_001_500]);
});

function machine() {
  const wall = { ms: 1_000_000 };
  const steady = { ms: 7 };
  return {
    wall,
    steady,
    now: createMonotoneNow(
      () => wall.ms,
      () => steady.ms,
    ),
  };
}

async function realTimePassed(ms: number, now: () => number): Promise<void> {
  const end = performance.now() + ms;
  const endByClock = now() + ms;
  while (performance.now() < end || now() < endByClock) await new Promise((resolve) => setImmediate(resolve));
  // What became due in the last turn runs in the next one.
  await new Promise((resolve) => setTimeout(resolve, 2));
}
