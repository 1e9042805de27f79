// Calls of a burst of five hundred jobs, as GitHub's and the hosts' limits let it run, and at once where they do not bind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countCalls } from './testing-calls.ts';

const burst = { jobs: 500, hosts: 3, limit: 170, jobMs: 30_000, milestones: false };

/** With calm changes gathered for 5 s it would be 7.8: a freed place would then wait so long for its next runner. */
const atOnceMax = 9;

test('of five hundred jobs that start at once each takes fewer than nine calls', async () => {
  const mints = { mintBurst: 1_000, mintsPerMinute: 6_000 };
  const { total, calls } = await countCalls({ ...burst, mints });
  assert.ok(total <= atOnceMax * burst.jobs, `${total} calls: ${shown(calls)}`);
});

/** Each start then is an event by itself, and what is alone is in no batch. */
const pacedMax = 15;

test('where GitHub registers seventy a minute, each takes fewer than fifteen', async () => {
  const { total, calls } = await countCalls(burst);
  assert.ok(total <= pacedMax * burst.jobs, `${total} calls: ${shown(calls)}`);
});

function shown(calls: ReadonlyMap<string, ReadonlyMap<string, number>>): string {
  return JSON.stringify([...calls].map(([station, ofStation]) => [station, Object.fromEntries(ofStation)]));
}
