// Spares on EC2: launched ahead, put to rest as their pool wants it, put to work for a job, and renewed one at a time when
// their template changes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StandInInstance } from '../../src/adapters/hosts/ec2/testing/cloud.ts';
import { type System, startSystem } from './system.ts';

const labels = ['self-hosted', 'linux'];
const minuteMs = 60_000;
const bootMs = 40_000;

type Standby = 'hot' | 'stopped' | 'hibernated';

describe('a spare on EC2', () => {
  for (const [standby, rests] of [
    ['hot', 'running'],
    ['stopped', 'stopped'],
    ['hibernated', 'stopped'],
  ] as const)
    test(`${standby}: it stands by, and is put to work for the next job, whose place another takes`, () =>
      withSpares(standby, 1, async (system) => {
        await system.until('it stands by', 10 * minuteMs, async () => (await standing(system)) === 1);
        await system.pass(2 * minuteMs);
        const [spare] = system.alive();
        assert.equal(spare?.state, rests);
        assert.equal(await standing(system), 1);
        assert.equal(system.world.state.runners.size, 0, 'GitHub knows nothing of it');
        const stops = system.standIn.calls.filter(({ action }) => action === 'StopInstances');
        assert.deepEqual(
          stops.map(({ params }) => params['Hibernate'] ?? null),
          standby === 'hot' ? [] : [standby === 'hibernated' ? 'true' : null],
          'it was stopped once, as the pool says',
        );

        const run = system.start({ name: 'm', labels, durationMs: minuteMs });
        await system.until('its job has ended', 15 * minuteMs, () => run.status === 'completed');
        assert.equal(run.conclusion, 'success');
        assert.equal(run.jobs[0]?.runner?.name, spare && system.nameOf(spare), 'the spare has had it');
        assert.equal(system.standIn.countOf('StartInstances'), standby === 'hot' ? 0 : 1);
        await system.until('another stands by', 15 * minuteMs, async () => (await standing(system)) === 1);
        assert.equal(system.cloud.instances.size, 2, 'the spare, and the one that took its place');
        assert.ok(system.most() <= limit, `${system.most()} machines of ${limit}`);
      }));

  test('that can not be started, since there is no room, is replaced, and its job runs on a new machine', () =>
    withSpares('stopped', 1, async (system) => {
      await system.until('it stands by', 10 * minuteMs, () => system.alive()[0]?.state === 'stopped');
      for (const zone of ['a', 'b']) system.cloud.setCapacity(`m7i.large/eu-west-1${zone}/start`, 0);
      const run = system.start({ name: 'm', labels, durationMs: minuteMs });
      await system.until('its job has ended', 30 * minuteMs, () => run.status === 'completed');
      assert.equal(run.conclusion, 'success');
      assert.ok(system.most() <= limit, `${system.most()} machines of ${limit}`);
    }));

  for (const standby of ['hot', 'stopped'] as const)
    test(`${standby}: three are renewed for a new launch template one at a time, and two stand by meanwhile`, () =>
      withSpares(standby, 3, async (system) => {
        const rests = standby === 'hot' ? 'running' : 'stopped';
        const atRest = (): number => system.alive().filter(({ state }) => state === rests).length;
        await system.until(
          'three rest',
          15 * minuteMs,
          async () => atRest() === 3 && (await standing(system)) === 3,
        );
        system.templates['linux'] = (system.templates['linux'] ?? '').replace(/\d+$/, '2');
        let fewest = 3;
        await system.until('all are of the new one', 90 * minuteMs, async () => {
          const now = await standing(system);
          fewest = Math.min(fewest, now);
          return (
            now === 3 && system.alive().length === 3 && system.alive().every((one) => versionOf(one) === '2')
          );
        });
        assert.equal(fewest, 2);
        assert.equal(system.cloud.instances.size, 6, 'one new machine for each old one');
        assert.ok(system.most() <= limit, `${system.most()} machines of ${limit}`);
      }));
});

const limit = 4;

async function withSpares(
  standby: Standby,
  spares: number,
  work: (system: System) => Promise<void>,
): Promise<void> {
  const system = await startSystem({
    limit,
    bootMs,
    pools: {
      linux: {
        host: 'cloud',
        os: 'linux',
        labels,
        limit,
        spares,
        machine: { instanceTypes: ['m7i.large'], standby },
      },
    },
  });
  try {
    await work(system);
  } finally {
    await system.close();
  }
}

/** Spares that have said so, and are not on their way out. */
async function standing(system: System): Promise<number> {
  return (await system.runners()).filter(({ state, removing }) => state === 'standby' && !removing).length;
}

function versionOf({ tags }: StandInInstance): string | undefined {
  return tags.get('aws:ec2launchtemplate:version');
}
