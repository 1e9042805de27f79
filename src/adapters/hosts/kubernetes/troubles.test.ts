// What a list tells of pods that are not up, where nobody watches.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, HostName, PoolName } from '../../../core/ids.ts';
import { runnerName } from '../../../core/ids.ts';
import type { ListedMachine } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createKubernetesHost } from './index.ts';
import { kubernetesHostOptions } from './options.ts';
import { type StandIn, type StandInSettings, startStandIn } from './testing/server.ts';
import { launchRequest } from './testing.ts';

const clock = createSystemClock();
const deployment = 'own1' as DeploymentPrefix;
const host = 'here' as HostName;
const pool = 'small' as PoolName;
const triesMax = 500;

/** Launches one and lists until the list satisfies; gives the machine. */
async function listed(
  settings: Partial<StandInSettings> & { pullErrorSeconds?: number },
  isEnough: (machine: ListedMachine, standIn: StandIn) => boolean,
): Promise<{ machine: ListedMachine; countOf: StandIn['countOf'] }> {
  const { pullErrorSeconds = 45, ...rest } = settings;
  const standIn = await startStandIn({ clock, ...rest });
  const opened = createKubernetesHost({
    ...{ deployment, host, clock, osOf: () => 'linux', random: createSeededRandom(1), onWarning: () => {} },
    options: kubernetesHostOptions.parse({ watch: false, pullErrorSeconds }),
    connection: standIn.connection(),
  });
  try {
    const name = runnerName(deployment, host, pool, '0'.repeat(26));
    await opened.launch(launchRequest({ name, attempt: 1, deployment, pool, now: clock.now() }));
    for (let tries = 0; tries < triesMax; tries += 1) {
      const found = await opened.list();
      assert.ok(found !== 'unknown');
      const [machine] = found;
      if (machine && isEnough(machine, standIn)) return { machine, countOf: standIn.countOf };
      await clock.sleep(10);
    }
    return assert.fail('waited in vain');
  } finally {
    opened.close();
    await standIn.close();
  }
}

const hasTrouble = ({ trouble }: ListedMachine): boolean => trouble !== undefined;

describe('a list without a watch', () => {
  test('tells at once of a pod that a quota refused', async () => {
    const { machine } = await listed({ podsMax: 0 }, hasTrouble);
    assert.equal(machine.alive, true);
    assert.equal(machine.trouble?.happened, 'failed');
    assert.match(
      machine.trouble?.cause ?? '',
      /the namespace's quota has no room for its pod: .*exceeded quota/,
    );
  });

  test('tells that no node has room, as a note', async () => {
    const trouble = () => ({ unschedulable: '0/3 nodes are available' });
    const { machine } = await listed({ trouble }, hasTrouble);
    assert.deepEqual(machine.trouble, {
      ...{ happened: 'waits', cause: 'no node has room for its pod: 0/3 nodes are available' },
    });
  });

  test('tells of an image that can not be pulled: a note first, a boot that failed after its patience', async () => {
    const trouble = () => ({ waiting: 'ErrImagePull', message: 'not found' });
    const { machine } = await listed({ trouble }, hasTrouble);
    assert.equal(machine.trouble?.happened, 'waits');
    const late = await listed({ trouble, pullErrorSeconds: 1 }, (one) => one.trouble?.happened === 'failed');
    assert.match(late.machine.trouble?.cause ?? '', /its image can not be pulled: not found/);
  });

  test('asks for no more where all that lives runs', async () => {
    let isUp = false;
    let asked = -1;
    const { machine, countOf } = await listed({}, (_, standIn) => {
      const isReady = [...standIn.cluster.kinds.jobs.values()].every(({ status }) => status?.['ready'] === 1);
      if (!isReady) return false;
      const count = standIn.countOf('list', 'pods') + standIn.countOf('list', 'events');
      // The list that saw it come up may have asked.
      if (isUp && asked >= 0) return true;
      isUp = true;
      asked = count;
      return false;
    });
    assert.equal(machine.trouble, undefined);
    assert.equal(countOf('list', 'pods') + countOf('list', 'events'), asked);
  });

  test('is as good as ever where that may not be asked', async () => {
    const allows = ({ resource }: { resource: string }) => resource !== 'pods' && resource !== 'events';
    const isListed = ({ alive }: ListedMachine, { calls }: StandIn): boolean =>
      alive && calls.some(({ verb, resource }) => verb === 'list' && resource === 'events');
    const { machine } = await listed({ allows, podsMax: 0 }, isListed);
    assert.equal(machine.trouble, undefined);
  });
});
