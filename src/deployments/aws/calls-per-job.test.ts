// What a job asks AWS for, from its first webhook until its machine was counted as gone, by station and operation. It
// may not rise unseen: each figure is what was measured. What it costs is in docs/performance.md.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Counted, countCalls } from './testing-calls.ts';

/** Measured; a change of the flow may move a few of them from one batch to another. */
const ofHundredMax = 1_350;

function shown({ calls }: Counted): Record<string, Record<string, number>> {
  return Object.fromEntries(
    [...calls].map(([station, ofStation]) => [station, Object.fromEntries(ofStation)]),
  );
}

test('a lone job takes 25 calls, and one more for each note of its machine', async () => {
  const terms = { jobs: 1, hosts: 1, limit: 10, jobMs: 60_000 };
  const alone = await countCalls({ ...terms, milestones: false });
  assert.deepEqual(shown(alone), {
    producer: { PutItem: 1, UpdateItem: 2 },
    messenger: { 'Publish (Publisher Topic)': 4 },
    publisher: {
      BatchGetItem: 4,
      UpdateItem: 2,
      TransactWriteItems: 6,
      'Publish (Jobs Topic)': 1,
    },
    launcher: { PutItem: 2 },
    claim: { UpdateItem: 1, PutItem: 1 },
    hostEvents: { UpdateItem: 1 },
  });
  assert.equal(alone.total, 25);
  const noting = await countCalls({ ...terms, milestones: true });
  assert.equal(noting.total, alone.total + 4);
  assert.deepEqual(shown(noting)['milestones'], { UpdateItem: 4 });
});

test('of a hundred jobs that are queued at once each takes few calls', async () => {
  const mints = { mintBurst: 1_000, mintsPerMinute: 6_000 };
  const burst = await countCalls({
    ...{ jobs: 100, hosts: 3, limit: 40, jobMs: 30_000, milestones: false, mints },
  });
  const { producer, claim, hostEvents, ...others } = shown(burst);
  assert.deepEqual(producer, { PutItem: 100, UpdateItem: 200 });
  assert.deepEqual(claim, { UpdateItem: 100, PutItem: 100 });
  assert.deepEqual(hostEvents, { UpdateItem: 100 });
  const says = `${burst.total} calls: ${JSON.stringify(others)}`;
  assert.ok(burst.total <= ofHundredMax, says);
});
