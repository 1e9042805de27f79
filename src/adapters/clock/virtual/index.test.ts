import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { clockContract, randomContract } from '../../../ports/clock.contract.ts';
import { createVirtualClock } from './index.ts';
import { createSeededRandom } from './random.ts';

const startMs = 1_700_000_000_000;

clockContract('virtual clock', () => {
  const clock = createVirtualClock(startMs);
  return {
    clock,
    pass: async (ms) => {
      await clock.advance(ms);
    },
  };
});

randomContract('seeded random', () => createSeededRandom(42));

test('time stands still while no run is asked for', async () => {
  const clock = createVirtualClock(startMs);
  let hasRun = false;
  clock.after(0, () => {
    hasRun = true;
  });
  await turnOfEventLoop();
  assert.equal(hasRun, false);
  assert.equal(clock.now(), startMs);
});

test('a run jumps from timer to timer and ends at the last one', async () => {
  const clock = createVirtualClock(startMs);
  const ranAt: number[] = [];
  for (const delayMs of [86_400_000, 1, 3_600_000])
    clock.after(delayMs, () => ranAt.push(clock.now() - startMs));
  assert.equal(await clock.run(), 3);
  assert.deepEqual(ranAt, [1, 3_600_000, 86_400_000]);
  assert.equal(clock.now(), startMs + 86_400_000);
});

test('a run until a time includes what is due then, leaves the rest, and ends at that time', async () => {
  const clock = createVirtualClock(startMs);
  const ran: number[] = [];
  for (const delayMs of [10, 20, 21]) clock.after(delayMs, () => ran.push(delayMs));
  await clock.run(startMs + 20);
  assert.deepEqual(ran, [10, 20]);
  assert.equal(clock.now(), startMs + 20);
  assert.equal(clock.pending(), 1);
  assert.equal(clock.nextAt(), startMs + 21);
  await clock.advance(100);
  assert.equal(clock.now(), startMs + 120);
  assert.equal(clock.nextAt(), null);
});

test('a run until a time that is over does not turn time back', async () => {
  const clock = createVirtualClock(startMs);
  await clock.run(startMs - 1_000);
  assert.equal(clock.now(), startMs);
});

test('what follows from a timer by promises happens before the next timer of the same instant', async () => {
  const clock = createVirtualClock(startMs);
  const seen: string[] = [];
  const handler = async (name: string): Promise<void> => {
    seen.push(`${name} begins`);
    for (let i = 0; i < 500; i += 1) await null;
    await new Promise<void>((resolve) => process.nextTick(resolve));
    await Promise.all([null, Promise.resolve(1).then(() => 2)]);
    seen.push(`${name} ends at ${clock.now() - startMs}`);
  };
  clock.after(5, () => void handler('a'));
  clock.after(5, () => void handler('b'));
  clock.after(6, () => void handler('c'));
  await clock.run();
  assert.deepEqual(seen, ['a begins', 'a ends at 5', 'b begins', 'b ends at 5', 'c begins', 'c ends at 6']);
});

test('what was begun before a step is run to its end before the step', async () => {
  const clock = createVirtualClock(startMs);
  const seen: string[] = [];
  clock.after(10, () => seen.push('late'));
  void (async () => {
    for (let i = 0; i < 500; i += 1) await null;
    clock.after(1, () => seen.push('early'));
  })();
  assert.equal(await clock.step(), true);
  assert.deepEqual(seen, ['early']);
});

test('a step runs one timer and all that follows from it, and says when there was none', async () => {
  const clock = createVirtualClock(startMs);
  const seen: number[] = [];
  void (async () => {
    for (let i = 0; i < 3; i += 1) {
      await clock.sleep(7);
      seen.push(clock.now() - startMs);
    }
  })();
  assert.equal(await clock.step(), true);
  assert.deepEqual(seen, [7]);
  assert.equal(await clock.step(), true);
  assert.equal(await clock.step(), true);
  assert.equal(await clock.step(), false);
  assert.deepEqual(seen, [7, 14, 21]);
});

