import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type TimelineEntry, withEntry } from './timeline.ts';

describe('a timeline', () => {
  it('keeps how it began and how it is, and drops the middle of a very long story', () => {
    let timeline: readonly TimelineEntry[] = [];
    for (let at = 1; at <= 100; at += 1) timeline = withEntry(timeline, { at, what: 'moved' });
    const times = timeline.map((entry) => entry.at);
    assert.equal(times.length, 40);
    assert.deepEqual(times.slice(0, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert.deepEqual(times.slice(10, 12), [71, 72]);
    assert.equal(times.at(-1), 100);
  });

  it('keeps all of a short one, in order', () => {
    const first = withEntry([], { at: 1, what: 'ordered' });
    assert.deepEqual(withEntry(first, { at: 2, what: 'launched', why: 'm1' }), [
      { at: 1, what: 'ordered' },
      { at: 2, what: 'launched', why: 'm1' },
    ]);
    assert.equal(first.length, 1, 'the one before is left as it is');
  });
});
