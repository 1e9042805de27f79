import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTime, lasting } from './duration.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

test('a duration is told in one unit, the coarser the longer', () => {
  const told: [number, string][] = [
    [-5, '0 s'],
    [400, '0 s'],
    [119_400, '119 s'],
    [2 * minuteMs, '2 min'],
    [119 * minuteMs, '119 min'],
    [2 * hourMs, '2 h'],
    [47 * hourMs, '47 h'],
    [48 * hourMs, '2 d'],
  ];
  for (const [ms, text] of told) assert.equal(lasting(ms), text);
});

test('what is to come is never told to be there already', () => {
  assert.equal(inTime(1), 'in 1 s');
  assert.equal(inTime(59_001), 'in 60 s');
  assert.equal(inTime(0), 'now');
  assert.equal(inTime(-1), 'now');
});
