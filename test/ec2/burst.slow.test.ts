// As many jobs at once as a matrix has, on EC2's own terms: its buckets refuse who asks too fast, and GitHub who
// registers too fast. Time is the cloud's, so that the figures are what a real account would see.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type System, startSystem } from './system.ts';

const labels = ['self-hosted', 'linux'];
const minuteMs = 60_000;
/** CreateFleet answers after a second or two. */
const launchMs = 1_500;
const jobs = 256;
/** At the most, as the aims of this project say. */
const callsPerRunnerMax = 1.2;

describe('a burst of 256 jobs on EC2', () => {
  test('starts as fast as the default budgets allow: 100 registrations at once, then 70 a minute', async (t) => {
    // As every deployment has it; what 256 registrations take is longer than 256 launches by two a second.
    const boundMs = ((jobs - 100) / 70) * minuteMs;
    const played = await play({});
    tell(t, played, boundMs);
    check(played, boundMs);
  });

  test("starts as fast as GitHub's 180 registrations a minute, where EC2 grants more launches", async (t) => {
    // A burst of 80 and 100 a minute: in the worst minute 180, which is all that GitHub takes.
    const boundMs = ((jobs - 80) / 100) * minuteMs;
    const played = await play({
      github: { mintBurst: 80, mintsPerMinute: 100 },
      host: { launchBurst: 20, launchesPerSecond: 10 },
      cloud: { buckets: { CreateFleet: { burst: 30, perSecond: 10 } } },
    });
    tell(t, played, boundMs);
    check(played, boundMs);
  });

  test('keeps the limit at every birth where there are fewer places than jobs', async () => {
    const limit = 40;
    const { system, run } = await play({ limit }, 120);
    assert.equal(run.conclusion, 'success');
    assert.equal(system.most(), limit, 'the limit was reached, and never passed');
  });
});

interface Played {
  system: System;
  run: ReturnType<System['start']>;
  lastBirthMs: number;
  machines: number;
  calls: number;
}

/** All jobs run, and nothing is left. */
async function play(
  options: Partial<Parameters<typeof startSystem>[0]>,
  count: number = jobs,
): Promise<Played> {
  const limit = options.limit ?? count;
  const system = await startSystem({
    limit,
    pools: {
      linux: { host: 'cloud', os: 'linux', labels, limit, machine: { instanceTypes: ['m7i.large'] } },
    },
    hold: (action) => (action === 'CreateFleet' ? launchMs : 0),
    ...options,
  });
  try {
    const at = system.clock.now();
    const run = system.start({ name: 'm', labels, matrix: count, failFast: false, durationMs: minuteMs });
    await system.until('all jobs have ended', 60 * minuteMs, () => run.status === 'completed');
    await system.until('nothing is left', 60 * minuteMs, () => system.isEmpty());
    const births = [...system.cloud.instances.values()].map(({ launchedAt }) => launchedAt - at);
    return {
      system,
      run,
      lastBirthMs: births.sort((a, b) => a - b)[count - 1] ?? Number.NaN,
      machines: births.length,
      calls: system.standIn.countOf('CreateFleet'),
    };
  } finally {
    await system.close();
  }
}

function check({ system, run, lastBirthMs, machines, calls }: Played, boundMs: number): void {
  assert.equal(run.conclusion, 'success');
  assert.ok(lastBirthMs <= boundMs * 1.05, `${lastBirthMs} ms for ${boundMs}`);
  assert.ok(calls <= machines * callsPerRunnerMax, `${calls} calls for ${machines} machines`);
  assert.ok(machines <= jobs * 1.05, `${machines} machines for ${jobs} jobs`);
  assert.deepEqual(system.refusals, []);
  assert.ok(system.most() <= jobs);
}

function tell(t: { diagnostic(text: string): void }, played: Played, boundMs: number): void {
  const { system, lastBirthMs, machines, calls } = played;
  t.diagnostic(
    `${jobs} jobs: the last of ${jobs} machines after ${(lastBirthMs / 1000).toFixed(1)} s of ${(boundMs / 1000).toFixed(1)}; ` +
      `${machines} machines by ${calls} calls, ${system.refusals.length} refused, ${system.most()} alive at most`,
  );
}
