import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeliveryFault, OutgoingDelivery } from '../../src/adapters/github/simulated/deliveries.ts';
import {
  holds,
  quickHost,
  quickTiming,
  type System,
  type SystemOptions,
  startSystem,
  until,
} from './harness.ts';
import { workflowJob } from './payload.ts';

const labels = ['self-hosted', 'small'];
const pools = { small: { host: 'here', os: 'linux', labels, limit: 4 } } as const;
const hosts = { here: quickHost(4) };

/** What a job of the life of one lone job may cost: its event, its start, its end, its runner's end. */
const publisherRunsMax = 4;

async function withSystem(options: SystemOptions, work: (system: System) => Promise<void>): Promise<void> {
  const system = await startSystem(options);
  try {
    await work(system);
    const errors = system.recorder.logs().filter(({ level }) => level === 'error');
    assert.deepEqual(errors, []);
  } finally {
    await system.close();
  }
}

const launched = (system: System) =>
  system.recorder.counted('orchestrator_launches_total', { outcome: 'launched' });

test('a lone job costs one registration, nothing else at GitHub, and at most four runs of the Publisher', () =>
  withSystem(
    {
      configuration: {
        hosts,
        pools,
        // Looks at GitHub by the clock would be counted as calls of the job.
        timing: {
          runnerListSeconds: 60,
          runnerListIdleSeconds: 60,
          deliveriesSeconds: 60,
          queuedJobsSeconds: 60,
          hostListSeconds: 60,
        },
      },
    },
    async (system) => {
      const { recorder, world } = system;
      const runs = () => recorder.counted('publisher_runs_total');
      const calls = () => recorder.counted('github_requests_total');
      const mints = () =>
        recorder.counted('github_requests_total', {
          route: 'POST /orgs/{org}/actions/runners/generate-jitconfig',
        });
      // The first job pays for the token and the group's id.
      const first = world.startRun('acme/app', { name: 'ci', jobs: [{ name: 'first', labels }] });
      await until('the first run ends', () => first.status === 'completed');
      await until('nothing is left', () => system.isEmpty());
      await system.running().pipeline.idle();
      const [runsBefore, callsBefore, mintsBefore] = [runs(), calls(), mints()];
      const run = world.startRun('acme/app', {
        name: 'ci',
        jobs: [{ name: 'second', labels, durationMs: 300 }],
      });
      await until('the run ends', () => run.status === 'completed');
      await until('nothing is left', () => system.isEmpty());
      await system.running().pipeline.idle();
      assert.equal(mints() - mintsBefore, 1);
      assert.equal(calls() - callsBefore, 1);
      assert.ok(runs() - runsBefore <= publisherRunsMax, `${runs() - runsBefore} runs`);
    },
  ));

test('an event that comes twice, also under another delivery id, gets one runner', async () => {
  const seen: string[] = [];
  const fault = (delivery: OutgoingDelivery): DeliveryFault | null => {
    seen.push(delivery.body());
    return { duplicates: 1 };
  };
  await withSystem(
    { configuration: { hosts, pools }, gitHub: { faults: { delivery: fault } } },
    async (system) => {
      const run = system.world.startRun('acme/app', {
        name: 'ci',
        jobs: [{ name: 'one', labels, durationMs: 500 }],
      });
      await until('the event came', () => seen.length > 0);
      for (const delivery of ['again', 'once-more']) {
        const answer = await system.send(seen[0] ?? '', { 'x-github-delivery': delivery });
        assert.equal(answer.status, 202);
      }
      await until('the run ends', () => run.status === 'completed');
      await until('nothing is left', () => system.isEmpty());
      assert.equal(launched(system), 1);
    },
  );
});

test('a job that is cancelled while it waits leaves no runner behind for longer than the idle time', () =>
  withSystem(
    {
      configuration: {
        hosts: { here: quickHost(4, { bootMs: { leastMs: 200, medianMs: 200, p95Ms: 200, mostMs: 200 } }) },
        pools,
      },
    },
    async (system) => {
      const run = system.world.startRun('acme/app', { name: 'ci', jobs: [{ name: 'one', labels }] });
      await until('its machine boots', () => system.ground.census().alive === 1);
      system.world.cancelRun(run.id);
      const cancelledAt = performance.now();
      await until('nothing is left', () => system.isEmpty());
      assert.ok(performance.now() - cancelledAt < quickTiming.idleSeconds * 1_000 + 5_000);
    },
  ));

