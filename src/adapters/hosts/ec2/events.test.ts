import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, HostName, MachineId, PoolName, RunnerName } from '../../../core/ids.ts';
import type { HostEvent } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { readMachineEvent } from './events.ts';
import { createEc2Host } from './index.ts';
import { interruptionNoticed, type StandInEvent, stateChanged } from './testing/events.ts';
import type { Ec2StandIn } from './testing/server.ts';
import { contextFor, launchRequest, startStandIn } from './testing.ts';

const clock = createSystemClock();
const host = 'ec2' as HostName;
const deployment = 'own1' as DeploymentPrefix;
const pool = 'build' as PoolName;
const name = 'own1-ec2-build-00000000000000000000000001' as RunnerName;
const at = Date.UTC(2026, 10, 11, 21, 29, 54);

interface World {
  standIn: Ec2StandIn;
  machine: MachineId;
  /** What EventBridge was told, in order. */
  told: StandInEvent[];
  read(event: unknown, of?: HostName): Promise<HostEvent | null>;
  /** Waits until EC2 calls the machine so. */
  becomes(state: string): Promise<void>;
}

async function withMachine(market: 'spot' | 'onDemand', run: (world: World) => Promise<void>): Promise<void> {
  const told: StandInEvent[] = [];
  const standIn = await startStandIn({
    clock,
    endingMs: 1,
    noticeMs: 20,
    onEvent: (event) => void told.push(event),
  });
  try {
    const context = contextFor(standIn, { deployment, host, pool, clock, random: createSeededRandom(1) });
    const request = launchRequest({
      ...{ name, attempt: 1, deployment, pool, now: clock.now() },
      machine: { market },
    });
    const launched = await createEc2Host(context).launch(request);
    assert.ok(launched.outcome === 'launched');
    const { machine } = launched;
    const becomes = async (state: string): Promise<void> => {
      for (const deadline = clock.now() + 5_000; standIn.cloud.instances.get(machine)?.state !== state; ) {
        assert.ok(clock.now() < deadline, `it never became ${state}`);
        await clock.sleep(5);
      }
    };
    const read: World['read'] = (event, of = host) => readMachineEvent(event, of, () => context.clients);
    await becomes('running');
    await run({ standIn, machine, told, read, becomes });
  } finally {
    await standIn.close();
  }
}

describe('an event of EC2', () => {
  test('that a machine is terminated tells whose it was, and why it ended, for people', () =>
    withMachine('onDemand', async ({ standIn, machine, read, becomes }) => {
      const event = stateChanged(machine, 'terminated', at);
      assert.equal(await read(event), null, 'it is not dead, whatever the event says');
      standIn.cloud.terminate(standIn.cloud.find(machine));
      await becomes('terminated');
      const told = await read(event);
      const rest = { name, machine, happened: 'gone', at };
      assert.deepEqual(told && { ...told, cause: '' }, { ...rest, cause: '' });
      assert.match(told?.cause ?? '', /^it was told to end: Client\.UserInitiatedShutdown/);

      assert.equal(await read(event, 'other' as HostName), null, 'of another host');
      assert.equal(
        await read(stateChanged('i-00000000000000bad', 'terminated', at)),
        null,
        'nobody knows it any more',
      );
      const asked = standIn.calls.length;
      const others = [
        stateChanged(machine, 'running', at),
        stateChanged('nonsense', 'terminated', at),
        { ...event, source: 'runners.simulated' },
        { ...event, 'detail-type': 'EC2 Instance Rebalance Recommendation' },
        null,
        'text',
      ];
      for (const other of others) assert.equal(await read(other), null);
      assert.equal(standIn.calls.length, asked, 'EC2 was asked about what is neither an end nor a notice');
    }));

  test('that a spot machine is taken back tells so two minutes ahead, and its end tells why', () =>
    withMachine('spot', async ({ standIn, machine, told, read, becomes }) => {
      standIn.cloud.interrupt(standIn.cloud.find(machine));
      const notice = told.at(-1);
      assert.equal(notice?.['detail-type'], 'EC2 Spot Instance Interruption Warning');
      const noticedAt = Date.parse(notice?.time ?? '');
      const interrupted = await read(notice);
      assert.deepEqual(interrupted && { ...interrupted, cause: '' }, {
        ...{ name, machine, happened: 'interrupted', at: noticedAt, cause: '' },
        takenAt: noticedAt + 120_000,
      });
      assert.equal(await read(notice, 'other' as HostName), null, 'of another host');

      await becomes('terminated');
      const [end] = told.filter(({ detail }) => detail['state'] === 'terminated');
      const gone = await read(end);
      assert.equal(gone?.happened, 'gone');
      assert.match(gone?.cause ?? '', /^EC2 took the spot machine back: Server\.SpotInstanceTermination/);
      assert.ok((gone?.takenAt ?? 0) < (gone?.at ?? 0), 'whoever got no notice learns of it here');
      assert.equal(await read(notice), null, 'a notice that comes late tells of nothing any more');
    }));

  test('of a notice about a machine that nobody knows is nothing to us', () =>
    withMachine('onDemand', async ({ standIn, machine, read }) => {
      assert.equal(await read(interruptionNoticed('i-00000000000000bad', at)), null);
      assert.throws(() => standIn.cloud.interrupt(standIn.cloud.find(machine)), /onDemand/);
    }));
});
