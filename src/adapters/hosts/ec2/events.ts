// What EventBridge says of a machine's end. Such an event has no tags, so that whose machine it was is looked up once;
// EC2 shows a terminated machine for about an hour, its tags for somewhat less. Where they are gone already, the host's
// list tells what the event would have.

import { z } from 'zod';
import type { HostName } from '../../../core/ids.ts';
import type { HostEvent } from '../../../ports/host.ts';
import type { Ec2Clients } from './client.ts';
import { describeInstances, isDead, machineFilter } from './instances.ts';

const stateChange = z.object({
  source: z.literal('aws.ec2'),
  'detail-type': z.literal('EC2 Instance State-change Notification'),
  time: z.iso.datetime(),
  detail: z.object({ 'instance-id': z.string().regex(/^i-[0-9a-f]{8,17}$/), state: z.literal('terminated') }),
});

/** `null` where it tells of something else, or of a machine that is not this host's. */
export async function readStateChange(
  event: unknown,
  host: HostName,
  clients: () => Ec2Clients,
): Promise<HostEvent | null> {
  const read = stateChange.safeParse(event);
  if (!read.success) return null;
  const { time, detail } = read.data;
  const [found] = await describeInstances({ clients: clients() }, [machineFilter(detail['instance-id'])]);
  if (!found || !isDead(found) || found.tags.host !== host || found.tags.name === '') return null;
  const { machine, tags, cause } = found;
  return { name: tags.name, machine, happened: 'gone', cause: causeOf(cause), at: Date.parse(time) };
}

/** For people, who know no codes. What EC2 says itself comes behind. */
function causeOf(cause: string): string {
  const known = causes.find(([pattern]) => pattern.test(cause));
  return [known?.[1] ?? 'it was terminated', cause].filter(Boolean).join(': ');
}

const causes: readonly [pattern: RegExp, says: string][] = [
  [/SpotInstance(Termination|Shutdown)/, 'EC2 took the spot machine back'],
  [/InstanceInitiatedShutdown/, 'it shut itself down'],
  [/UserInitiatedShutdown|User initiated/, 'it was told to end'],
  [/InsufficientInstanceCapacity/, 'EC2 had no room to start it'],
  [/InternalError|ScheduledStop/, 'EC2 ended it'],
  [/InvalidSnapshot|VolumeLimitExceeded|KMS|ClientInvalid/i, 'its disk could not be made'],
];