test('a lane whose runner was stolen has another one within seconds of the event', () =>
  withSystem(
    {
      configuration: {
        hosts,
        pools: {
          // Never gets a runner of its own: its job can only be run by one of the others.
          small: { host: 'here', os: 'linux', labels, limit: 0, overlap: true },
          special: { host: 'here', os: 'linux', labels: [...labels, 'special'], limit: 2, overlap: true },
        },
      },
    },
    async (system) => {
      const thief = system.world.startRun('acme/app', {
        name: 'thief',
        jobs: [{ name: 'small', labels, durationMs: 20_000 }],
      });
      await until('it waits', async () => (await system.job(thief.jobs[0]?.id ?? 0))?.counted);
      const robbed = system.world.startRun('acme/app', {
        name: 'robbed',
        jobs: [{ name: 'special', labels: [...labels, 'special'] }],
      });
      await until('the runner is stolen', () => thief.jobs[0]?.status === 'in_progress');
      await until('the robbed job runs', () => robbed.status === 'completed', 5_000);
      system.world.cancelRun(thief.id);
      await until('nothing is left', () => system.isEmpty());
    },
  ));

test('a webhook that failed is sent again, and one that was never sent is found by a look-up', async () => {
  let lose: DeliveryFault['lose'] | null = null;
  const faults = { delivery: ({ redelivery }: OutgoingDelivery) => (lose && !redelivery ? { lose } : null) };
  await withSystem({ configuration: { hosts, pools }, gitHub: { faults } }, async (system) => {
    for (const how of [null, 'failed', 'forever'] as const) {
      lose = how;
      const run = system.world.startRun('acme/app', {
        name: 'ci',
        jobs: [{ name: 'one', labels, durationMs: 10 }],
      });
      await until(`the job runs though its events are ${how ?? 'sent'}`, () => run.status === 'completed');
    }
    lose = null;
    assert.ok(system.recorder.counted('reconciler_redeliveries_total') > 0);
    assert.ok(system.recorder.counted('reconciler_jobs_found_total') > 0);
    await until('nothing is left', () => system.isEmpty());
  });
});

test('the end of a job without a runner ends no runner', () =>
  withSystem({ configuration: { hosts, pools } }, async (system) => {
    const run = system.world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'one', labels, durationMs: 800 }],
    });
    await until('it runs', () => run.jobs[0]?.status === 'in_progress');
    for (const id of [1, 2]) {
      await system.send(workflowJob({ id }));
      await system.send(workflowJob({ id, action: 'completed', conclusion: 'cancelled' }));
    }
    await until('it ends', () => run.status === 'completed');
    assert.equal(run.conclusion, 'success');
    await until('nothing is left', () => system.isEmpty());
  }));

test('an event that names one of our runners counts, even if its job fits no pool', () =>
  withSystem(
    { configuration: { hosts, pools }, pretence: { neverRegisters: () => true } },
    async (system) => {
      await system.send(workflowJob({ id: 1 }));
      const runner = await until('it is launched', async () =>
        (await system.runners()).find(({ state }) => state === 'launched'),
      );
      const stranger = { id: 2, labels: ['ubuntu-latest'], runner: { id: 99, name: runner.name } };
      await system.send(workflowJob({ ...stranger, action: 'in_progress' }));
      await until('it is busy', async () => {
        const known = await system.running().table.readRunner(runner.name);
        return known?.state === 'busy' && known.counted === 'busy';
      });
      await system.send(workflowJob({ id: 1, action: 'completed', conclusion: 'cancelled' }));
      await system.send(workflowJob({ ...stranger, action: 'completed', conclusion: 'success' }));
      await until('nothing is left', () => system.isEmpty());
    },
  ));

test('what was under way at a clean stop goes on after the next start', () =>
  withSystem({ configuration: { hosts, pools } }, async (system) => {
    const run = system.world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'matrix', labels, matrix: 12, failFast: false, durationMs: 50 }],
    });
    for (const count of [2, 6]) {
      await until(
        'some have ended',
        () => run.jobs.filter(({ status }) => status === 'completed').length >= count,
      );
      await system.restart();
    }
    await until('all have ended', () => run.status === 'completed');
    assert.equal(run.conclusion, 'success');
    await until('nothing is left', () => system.isEmpty());
  }));

test('an idle system asks the Publisher for nothing', () =>
  withSystem({ configuration: { hosts, pools } }, async (system) => {
    await system.running().pipeline.idle();
    const before = system.recorder.counted('publisher_runs_total');
    assert.ok(await holds(500, () => system.recorder.counted('publisher_runs_total') === before));
  }));
