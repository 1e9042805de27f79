// What goes wrong between this system and EC2, each kind by itself, scripted in front of the cloud. Idempotence is
// counted on the cloud: how many machines there ever were.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Fate } from '../../src/adapters/hosts/ec2/testing/server.ts';
import { type System, type SystemOptions, startSystem } from './system.ts';

const labels = ['self-hosted', 'linux'];
const minuteMs = 60_000;
const jobs = 24;
const limit = 12;
const every = (nth: number, times: number): boolean => nth % times === 0;
const refusedWith = (code: string, status = 400): Fate => ({ code, status });

describe('the system while EC2', () => {
  test('throttles every third launch: each is asked again, and there is one machine for each job', () =>
    play(
      {
        fate: ({ action, nth }) =>
          action === 'CreateFleet' && every(nth, 3) ? refusedWith('RequestLimitExceeded', 503) : 'pass',
      },
      ({ machines, calls, refusals }) => {
        assert.equal(machines, jobs);
        assert.equal(calls, jobs + refusals, 'no call more than those that were refused');
        assert.ok(refusals > 0);
      },
    ));

  test('has no room for some types in some zones: the next offer is taken, and those are left alone', () =>
    play(
      {
        machine: { instanceTypes: ['m7i.large', 'm6i.large'], allocation: 'inOrder' },
        cloud: {
          capacity: { 'm7i.large/eu-west-1a/onDemand': 0, 'm7i.large/eu-west-1b/onDemand': 3 },
        },
      },
      ({ system, machines, calls }) => {
        assert.equal(machines, jobs);
        assert.ok(calls <= jobs * 1.2, `${calls} calls`);
        const small = [...system.cloud.instances.values()].filter((one) => one.instanceType === 'm7i.large');
        assert.equal(small.length, 3, 'what there was of the first type was taken');
      },
    ));

  test('has no room at all for some minutes: jobs wait with that reason, and run when there is', () =>
    play(
      {
        cloud: { capacity: { 'm7i.large/eu-west-1a/onDemand': 0, 'm7i.large/eu-west-1b/onDemand': 0 } },
        meanwhile: async (system, jobId) => {
          await system.pass(4 * minuteMs);
          const { job, story } = await system.why(jobId);
          assert.match(JSON.stringify([job.wait, story]), /no capacity in any of the pool's 2 offers/);
          assert.equal(system.cloud.instances.size, 0);
          for (const zone of ['a', 'b'])
            system.cloud.setCapacity(`m7i.large/eu-west-1${zone}/onDemand`, 1_000);
        },
      },
      ({ machines, calls }) => {
        assert.equal(machines, jobs);
        assert.ok(calls < jobs * 2, `${calls} calls: what has no room is not asked for again and again`);
      },
    ));

  test('launches, and its answer is lost every second time: no second machine for any name', () =>
    play(
      { fate: ({ action, nth }) => (action === 'CreateFleet' && every(nth, 2) ? 'lose' : 'pass') },
      ({ machines, perName }) => {
        assert.equal(machines, jobs);
        assert.equal(perName, 1);
      },
    ));

  test('loses calls on the way, each second one: each is made again', () =>
    play({ fate: ({ nth }) => (every(nth, 2) ? 'drop' : 'pass') }, ({ machines, perName }) => {
      assert.equal(perName, 1);
      assert.ok(machines <= jobs + 2, `${machines} machines`);
    }));

  test('answers a launch a minute late: the machine is found, and counts from its birth', () =>
    play(
      {
        hold: (action, nth) => (action === 'CreateFleet' && every(nth, 4) ? minuteMs : 0),
      },
      ({ machines, perName }) => {
        assert.equal(machines, jobs);
        assert.equal(perName, 1);
      },
    ));

  test('does not show a machine for 40 s after its launch: nothing is launched in its place', () =>
    play({ cloud: { visibleAfterMs: 40_000 } }, ({ machines, perName }) => {
      assert.equal(machines, jobs);
      assert.equal(perName, 1);
    }));

  test('answers with a code that nobody knows: asked ever less often, with that reason, and no job is lost', () => {
    let isBroken = true;
    let callsWhileBroken = 0;
    return play(
      {
        fate: ({ action }) => {
          if (action !== 'CreateFleet' || !isBroken) return 'pass';
          callsWhileBroken += 1;
          return refusedWith('FluxCapacitorDischarged');
        },
        meanwhile: async (system, jobId) => {
          await system.pass(2 * minuteMs);
          const early = callsWhileBroken;
          await system.pass(8 * minuteMs);
          const late = callsWhileBroken - early;
          assert.ok(late < early, `${early} calls in two minutes, then ${late} in eight`);
          const { job, story } = await system.why(jobId);
          assert.match(JSON.stringify([job.wait, story]), /FluxCapacitorDischarged/);
          isBroken = false;
        },
      },
      ({ machines }) => assert.equal(machines, jobs),
    );
  });

  test('fails by itself (500) at any call, each tenth time: nothing is left over', () =>
    play(
      { fate: ({ nth }) => (every(nth, 10) ? refusedWith('InternalError', 500) : 'pass') },
      ({ machines, perName }) => {
        assert.equal(perName, 1);
        assert.ok(machines <= jobs + 2, `${machines} machines`);
      },
    ));
});

interface Scene extends Pick<SystemOptions, 'fate' | 'cloud' | 'hold'> {
  machine?: Record<string, unknown>;
  meanwhile?: (system: System, firstJob: number) => Promise<void>;
}

interface Outcome {
  system: System;
  machines: number;
  calls: number;
  refusals: number;
  /** The most machines that any name ever had. */
  perName: number;
}

/** All jobs run, limits hold at every birth, nothing is left. */
async function play({ machine, meanwhile, ...scene }: Scene, see: (outcome: Outcome) => void): Promise<void> {
  const system = await startSystem({
    limit,
    pools: {
      linux: {
        host: 'cloud',
        os: 'linux',
        labels,
        limit,
        machine: { instanceTypes: ['m7i.large'], ...machine },
      },
    },
    ...scene,
  });
  try {
    const run = system.start({ name: 'm', labels, matrix: jobs, failFast: false, durationMs: minuteMs });
    await meanwhile?.(system, run.jobs[0]?.id ?? 0);
    await system.until('all jobs have ended', 60 * minuteMs, () => run.status === 'completed');
    await system.until('nothing is left', 60 * minuteMs, () => system.isEmpty());
    assert.equal(run.conclusion, 'success');
    assert.ok(system.most() <= limit, `${system.most()} machines of ${limit}`);
    const names = Map.groupBy(system.cloud.instances.values(), (instance) => system.nameOf(instance));
    see({
      system,
      machines: system.cloud.instances.size,
      calls: system.standIn.countOf('CreateFleet'),
      refusals: system.refusals.filter((one) => one.startsWith('CreateFleet')).length,
      perName: Math.max(...[...names.values()].map((machines) => machines.length)),
    });
  } finally {
    await system.close();
  }
}
