// The world is proven on the embedded system, which is quick to start: whoever deploys to an emulator can rely on it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Recorder } from '../../../../adapters/telemetry/recorder/index.ts';
import type { Fate } from './program.ts';
import { clock, far, lint, near, quickLosses, ready, small, startWhole } from './testing.ts';

const withinMs = 40_000;

describe('the world around a deployed system', () => {
  test('100 jobs on two hosts of a park: all served, limits exact, nothing left', async () => {
    const { world, running, recorder, close } = await startWhole();
    try {
      const burst = world.enqueue([
        { pool: small, jobs: 50, durationMs: 30 },
        { pool: lint, jobs: 20, durationMs: 30 },
        { pool: ready, jobs: 30, durationMs: 30 },
      ]);
      assert.equal(burst.jobs.length, 100);
      await burst.served(withinMs);
      assert.ok(burst.jobs.every(({ conclusion }) => conclusion === 'success'));
      await world.emptied(withinMs);

      const { limits } = world;
      assert.deepEqual(limits.broken(), []);
      assert.ok(limits.births() >= 100 && limits.births() <= 105, `${limits.births()} machines for 100 jobs`);
      const most = [near, far].map((host) => limits.mostOfHost(host));
      assert.ok((most[0] ?? 0) > 6 && (most[1] ?? 0) > 4, `the limits were not tried: ${most.join(', ')}`);
      await eventually('no runner is left in the table', async () => {
        const left = await Promise.all([near, far].map((host) => running.table.runnersOfHost(host)));
        return left.flat().length === 0;
      });
      assert.deepEqual(errorsOf(recorder), []);
    } finally {
      await close();
    }
  });

  test('spares stand by, are put to work, and come back', async () => {
    const { world, close } = await startWhole({ spares: 3 });
    try {
      await world.emptied(withinMs);
      assert.equal(world.limits.births(), 3);
      await world.enqueue([{ pool: ready, jobs: 6, durationMs: 30 }]).served(withinMs);
      await world.emptied(withinMs);
      const activated = [...world.park.ground(far).all()].filter(({ formerNames }) => formerNames.length > 0);
      assert.ok(activated.length >= 3, `${activated.length} of 3 spares were put to work`);
      assert.deepEqual(world.limits.broken(), []);
    } finally {
      await close();
    }
  });

  test('machines that misbehave cost no job but the one that dies with its machine, and all are gone in the end', async () => {
    const fates: (Fate | null)[] = ['silent', 'claimAnswerLost', 'neverConnects', 'hangs', 'diesAtWork'];
    const { world, close } = await startWhole({
      bootSeconds: 1,
      machines: { fate: () => fates.shift() ?? null },
      gitHub: { settings: quickLosses },
    });
    try {
      const burst = world.enqueue([{ pool: small, jobs: 20, durationMs: 50 }]);
      await burst.served(withinMs);
      await world.emptied(withinMs);
      assert.equal(burst.jobs.filter(({ conclusion }) => conclusion !== 'success').length, 1);
      assert.deepEqual(fates, []);
      assert.deepEqual(world.limits.broken(), []);
    } finally {
      await close();
    }
  });
});

function errorsOf(recorder: Recorder): unknown[] {
  return recorder.logs().filter(({ level }) => level === 'error');
}

async function eventually(says: string, look: () => Promise<boolean>): Promise<void> {
  const giveUpAt = clock.now() + withinMs;
  while (!(await look())) {
    assert.ok(clock.now() < giveUpAt, `waited in vain: ${says}`);
    await clock.sleep(10);
  }
}
