// From a job's webhook to the call of its host: through the handlers as they are, on virtual time, with the times that
// AWS's services need between them. No machine's own speed is in it, so it is the same wherever it runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countCalls } from './testing-calls.ts';

/**
 * SNS hands a message on within some 30 ms at the median, a queue's mapping has it within 20, and Lambda begins a
 * function that is warm within 10; each may take several times as long. The stream is read four times a second, and
 * its wait is the longest that can be. [AWS: SNS features; Using Lambda with Amazon SQS; with DynamoDB]
 */
const hopMs = (random: () => number) => 30 + 60 * random() ** 2;

/** The HTTP API and the start of a warm function before the first write. */
const doorMs = 40;

test('the median job is launched within a second of its webhook', async () => {
  const jobs = 60;
  const { launchedAfterMs } = await countCalls({
    ...{ jobs, hosts: 3, limit: jobs, jobMs: 30_000, milestones: false, hopMs },
  });
  const sorted = launchedAfterMs.map((ms) => ms + doorMs).sort((a, b) => a - b);
  assert.equal(sorted.length, jobs);
  const median = sorted[Math.floor(jobs / 2)] ?? Number.NaN;
  assert.ok(median < 1_000, `${median} ms at the median; all: ${sorted.map(Math.round).join(' ')}`);
});
