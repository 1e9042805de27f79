import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, HostName, PoolName, RunnerName } from '../../../core/ids.ts';
import { runnerName } from '../../../core/ids.ts';
import type { HostEvent } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createKubernetesHost, type KubernetesHost } from './index.ts';
import { kubernetesHostOptions } from './options.ts';
import { type StandIn, type StandInSettings, startStandIn } from './testing/server.ts';
import { launchRequest } from './testing.ts';

const clock = createSystemClock();
const deployment = 'own1' as DeploymentPrefix;
const hostName = 'here' as HostName;
const pool = 'small' as PoolName;
const name = runnerName(deployment, hostName, pool, '0'.repeat(26));

interface Given {
  host: KubernetesHost;
  standIn: StandIn;
  events: HostEvent[];
  warnings: string[];
  launch(): Promise<void>;
  until(says: string, condition: () => boolean): Promise<void>;
}

async function watched(
  settings: Partial<StandInSettings> & { onEvent?: (event: HostEvent) => Promise<void> },
  run: (given: Given) => Promise<void>,
): Promise<void> {
  const { onEvent, ...rest } = settings;
  const standIn = await startStandIn({ clock, ...rest });
  const events: HostEvent[] = [];
  const warnings: string[] = [];
  const host = createKubernetesHost({
    deployment,
    host: hostName,
    options: kubernetesHostOptions.parse({ pullErrorSeconds: 1 }),
    osOf: () => 'linux',
    connection: standIn.connection(),
    clock,
    random: createSeededRandom(1),
    onEvent: async (event) => {
      events.push(event);
      await onEvent?.(event);
    },
    onWarning: (text) => void warnings.push(text),
  });
  const until = async (says: string, condition: () => boolean): Promise<void> => {
    for (let i = 0; i < 1_000; i += 1) {
      if (condition()) return;
      await clock.sleep(10);
    }
    assert.fail(`waited in vain: ${says}; told was ${JSON.stringify(events)}`);
  };
  try {
    await run({
      host,
      standIn,
      events,
      warnings,
      until,
      async launch() {
        const answer = await host.launch(
          launchRequest({ name, attempt: 1, deployment, pool, now: clock.now() }),
        );
        assert.equal(answer.outcome, 'launched');
      },
    });
  } finally {
    host.close();
    await standIn.close();
  }
}

const runs = (standIn: StandIn, of: RunnerName): boolean =>
  [...standIn.cluster.kinds.pods.values()].some(
    (pod) => pod.metadata.name.startsWith(of) && pod.status?.['phase'] === 'Running',
  );

