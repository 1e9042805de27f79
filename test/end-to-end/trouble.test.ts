import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnswerFault } from '../../src/adapters/github/simulated/api.ts';
import { explainWait } from '../../src/core/explain.ts';
import { holds, quickHost, type System, type SystemOptions, startSystem, until } from './harness.ts';

const labels = ['self-hosted', 'small'];
const pools = { small: { host: 'here', os: 'linux', labels, limit: 4, bootSeconds: 2 } } as const;
const hosts = { here: quickHost(4) };

async function withSystem(options: SystemOptions, work: (system: System) => Promise<void>): Promise<void> {
  const system = await startSystem(options);
  try {
    await work(system);
  } finally {
    await system.close();
  }
}

const launched = (system: System) =>
  system.recorder.counted('orchestrator_launches_total', { outcome: 'launched' });

async function why(system: System, id: number) {
  const { table } = system.running();
  const job = await system.job(id);
  if (job?.route.kind !== 'lane') return null;
  return explainWait(job, {
    configuration: system.configuration,
    ledger: await table.readLedger(job.route.host),
    lane: await table.readLane(job.route.host, job.route.lane),
    runner: job.lastOrder ? await table.readRunner(job.lastOrder.runner) : null,
    now: Date.now(),
  });
}

/** A second of the breaker's back-off, doubling, over the time that a test looks. */
const launchesMaxOfFailingPool = 8;

// Mostly they wait, so they do it together.
describe('in trouble', { concurrency: 4 }, () => {
  test('runners that never register are ended with a reason, and no loop burns money; later the job runs', () => {
    let isBroken = true;
    return withSystem(
      { configuration: { hosts, pools }, pretence: { neverRegisters: () => isBroken } },
      async (system) => {
        const run = system.world.startRun('acme/app', {
          name: 'ci',
          jobs: [{ name: 'one', labels, durationMs: 10 }],
        });
        const id = run.jobs[0]?.id ?? 0;
        const wait = await until(
          'the reason is there',
          async () => {
            const seen = await why(system, id);
            return seen?.code === 'breakerOpen' && seen;
          },
          30_000,
        );
        assert.match(wait.text, /never online/);
        assert.ok(launched(system) <= launchesMaxOfFailingPool, `${launched(system)} launches`);
        isBroken = false;
        await until('the job runs', () => run.status === 'completed', 30_000);
        await until('nothing is left', () => system.isEmpty());
      },
    );
  });

  for (const [says, options] of [
    ['a version of the runner that GitHub no longer serves', { pretence: { version: '2.300.0' } }],
    [
      'a runner group that does not admit the repository',
      {
        setUp: (world) => {
          world.addRepository('acme/other');
          world.changeDefaultGroup('acme', { visibility: 'selected', repositories: ['acme/other'] });
        },
      },
    ],
  ] as const satisfies readonly [string, Partial<SystemOptions>][]) {
    test(`${says}: the job is held with its likely cause, and few runners are started for it`, () =>
      withSystem({ configuration: { hosts, pools }, ...options }, async (system) => {
        const run = system.world.startRun('acme/app', { name: 'ci', jobs: [{ name: 'one', labels }] });
        const id = run.jobs[0]?.id ?? 0;
        const job = await until('it is held', async () => {
          const seen = await system.job(id);
          return seen?.counted?.class === 'held' && seen;
        });
        assert.match(job.held?.cause ?? '', /runner group.*deprecated/);
        assert.equal((await why(system, id))?.code, 'held');
        await until('its surplus runner ends', async () => (await system.runners()).length === 0);
        const before = launched(system);
        // Held for 1 s, then 2, then 4: in three seconds there are two more tries at most.
        assert.ok(await holds(3_000, () => launched(system) <= before + 2));
        system.world.cancelRun(run.id);
        await until('nothing is left', () => system.isEmpty());
      }));
  }

  test('a max-parallel that holds jobs back costs few runners, and all jobs run', () =>
    withSystem({ configuration: { hosts, pools } }, async (system) => {
      const run = system.world.startRun('acme/app', {
        name: 'ci',
        jobs: [{ name: 'matrix', labels, matrix: 8, maxParallel: 2, failFast: false, durationMs: 600 }],
      });
      await until('all have ended', () => run.status === 'completed', 40_000);
      assert.equal(run.conclusion, 'success');
      await until('nothing is left', () => system.isEmpty());
      assert.ok(launched(system) <= 16, `${launched(system)} launches for 8 jobs`);
    }));

  for (const [says, fault] of [
    ['answers 502', 'unavailable'],
    ['does what it is asked and its answers are lost', 'lost'],
  ] as const satisfies readonly [string, AnswerFault][]) {
    test(`a GitHub that ${says} for a while loses nothing`, () => {
      let isInTrouble = false;
      return withSystem(
        {
          configuration: { hosts, pools, timing: { claimSeconds: 15, leaseSeconds: 5 } },
          gitHub: { faults: { answer: () => (isInTrouble ? fault : null) } },
        },
        async (system) => {
          isInTrouble = true;
          const run = system.world.startRun('acme/app', {
            name: 'ci',
            jobs: [{ name: 'matrix', labels, matrix: 6, failFast: false, durationMs: 10 }],
          });
          await until('GitHub was asked', () => system.recorder.counted('github_requests_total') > 3);
          assert.ok(await holds(1_500, () => run.status !== 'completed'));
          isInTrouble = false;
          await until('all have ended', () => run.status === 'completed', 45_000);
          assert.equal(run.conclusion, 'success');
          await until('nothing is left', () => system.isEmpty(), 45_000);
        },
      );
    });
  }

  test('a machine that dies in the middle of its job is noticed, and its place is given to the next', () =>
    withSystem({ configuration: { hosts: { here: quickHost(1) }, pools } }, async (system) => {
      const first = system.world.startRun('acme/app', {
        name: 'ci',
        jobs: [{ name: 'dies', labels, durationMs: 60_000 }],
      });
      await until('it runs', () => first.jobs[0]?.status === 'in_progress');
      const next = system.world.startRun('acme/app', {
        name: 'ci',
        jobs: [{ name: 'next', labels, durationMs: 10 }],
      });
      for (const machine of system.ground.all()) system.ground.die(machine, 'the power went', true);
      await until('the next one runs', () => next.status === 'completed');
      system.world.cancelRun(first.id);
    }));

  test('orders that were under way when the configuration changed its limit hold the new one', () =>
    withSystem({ configuration: { hosts, pools } }, async (system) => {
      const { table } = system.running();
      const [pool] = system.configuration.pools;
      assert.ok(pool);
      await table.recordControl({ host: pool.host, pool: pool.name, paused: false, limitNow: 1 }, Date.now());
      const run = system.world.startRun('acme/app', {
        name: 'ci',
        jobs: [{ name: 'matrix', labels, matrix: 5, failFast: false, durationMs: 100 }],
      });
      let most = 0;
      await until('all have ended', () => {
        most = Math.max(most, system.ground.census().alive);
        return run.status === 'completed';
      });
      assert.equal(most, 1);
    }));
});
