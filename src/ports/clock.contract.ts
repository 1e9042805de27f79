import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, Random } from './clock.ts';

export interface ClockFixture {
  clock: Clock;
  /** Lets at least `ms` pass and runs what became due, by a means that is not the clock's own. */
  pass(ms: number): Promise<void>;
}

/** What every clock does. The delays are short: a system's clock is tested in real time. */
export function clockContract(name: string, createFixture: () => ClockFixture): void {
  test(`${name}: time passes and never goes back`, async () => {
    const { clock, pass } = createFixture();
    const start = clock.now();
    await pass(5);
    assert.ok(clock.now() >= start + 5);
    let last = start;
    for (let i = 0; i < 1_000; i += 1) {
      const now = clock.now();
      assert.ok(now >= last);
      last = now;
    }
  });

  test(`${name}: time is whole milliseconds since 1970`, () => {
    const { clock } = createFixture();
    assert.ok(Number.isSafeInteger(clock.now()));
  });

  test(`${name}: time is whole milliseconds also after a wait of a fraction`, async () => {
    const { clock, pass } = createFixture();
    let at: number | null = null;
    clock.after(1.25, () => {
      at = clock.now();
    });
    await pass(4.5);
    assert.ok(Number.isSafeInteger(at));
    assert.ok(Number.isSafeInteger(clock.now()));
  });

  for (const delayMs of [0, -1, 1, 5, 2.5]) {
    test(`${name}: a task after ${delayMs} ms runs once, never at once, not before its time`, async () => {
      const { clock, pass } = createFixture();
      const setAt = clock.now();
      const ranAt: number[] = [];
      clock.after(delayMs, () => ranAt.push(clock.now()));
      assert.deepEqual(ranAt, []);
      await pass(delayMs + 5);
      await pass(delayMs + 5);
      assert.equal(ranAt.length, 1);
      assert.ok((ranAt[0] ?? 0) >= setAt + delayMs);
    });
  }

  test(`${name}: a cancelled task never runs, and may be cancelled again, also after it ran`, async () => {
    const { clock, pass } = createFixture();
    const ran: string[] = [];
    const cancels = [0, 2].map((delayMs) => clock.after(delayMs, () => ran.push(`cancelled, ${delayMs}`)));
    for (const cancel of [...cancels, ...cancels]) cancel();
    const cancelLate = clock.after(2, () => ran.push('kept'));
    await pass(10);
    cancelLate();
    assert.deepEqual(ran, ['kept']);
  });

  test(`${name}: tasks run in the order they are due`, async () => {
    const { clock, pass } = createFixture();
    const ran: number[] = [];
    for (const delayMs of [30, 0, 15]) clock.after(delayMs, () => ran.push(delayMs));
    await pass(40);
    assert.deepEqual(ran, [0, 15, 30]);
  });

  test(`${name}: a sleep ends when its time has passed`, async () => {
    const { clock, pass } = createFixture();
    const start = clock.now();
    let wokeAt: number | null = null;
    const sleep = clock.sleep(5).then(() => {
      wokeAt = clock.now();
    });
    assert.equal(wokeAt, null);
    await pass(10);
    await sleep;
    assert.ok((wokeAt ?? 0) >= start + 5);
  });

  test(`${name}: a wait longer than a timer of the system can hold does not end at once`, async () => {
    const { clock, pass } = createFixture();
    let hasRun = false;
    const cancel = clock.after(2 ** 31 + 1, () => {
      hasRun = true;
    });
    await pass(10);
    assert.equal(hasRun, false);
    cancel();
  });

  for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`${name}: a delay of ${delayMs} ms is refused`, () => {
      const { clock } = createFixture();
      assert.throws(() => clock.after(delayMs, () => {}), /finite number/);
    });
  }
}

/** What every source of chance does. */
export function randomContract(name: string, createRandom: () => Random): void {
  const draws = 20_000;

  test(`${name}: numbers are in [0, 1)`, () => {
    const random = createRandom();
    for (let i = 0; i < draws; i += 1) {
      const number = random();
      assert.ok(number >= 0 && number < 1, `got ${number}`);
    }
  });

  test(`${name}: numbers are spread evenly, and tell nothing of the next one`, () => {
    const random = createRandom();
    const cells = 8;
    const pairs = new Array<number>(cells * cells).fill(0);
    for (let i = 0; i < draws; i += 1) {
      const cell = Math.floor(random() * cells) * cells + Math.floor(random() * cells);
      pairs[cell] = (pairs[cell] ?? 0) + 1;
    }
    // Chi-squared with 63 degrees of freedom: above 140 once in ten million times.
    const expected = draws / pairs.length;
    const chiSquared = pairs.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquared < 140, `chi-squared is ${chiSquared}`);
  });
}
