import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeploymentPrefix, HostName, PoolName, RunnerName } from '../../../core/ids.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { readStateChange } from './events.ts';
import { createEc2Host } from './index.ts';
import { contextFor, launchRequest, startStandIn } from './testing.ts';

const clock = createSystemClock();
const host = 'ec2' as HostName;
const deployment = 'own1' as DeploymentPrefix;
const pool = 'build' as PoolName;
const name = 'own1-ec2-build-00000000000000000000000001' as RunnerName;

function eventOf(instance: string, state: string, more: object = {}) {
  return {
    version: '0',
    id: '7bf73129-1428-4cd3-a780-95db273d1602',
    'detail-type': 'EC2 Instance State-change Notification',
    source: 'aws.ec2',
    account: '123456789012',
    time: '2026-11-11T21:29:54Z',
    region: 'eu-west-1',
    resources: [`arn:aws:ec2:eu-west-1:123456789012:instance/${instance}`],
    detail: { 'instance-id': instance, state },
    ...more,
  };
}

test('an event of a terminated machine tells whose it was, and why it ended, for people', async () => {
  const standIn = await startStandIn({ clock, endingMs: 1 });
  try {
    const context = contextFor(standIn, { deployment, host, pool, clock, random: createSeededRandom(1) });
    const ec2 = createEc2Host(context);
    const request = launchRequest({ name, attempt: 1, deployment, pool, now: clock.now() });
    const launched = await ec2.launch(request);
    assert.ok(launched.outcome === 'launched');
    const { machine } = launched;
    const read = (event: unknown, of = host) => readStateChange(event, of, () => context.clients);
    const instance = standIn.cloud.instances.get(machine);
    assert.ok(instance);

    assert.equal(await read(eventOf(machine, 'terminated')), null, 'it is not dead, whatever the event says');
    standIn.cloud.terminate(instance, 'Server.SpotInstanceTermination');
    for (const deadline = clock.now() + 5_000; instance.state !== 'terminated'; ) {
      assert.ok(clock.now() < deadline);
      await clock.sleep(5);
    }
    const told = await read(eventOf(machine, 'terminated'));
    assert.deepEqual(told && { ...told, cause: '' }, {
      ...{ name, machine, happened: 'gone', cause: '' },
      at: Date.UTC(2026, 10, 11, 21, 29, 54),
    });
    assert.match(told?.cause ?? '', /^EC2 took the spot machine back: Server\.SpotInstanceTermination/);

    assert.equal(await read(eventOf(machine, 'terminated'), 'other' as HostName), null, 'of another host');
    assert.equal(await read(eventOf('i-00000000000000bad', 'terminated')), null, 'nobody knows it any more');
    const asked = standIn.calls.length;
    for (const other of [
      eventOf(machine, 'running'),
      eventOf('nonsense', 'terminated'),
      eventOf(machine, 'terminated', { source: 'runners.simulated' }),
      null,
      'text',
    ])
      assert.equal(await read(other), null);
    assert.equal(standIn.calls.length, asked, 'EC2 was asked about what is no end of a machine');
  } finally {
    await standIn.close();
  }
});
