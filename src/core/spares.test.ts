import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poolSettings } from '../../test/fixtures/books.ts';
import type { SpareChange } from './configuration.ts';
import { createSparesAt, sparesMax } from './spares.ts';

const change = (cron: string, spares: number): SpareChange => ({ cron, timeZone: 'UTC', spares });
/** Schedules that name their moments: `last/next`. */
const sparesAt = createSparesAt(({ cron }) => {
  const [last, next] = cron.split('/').map((part) => (part === '-' ? null : Number(part)));
  return { last: last ?? null, next: next ?? null };
});

test('without a schedule the number is the one that was written, and nothing changes it', () => {
  assert.deepEqual(sparesAt(poolSettings('a', { spares: 3 }), 10), { spares: 3, until: null });
});

test('the latest moment that has passed says the number, and the next of any says when to look again', () => {
  const settings = poolSettings('a', { spares: 1, spareChanges: [change('5/30', 9), change('8/25', 2)] });
  assert.deepEqual(sparesAt(settings, 10), { spares: 2, until: 25 });
});

test('before the first moment the written number counts', () => {
  const settings = poolSettings('a', { spares: 1, spareChanges: [change('-/25', 9)] });
  assert.deepEqual(sparesAt(settings, 10), { spares: 1, until: 25 });
});

test('of two at one moment the later in the list counts', () => {
  const settings = poolSettings('a', { spareChanges: [change('5/30', 9), change('5/30', 4)] });
  assert.equal(sparesAt(settings, 10).spares, 4);
});

test('the most that ever stand by is the greatest number of all', () => {
  assert.equal(sparesMax(poolSettings('a', { spares: 1, spareChanges: [change('1/2', 7)] })), 7);
});