describe('what a cluster tells', { concurrency: 8 }, () => {
  for (const [how, cause] of [
    [{ exitCode: 0 }, /^its runner ended$/],
    [{ exitCode: 137, reason: 'OOMKilled' }, /needed more memory than its limit \(OOMKilled\)/],
    [{ exitCode: 3 }, /^its container runner ended with 3$/],
  ] as const)
    test(`of a pod that ended by ${JSON.stringify(how)} is its end, once, and why`, () =>
      watched({}, async ({ standIn, events, launch, until }) => {
        await launch();
        await until('it runs', () => runs(standIn, name));
        standIn.cluster.endPod(name, how);
        await until('it is told', () => events.length > 0);
        await clock.sleep(100);
        assert.deepEqual(
          events.map(({ name: told, happened }) => [told, happened]),
          [[name, 'gone']],
        );
        assert.match(events[0]?.cause ?? '', cause);
      }));

  test('of a pod that no node has room for is a note, once', () =>
    watched(
      { trouble: () => ({ unschedulable: '0/3 nodes are available: 3 Insufficient cpu.' }) },
      async ({ events, launch, until }) => {
        await launch();
        await until('it is told', () => events.length > 0);
        assert.equal(events[0]?.happened, 'waits');
        assert.match(events[0]?.cause ?? '', /no node has room for its pod: .*Insufficient cpu/);
        await clock.sleep(100);
        assert.equal(events.length, 1);
      },
    ));

  test('of an image that can not be pulled is a note first, and a failed boot after its time', () =>
    watched(
      { trouble: () => ({ waiting: 'ImagePullBackOff', message: 'Back-off pulling image "x"' }) },
      async ({ events, launch, until }) => {
        await launch();
        await until('both are told', () => events.length >= 2);
        assert.deepEqual(
          events.map(({ happened }) => happened),
          ['waits', 'failed'],
        );
        assert.match(events[1]?.cause ?? '', /its image can not be pulled: Back-off/);
      },
    ));

  test("of an image's name that is none is a failed boot at once", () =>
    watched(
      { trouble: () => ({ waiting: 'InvalidImageName', message: 'couldn\'t parse "X"' }) },
      async ({ events, launch, until }) => {
        await launch();
        await until('it is told', () => events.length > 0);
        assert.equal(events[0]?.happened, 'failed');
      },
    ));

  test('of a pod that a quota refused is a failed boot, once, however often it is tried', () =>
    watched({ podsMax: 0 }, async ({ events, launch, until }) => {
      await launch();
      await until('it is told', () => events.length > 0);
      await clock.sleep(200);
      assert.deepEqual(
        events.map(({ happened }) => happened),
        ['failed'],
      );
      assert.match(events[0]?.cause ?? '', /quota has no room for its pod/);
    }));

  test('is heard though its watches break off, and what happened meanwhile too', () =>
    watched({}, async ({ standIn, events, launch, until }) => {
      await launch();
      await until('it runs', () => runs(standIn, name));
      await until('it is watched', () => standIn.countOf('watch', 'jobs') > 0);
      standIn.breakWatches();
      standIn.cluster.endPod(name);
      await until('it is told', () => events.some(({ happened }) => happened === 'gone'));
      assert.equal(events.length, 1);
    }));

  test('is told of a Job that came and went before it could be watched', () => {
    let isShut = true;
    const fate: NonNullable<StandInSettings['fate']> = ({ verb }) =>
      isShut && verb === 'list' ? { status: 503 } : 'pass';
    return watched({ fate }, async ({ host, standIn, events, launch, until }) => {
      await launch();
      await host.terminate({ name, machine: null });
      await until('it is gone', () => standIn.cluster.kinds.jobs.size === 0);
      isShut = false;
      await until('it is told', () => events.length > 0);
      assert.equal(events[0]?.happened, 'gone');
    });
  });

  test('is listed anew where the server has forgotten what changed since', () =>
    watched({}, async ({ standIn, events, launch, until }) => {
      await launch();
      await until('it runs', () => runs(standIn, name));
      const lists = standIn.countOf('list', 'jobs');
      standIn.breakWatches();
      standIn.cluster.endPod(name);
      await clock.sleep(30);
      standIn.cluster.forget();
      await until('it is told', () => events.some(({ happened }) => happened === 'gone'));
      assert.ok(standIn.countOf('list', 'jobs') >= lists);
    }));

  test('is told again to a door that failed', () => {
    let tries = 0;
    const onEvent = async (): Promise<void> => {
      tries += 1;
      if (tries === 1) throw new Error('the door is shut');
    };
    return watched({ onEvent }, async ({ standIn, events, launch, until }) => {
      await launch();
      await until('it runs', () => runs(standIn, name));
      standIn.cluster.endPod(name);
      await until('it is told again', () => events.length === 2);
    });
  });

  test('that it does not let us watch is a warning, not an end', () =>
    watched(
      { allows: ({ resource }) => resource !== 'events' },
      async ({ host, launch, warnings, until }) => {
        await launch();
        await until('it warns', () => warnings.length > 0);
        assert.match(warnings[0] ?? '', /events of the cluster can not be watched now.*cannot list resource/);
        await assert.rejects(host.demandRights(), /does not allow this system to list events, watch events/);
      },
    ));
});