test('the check after each step sees a world that stands still', async () => {
  const clock = createVirtualClock(startMs);
  let isInside = false;
  const work = async (): Promise<void> => {
    isInside = true;
    for (let i = 0; i < 20; i += 1) await null;
    isInside = false;
  };
  for (let i = 0; i < 300; i += 1) clock.after(i % 7, () => void work());
  let checks = 0;
  await clock.run(startMs + 100, () => {
    checks += 1;
    assert.equal(isInside, false);
  });
  assert.equal(checks, 300);
});

test('an error of a task or of the check ends the run, and the clock can go on', async () => {
  const clock = createVirtualClock(startMs);
  const ran: string[] = [];
  clock.after(1, () => {
    throw new Error('broken task');
  });
  clock.after(2, () => ran.push('next'));
  await assert.rejects(clock.run(), /broken task/);
  assert.equal(clock.now(), startMs + 1);
  await assert.rejects(
    clock.run(startMs + 2, () => {
      throw new Error('invariant');
    }),
    /invariant/,
  );
  await clock.run();
  assert.deepEqual(ran, ['next']);
});

test('a second run at the same time is refused', async () => {
  const clock = createVirtualClock(startMs);
  const first = clock.run();
  await assert.rejects(clock.step(), /runs already/);
  await first;
  assert.equal(await clock.step(), false);
});

test('timers run in the order of a plain sort, whatever was set and cancelled in between', async () => {
  const random = createSeededRandom('timers');
  const clock = createVirtualClock(startMs);
  const expected: { at: number; order: number }[] = [];
  const ran: { at: number; order: number }[] = [];
  for (let order = 0; order < 5_000; order += 1) {
    const at = random.int(1_000);
    const cancel = clock.after(at, () => ran.push({ at, order }));
    if (random.chance(0.7)) cancel();
    else expected.push({ at, order });
  }
  assert.equal(clock.pending(), expected.length);
  await clock.run();
  assert.deepEqual(
    ran,
    expected.sort((a, b) => a.at - b.at || a.order - b.order),
  );
  assert.equal(clock.pending(), 0);
});

test('the same seed gives the same numbers, another seed others', () => {
  const first = (seed: number | string): number[] => Array.from({ length: 8 }, createSeededRandom(seed));
  assert.deepEqual(first(7), first(7));
  assert.deepEqual(first('a'), first('a'));
  const starts = [7, 8, 9, '7', 'a', 'b'].map((seed) => first(seed)[0]);
  assert.equal(new Set(starts).size, starts.length);
});

test('the numbers of a seed do not change from one version to the next', () => {
  // A seed that was noted with a failure must replay it later.
  const random = createSeededRandom(1);
  assert.deepEqual(
    [random.int(1e6), random.int(1e6), random.fork('x').int(1e6)],
    [976_503, 582_203, 745_034],
  );
});

test('a fork depends on the seed and its label, not on what was drawn before', () => {
  const one = createSeededRandom(5);
  const other = createSeededRandom(5);
  other();
  other.fork('hosts')();
  assert.equal(one.fork('github')(), other.fork('github')());
  assert.notEqual(one.fork('github')(), one.fork('hosts')());
  assert.notEqual(one.fork('a').fork('b')(), one.fork('b').fork('a')());
  assert.notEqual(one.fork('a/1:b')(), one.fork('a').fork('b')());
});

test('the draws of a seeded random have the shape that they say', () => {
  const random = createSeededRandom('shape');
  const draws = 50_000;
  const counts = [0, 0, 0];
  let exponentialSum = 0;
  let chances = 0;
  for (let i = 0; i < draws; i += 1) {
    const n = random.int(3);
    counts[n] = (counts[n] ?? 0) + 1;
    exponentialSum += random.exponential(20);
    if (random.chance(0.1)) chances += 1;
  }
  for (const count of counts) assert.ok(Math.abs(count / draws - 1 / 3) < 0.02);
  assert.ok(Math.abs(exponentialSum / draws - 20) < 0.5);
  assert.ok(Math.abs(chances / draws - 0.1) < 0.01);
  assert.equal(random.chance(0), false);
  assert.equal(random.chance(1), true);
  assert.equal(random.pick(['only']), 'only');
  assert.throws(() => random.pick([]), /empty/);
});
