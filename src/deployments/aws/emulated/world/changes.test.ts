import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createVirtualClock } from '../../../../adapters/clock/virtual/index.ts';
import { createChanges } from './changes.ts';

const setUp = () => {
  const clock = createVirtualClock(0);
  return { clock, changes: createChanges(clock, () => 'two machines are left') };
};

describe('waiting for a condition', () => {
  test('it is looked at at once, and again after each change, once for all changes of a moment', async () => {
    const { clock, changes } = setUp();
    await changes.until('nothing to wait for', () => true, 1_000);
    let looks = 0;
    let isSo = false;
    const waited = changes.until('it is so', () => ++looks > 0 && isSo, 1_000);
    for (let i = 0; i < 50; i += 1) changes.happened();
    await clock.advance(1);
    assert.equal(looks, 2);
    isSo = true;
    await clock.advance(1);
    assert.equal(looks, 2, 'it was looked at though nothing changed');
    changes.happened();
    await clock.advance(1);
    await waited;
    assert.equal(clock.pending(), 0);
  });

  test('when the time is over, or it is closed, it says what was waited for and what is there', async () => {
    const { clock, changes } = setUp();
    const late = assert.rejects(
      changes.until('all are gone', () => false, 1_000),
      /waited 1000 ms in vain: all are gone; two machines are left/,
    );
    await clock.advance(1_000);
    await late;
    const closed = assert.rejects(
      changes.until('all are gone', () => false, 1_000),
      /closed: all are gone/,
    );
    changes.close();
    await closed;
    assert.equal(clock.pending(), 0);
  });
});
