import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { SimulatedGitHub } from '../../src/adapters/github/simulated/server.ts';
import { type Child, runChild, runnerProcesses, standIn, startChild, watchProcesses } from './child.ts';
import { plentyOfGitHub, quickTiming, startGitHub, until } from './harness.ts';

const labels = ['self-hosted', 'small'];
/** Whatever is going on on this machine meanwhile. */
const patienceMs = 400_000;

function configurationWith(limit: number) {
  return {
    hosts: { here: { type: 'local' as const, limit } },
    pools: { small: { host: 'here' as const, os: 'linux' as const, labels, limit, command: standIn } },
    github: plentyOfGitHub,
    timing: { ...quickTiming, leaseSeconds: 15, tickSeconds: 0.5, idleSeconds: 2, idleBesideJobSeconds: 10 },
  };
}

const matrix = (count: number, run: string) => ({
  name: 'ci',
  jobs: [{ name: 'matrix', labels, matrix: count, failFast: false, steps: [{ name: 'work', run }] }],
});

describe('with real processes', () => {
  let gitHub: SimulatedGitHub;
  let directory: string;
  let child: Child | null = null;

  before(async () => {
    gitHub = await startGitHub();
  });
  after(() => gitHub.close());

  async function inDirectory(work: () => Promise<void>): Promise<void> {
    directory = mkdtempSync(join(tmpdir(), 'runners-processes-'));
    try {
      await work();
    } finally {
      await child?.stop();
      child = null;
      for (const pid of runnerProcesses(directory)) process.kill(pid, 'SIGKILL');
      rmSync(directory, { recursive: true, force: true, maxRetries: 10 });
    }
  }

  const nothingIsLeft = () =>
    runnerProcesses(directory).length === 0 &&
    readdirSync(join(directory, 'data', 'runners')).length === 0 &&
    [...gitHub.world.state.runners.values()].every(({ phase }) => phase === 'gone');

  test('300 jobs at once on 20 places: never more than 20 runners alive, all done, nothing left', () =>
    inDirectory(async () => {
      const configuration = configurationWith(20);
      child = await startChild({ gitHub, configuration, directory });
      const watch = watchProcesses(directory);
      const run = gitHub.world.startRun('acme/app', matrix(256, 'sleep 0.1'));
      const other = gitHub.world.startRun('acme/app', matrix(44, 'sleep 0.1'));
      await until(
        'all jobs end',
        () => run.status === 'completed' && other.status === 'completed',
        patienceMs,
      );
      assert.deepEqual([run.conclusion, other.conclusion], ['success', 'success']);
      await until('nothing is left', nothingIsLeft, 60_000);
      watch.stop();
      assert.ok(watch.most() <= 20, `${watch.most()} runners lived at once`);
      assert.ok(watch.most() > 10, `only ${watch.most()} runners lived at once: the limit was not tried`);
    }));

  test('killed in the middle of a burst, at any point: every job is served, limits hold, nothing is left', () =>
    inDirectory(async () => {
      const limit = 6;
      const configuration = configurationWith(limit);
      child = await startChild({ gitHub, configuration, directory });
      const watch = watchProcesses(directory);
      const run = gitHub.world.startRun('acme/app', matrix(40, 'sleep 0.5'));
      const count = (status: string) => run.jobs.filter((job) => job.status === status).length;
      const points: [string, () => boolean][] = [
        ['the first events came', () => child?.said() !== '' && gitHub.world.state.runners.size > 0],
        [
          'runners are registered',
          () => [...gitHub.world.state.runners.values()].some(({ phase }) => phase === 'registered'),
        ],
        ['jobs run', () => count('in_progress') >= 2],
        ['some have ended', () => count('completed') >= 8],
        ['half have ended', () => count('completed') >= 20],
        ['few are left', () => count('completed') >= 36],
      ];
      for (const [says, isThere] of points) {
        await until(says, isThere, patienceMs);
        await child.kill();
        child = await startChild({ gitHub, configuration, directory });
      }
      await until('all jobs end', () => run.status === 'completed', patienceMs);
      assert.equal(run.conclusion, 'success');
      await until('nothing is left', nothingIsLeft, 120_000);
      watch.stop();
      assert.ok(watch.most() <= limit, `${watch.most()} runners lived at once`);
    }));

  test('a clean stop leaves runners at work, and the next start adopts them', () =>
    inDirectory(async () => {
      const configuration = configurationWith(2);
      child = await startChild({ gitHub, configuration, directory });
      const run = gitHub.world.startRun('acme/app', matrix(1, 'sleep 4'));
      await until('it runs', () => run.jobs[0]?.status === 'in_progress', patienceMs);
      assert.equal(await child.stop(), 0);
      assert.match(child.said(), /runners of local hosts go on/);
      assert.equal(runnerProcesses(directory).length, 1);
      child = await startChild({ gitHub, configuration, directory });
      await until('it ends', () => run.status === 'completed', patienceMs);
      assert.equal(run.conclusion, 'success');
      await until('nothing is left', nothingIsLeft, 60_000);
    }));

  test('a second instance on the same data is refused', () =>
    inDirectory(async () => {
      const configuration = configurationWith(2);
      child = await startChild({ gitHub, configuration, directory });
      const second = await runChild({ gitHub, configuration, directory });
      assert.equal(second.status, 1);
      assert.match(second.said, /data directory .* is in use by process \d+.*directory of its own/s);
      assert.doesNotMatch(second.said, /\n\s+at /);
    }));
});
