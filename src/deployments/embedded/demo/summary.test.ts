import assert from 'node:assert/strict';
import { test } from 'node:test';
import { percentile, summaryLines } from './summary.ts';

const nothing = { atGitHub: 0, inTable: 0, processes: 0, workDirectories: 0 };
const runner = { id: 1, name: 'r', groupId: 1, groupName: 'Default' };

test('the summary counts jobs by conclusion, and the waits of those that ran', () => {
  const jobs = [
    { conclusion: 'success' as const, runner, createdAt: 0, startedAt: 1_000 },
    { conclusion: 'success' as const, runner, createdAt: 0, startedAt: 9_000 },
    { conclusion: 'skipped' as const, runner: null, createdAt: 0, startedAt: 0 },
    { conclusion: null, runner: null, createdAt: 0, startedAt: 0 },
  ];
  const lines = summaryLines({ jobs, elapsedMs: 30_000, runnersUsed: 2, registrations: 2, left: nothing });
  assert.match(lines[0] ?? '', /4 in 30\.0 s: 2 success, 1 skipped, 1 not ended/);
  assert.match(lines[1] ?? '', /1\.0 s in the middle \(p50\), 9\.0 s at p95/);
  assert.match(lines[2] ?? '', /2 started for the 2 jobs that ran/);
  assert.match(lines[3] ?? '', /nothing/);
});

test('what is left over is told', () => {
  const left = { ...nothing, processes: 2 };
  const lines = summaryLines({ jobs: [], elapsedMs: 0, runnersUsed: 0, registrations: 0, left });
  assert.match(lines[3] ?? '', /0 runners at GitHub, 0 in the table, 2 processes/);
});

test('a percentile is a value that occurs', () => {
  assert.equal(percentile([5, 1, 3], 0.5), 3);
  assert.equal(percentile([5, 1, 3], 0.95), 5);
  assert.equal(percentile([7], 0), 7);
  assert.equal(percentile([], 0.5), 0);
});
