import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpareChange } from '../../core/configuration.ts';
import { createMomentsAround } from './cron.ts';

const at = (iso: string): number => Date.parse(iso);
const weekdays: SpareChange = { cron: '0 8 * * 1-5', timeZone: 'Europe/Berlin', spares: 5 };

function around(change: SpareChange, iso: string): { last: string | null; next: string | null } {
  const { last, next } = createMomentsAround()(change, at(iso));
  const text = (time: number | null) => (time === null ? null : new Date(time).toISOString());
  return { last: text(last), next: text(next) };
}

test('the last moment not after now and the first after it are found', () => {
  assert.deepEqual(around(weekdays, '2026-11-25T12:00:00Z'), {
    last: '2026-11-25T07:00:00.000Z',
    next: '2026-11-26T07:00:00.000Z',
  });
});

test('a moment has passed in the very millisecond that it names, and not in the one before', () => {
  assert.equal(around(weekdays, '2026-11-25T07:00:00.000Z').last, '2026-11-25T07:00:00.000Z');
  assert.equal(around(weekdays, '2026-11-25T07:00:00.000Z').next, '2026-11-26T07:00:00.000Z');
  assert.equal(around(weekdays, '2026-11-25T06:59:59.999Z').last, '2026-11-24T07:00:00.000Z');
  assert.equal(around(weekdays, '2026-11-25T06:59:59.999Z').next, '2026-11-25T07:00:00.000Z');
});

test('the clock that is meant has summer time: eight in Berlin is another hour in July', () => {
  assert.equal(around(weekdays, '2026-07-15T12:00:00Z').last, '2026-07-15T06:00:00.000Z');
});

test('over a weekend the last moment is Friday, and the next Monday', () => {
  assert.deepEqual(around(weekdays, '2026-11-28T12:00:00Z'), {
    last: '2026-11-27T07:00:00.000Z',
    next: '2026-11-30T07:00:00.000Z',
  });
});

test('what was found is given until the next moment, and then anew', () => {
  const moments = createMomentsAround();
  const before = moments(weekdays, at('2026-11-25T12:00:00Z'));
  assert.equal(moments(weekdays, at('2026-11-26T06:59:00Z')), before);
  assert.equal(moments(weekdays, at('2026-11-26T07:00:00Z')).last, at('2026-11-26T07:00:00Z'));
  // A clock that went back is answered rightly too.
  assert.equal(moments(weekdays, at('2026-11-24T12:00:00Z')).last, at('2026-11-24T07:00:00Z'));
});
