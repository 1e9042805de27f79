// Macs: a dedicated host is allocated when a job wants one, its machine works for one job after another of one scope, and
// the host is let go of when its day is over.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type System, startSystem } from './system.ts';

const labels = ['self-hosted', 'macos'];
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

describe('Macs', () => {
  test('work for job after job of one scope; another scope has one of its own; after a day nothing is allocated', () =>
    withMacs({ hostsMax: 2 }, async (system, worked) => {
      for (const number of [1, 2, 3]) {
        const run = system.start({ name: `job ${number}`, labels, durationMs: 5 * minuteMs });
        await system.until(`job ${number} has ended`, 3 * hourMs, () => run.status === 'completed');
        assert.equal(run.conclusion, 'success');
        await system.pass(10 * minuteMs);
      }
      assert.equal(system.cloud.instances.size, 1, 'one Mac for all three');
      assert.equal(system.cloud.dedicated.hosts.size, 1);
      assert.equal(new Set(worked).size, 3, 'each as a runner of its own');

      const others = system.world.startRun('other/app', {
        name: 'ci',
        jobs: [{ name: 'm', labels, durationMs: 5 * minuteMs }],
      });
      await system.until(
        'the job of another scope has ended',
        3 * hourMs,
        () => others.status === 'completed',
      );
      assert.equal(others.conclusion, 'success');
      assert.equal(system.cloud.instances.size, 2, 'a Mac that has worked for one scope works for no other');

      await system.until('no host is allocated', 60 * hourMs, () =>
        [...system.cloud.dedicated.hosts.values()].every(({ state }) => state === 'released'),
      );
      for (const { allocatedAt, releasedAt } of system.cloud.dedicated.hosts.values()) {
        const heldMs = (releasedAt ?? 0) - allocatedAt;
        assert.ok(heldMs >= 24 * hourMs && heldMs < 30 * hourMs, `held for ${heldMs / hourMs} hours`);
      }
      await system.until('nothing is left', 3 * hourMs, () => system.isEmpty());
      assert.equal(system.cloud.dedicated.hosts.size, 2);
    }));

  test('where the pool has one host alone, a job of another scope waits for its machine to go, and says so', () =>
    withMacs({ hostsMax: 1 }, async (system) => {
      const run = system.start({ name: 'm', labels, durationMs: 5 * minuteMs });
      await system.until('the first has ended', 3 * hourMs, () => run.status === 'completed');
      const others = system.world.startRun('other/app', {
        name: 'ci',
        jobs: [{ name: 'm', labels, durationMs: 5 * minuteMs }],
      });
      await system.until('the Mac of the first is ended', 5 * minuteMs, () => system.alive().length === 0);
      await system.pass(50 * minuteMs);
      const { job } = await system.why(others.jobs[0]?.id ?? 0);
      assert.match(JSON.stringify(job.wait), /dedicated host/);
      await system.until('it has ended', 3 * hourMs, () => others.status === 'completed');
      assert.equal(others.conclusion, 'success');
      assert.equal(system.most(), 1);
      assert.equal(system.cloud.dedicated.hosts.size, 1);
    }));
});

async function withMacs(
  { hostsMax }: { hostsMax: number },
  work: (system: System, worked: readonly string[]) => Promise<void>,
): Promise<void> {
  const worked: string[] = [];
  const system = await startSystem({
    limit: hostsMax,
    bootMs: 2 * minuteMs,
    // The ranges are AWS's own words. [EC2: Amazon EC2 Mac instances]
    cloud: { allocatingMs: 3 * minuteMs, scrubbingMs: 80 * minuteMs, pendingMs: 10 * minuteMs },
    onWork: ({ runner, job }) => {
      if (job !== null) worked.push(runner);
    },
    pools: {
      mac: {
        host: 'cloud',
        os: 'macos',
        labels,
        limit: hostsMax,
        machine: {
          instanceTypes: ['mac2.metal'],
          architecture: 'arm64',
          dedicatedHostsMax: hostsMax,
          reuseHours: 3,
        },
      },
    },
  });
  try {
    await work(system, worked);
  } finally {
    await system.close();
  }
}
