import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLimits } from './limits.ts';
import { createTestClock } from './testing.ts';

const startMs = Date.UTC(2026, 10, 1);
const startSeconds = startMs / 1000;

function given() {
  const clock = createTestClock(startMs);
  return { clock, limits: createLimits(clock) };
}

test('`retry-after` says when to ask again, and nobody else has to wait', () => {
  const { clock, limits } = given();
  assert.equal(limits.note(7, 403, { 'retry-after': '30' }, 'secondary rate limit'), startMs + 30_000);
  assert.equal(limits.pausedUntil(7), startMs + 30_000);
  assert.equal(limits.pausedUntil(8), null);
  assert.equal(limits.pausedUntil('app'), null);
  clock.pass(30_000);
  assert.equal(limits.pausedUntil(7), null);
});

test('a spent hour is over at `x-ratelimit-reset`', () => {
  const { limits } = given();
  const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(startSeconds + 900) };
  assert.equal(limits.note(7, 403, headers, 'API rate limit exceeded'), startMs + 900_000);
});

test('the request that spends the hour stops the next ones, though it was granted itself', () => {
  const { limits } = given();
  const headers = {
    'x-ratelimit-remaining': '0',
    'x-ratelimit-limit': '5000',
    'x-ratelimit-reset': String(startSeconds + 900),
  };
  assert.equal(limits.note(7, 200, headers, ''), null);
  assert.equal(limits.pausedUntil(7), startMs + 900_000);
});

test('a limit that tells no time pauses for a minute, then for twice as long, until an answer is good', () => {
  const { clock, limits } = given();
  const refuse = () => limits.note(7, 403, {}, 'You have exceeded a secondary rate limit.');
  assert.equal(refuse(), startMs + 60_000);
  assert.equal(refuse(), startMs + 60_000, 'one that was on its way with the first is the same refusal');
  clock.pass(60_000);
  assert.equal(refuse(), clock.now() + 120_000);
  limits.note(7, 200, {}, '');
  clock.pass(120_000);
  assert.equal(refuse(), clock.now() + 240_000, 'a late answer to an earlier request did not reset it');
  clock.pass(240_000);
  limits.note(7, 200, {}, '');
  assert.equal(refuse(), clock.now() + 60_000);
});

test('a pause is an hour at most', () => {
  const { limits } = given();
  assert.equal(limits.note(7, 429, { 'retry-after': '999999999' }, ''), startMs + 3_600_000);
});

test('a 403 for want of a permission is no limit', () => {
  const { limits } = given();
  const headers = { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': String(startSeconds + 900) };
  assert.equal(limits.note(7, 403, headers, 'Resource not accessible by integration'), null);
  assert.equal(limits.pausedUntil(7), null);
});

test('what is left is the latest word of the window, whatever order the answers come in', () => {
  const { limits } = given();
  const answer = (remaining: number, resetSeconds: number, resource = 'core') =>
    limits.note(
      7,
      200,
      {
        'x-ratelimit-remaining': String(remaining),
        'x-ratelimit-limit': '5000',
        'x-ratelimit-reset': String(startSeconds + resetSeconds),
        'x-ratelimit-resource': resource,
      },
      '',
    );
  assert.equal(limits.rateLeft(7), null);
  answer(4000, 900);
  answer(4001, 899);
  answer(10, 60, 'search');
  assert.deepEqual(limits.rateLeft(7), { remaining: 4000, limit: 5000, resetsAt: startMs + 900_000 });
  answer(4999, 4500);
  answer(3999, 900);
  assert.equal(limits.rateLeft(7)?.remaining, 4999);
});

test('headers that make no sense are as if they were not there', () => {
  const { limits } = given();
  limits.note(7, 200, { 'x-ratelimit-remaining': '-1', 'x-ratelimit-limit': 'NaN' }, '');
  assert.equal(limits.rateLeft(7), null);
  assert.equal(limits.note(7, 429, { 'retry-after': 'soon' }, ''), startMs + 60_000);
});
