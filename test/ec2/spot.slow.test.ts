// Spot machines that EC2 takes back, two minutes after it says so.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type System, startSystem } from './system.ts';

const labels = ['self-hosted', 'linux'];
const minuteMs = 60_000;
/** What the event of a notice takes, a plan and a launch after it. */
const atOnceMs = 10_000;

describe('a spot machine that EC2 takes back', () => {
  test('while it boots: its job has another one within seconds, and waits for no time-out', () =>
    onSpot({ bootMs: 60_000 }, async (system) => {
      const run = system.start({ name: 'm', labels, durationMs: minuteMs });
      const first = await running(system);
      const noticedAt = system.clock.now();
      system.cloud.interrupt(first);
      await system.until('another is born', 5 * minuteMs, () => system.cloud.instances.size === 2);
      assert.ok(system.clock.now() - noticedAt < atOnceMs, `${system.clock.now() - noticedAt} ms`);
      await system.until('its job has ended', 15 * minuteMs, () => run.status === 'completed');
      assert.equal(run.conclusion, 'success');
      await system.until('nothing is left', 15 * minuteMs, () => system.isEmpty());
      assert.equal(system.cloud.instances.size, 2);
      assert.ok(system.most() <= limit);
    }));

  test('while it is idle: it is ended before it is taken, and none comes in its place where nothing waits', () =>
    onSpot({}, async (system) => {
      const first = system.start({ name: 'm', labels, durationMs: minuteMs });
      const machine = await running(system);
      // Its job is cancelled, so that it comes online for nobody.
      system.world.cancelRun(first.id);
      await system.until('it is idle', 5 * minuteMs, async () =>
        (await system.runners()).some(
          ({ state, busyAt }) => state === 'online' || (state === 'claimed' && !busyAt),
        ),
      );
      system.cloud.interrupt(machine);
      await system.until('it is ended', atOnceMs, () => machine.state !== 'running');
      await system.until('nothing is left', 15 * minuteMs, () => system.isEmpty());
      assert.equal(system.cloud.instances.size, 1, 'nothing waited, so that nothing came in its place');
    }));

  test('under a job: it says so, the job fails, and is run again once, on demand', () =>
    onSpot({ rerunInterrupted: true }, async (system) => {
      const run = system.start({ name: 'm', labels, durationMs: 10 * minuteMs });
      const machine = await running(system);
      await system.until('its job runs', 5 * minuteMs, () => run.jobs[0]?.status === 'in_progress');
      const firstJob = run.jobs[0]?.id ?? 0;
      system.cloud.interrupt(machine);
      await system.pass(minuteMs);
      assert.equal(machine.state, 'running', 'it goes on for as long as EC2 lets it');
      assert.match(JSON.stringify((await system.why(firstJob)).story), /takes the spot machine back/);
      await system.until('it has failed', 30 * minuteMs, () => run.status === 'completed');
      assert.equal(run.conclusion, 'failure');
      await system.until(
        'it is run again',
        60 * minuteMs,
        () => run.attempt === 2 && run.status === 'completed',
      );
      assert.equal(run.conclusion, 'success');
      const markets = [...system.cloud.instances.values()].map(({ market }) => market);
      assert.deepEqual(markets, ['spot', 'onDemand']);
      await system.until('nothing is left', 15 * minuteMs, () => system.isEmpty());
    }));
});

const limit = 4;

async function onSpot(
  { rerunInterrupted = false, bootMs = 20_000 }: { rerunInterrupted?: boolean; bootMs?: number },
  work: (system: System) => Promise<void>,
): Promise<void> {
  const system = await startSystem({
    limit,
    bootMs,
    mayRerun: rerunInterrupted,
    pools: {
      linux: {
        host: 'cloud',
        os: 'linux',
        labels,
        limit,
        ...(rerunInterrupted && { rerunInterrupted }),
        machine: { instanceTypes: ['m7i.large'], market: 'spot' },
      },
    },
  });
  try {
    await work(system);
  } finally {
    await system.close();
  }
}

async function running(system: System) {
  await system.until('a machine runs', 5 * minuteMs, () => system.alive()[0]?.state === 'running');
  const [machine] = system.alive();
  assert(machine);
  return machine;
}
