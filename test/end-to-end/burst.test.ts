import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '../../src/adapters/github/simulated/state.ts';
import type { PoolName } from '../../src/core/ids.ts';
import { plentyOfGitHub, quickHost, type System, startSystem, until } from './harness.ts';

const labels = ['self-hosted', 'small'];
const jobsMany = 300;
const limit = 20;
const poolLimit = 8;

test('300 jobs at once: never more machines than the limits, all jobs run, and no lane is starved', async () => {
  let most = 0;
  let mostOfPool = 0;
  let system: System | null = null;
  // Counted at each birth by the host itself, whatever the books say.
  const born = () => {
    const census = system?.ground.census();
    most = Math.max(most, census?.alive ?? 0);
    mostOfPool = Math.max(mostOfPool, census?.byPool.get('lint' as PoolName) ?? 0);
  };
  system = await startSystem({
    configuration: {
      hosts: { here: quickHost(limit) },
      pools: {
        small: { host: 'here', os: 'linux', labels, limit, register: 'repository' },
        lint: { host: 'here', os: 'linux', labels: ['self-hosted', 'lint'], limit: poolLimit },
      },
      github: plentyOfGitHub,
    },
    observer: { born },
    setUp: (world) => {
      world.addRepository('acme/tiny');
    },
  });
  const { world } = system;
  const matrix = (count: number) => ({
    name: 'ci',
    jobs: [{ name: 'matrix', labels, matrix: count, failFast: false, durationMs: 40 }],
  });
  try {
    const lint = world.startRun('acme/app', {
      name: 'lint',
      jobs: [{ name: 'lint', labels: ['self-hosted', 'lint'], matrix: 40, failFast: false, durationMs: 40 }],
    });
    const big = [world.startRun('acme/app', matrix(200)), world.startRun('acme/app', matrix(59))];
    const tiny = world.startRun('acme/tiny', matrix(1));
    const runs = [lint, ...big, tiny];
    const jobs = () => runs.flatMap((run) => run.jobs);
    assert.equal(jobs().length, jobsMany);
    await until('all runs end', () => runs.every((run) => run.status === 'completed'), 60_000);
    assert.ok(runs.every((run) => run.conclusion === 'success'));

    assert.ok(most <= limit, `${most} machines of ${limit}`);
    assert.ok(most > limit / 2, `only ${most} machines of ${limit}: the limit was not tried`);
    assert.ok(mostOfPool <= poolLimit, `${mostOfPool} machines of ${poolLimit}`);
    // In turns, the only job of its repository is served in the second round at the latest.
    const before = startedBefore(
      big.flatMap((run) => run.jobs),
      tiny.jobs[0],
    );
    assert.ok(before <= 2 * limit, `${before} jobs of the other repository went before`);

    const finished = system;
    await until('nothing is left', () => finished.isEmpty());
    const launches = system.recorder.counted('orchestrator_launches_total', { outcome: 'launched' });
    assert.ok(launches <= jobsMany * 1.05, `${launches} launches`);
    const errors = system.recorder.logs().filter(({ level }) => level === 'error');
    assert.deepEqual(errors, []);
  } finally {
    await system.close();
  }
});

function startedBefore(jobs: readonly Job[], job: Job | undefined): number {
  assert.ok(job);
  return jobs.filter(({ startedAt }) => startedAt < job.startedAt).length;
}
