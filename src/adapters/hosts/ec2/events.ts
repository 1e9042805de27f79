// What EventBridge says of a machine: that it has ended, or that EC2 takes a spot machine back in two minutes. Such an
// event has no tags, so that whose machine it is is looked up once; EC2 shows a terminated machine for about an hour, its
// tags for somewhat less. Where they are gone already, the host's list tells what the event would have.
//
// Notices come "on a best effort basis" [EC2: Spot Instance interruption notices]: where none came, the end of the
// machine says why. Rebalance recommendations are not asked for: many are followed by no interruption, a job can not be
// moved, and an idle machine is replaced in less than the two minutes that the notice leaves.

import { z } from 'zod';
import type { HostName } from '../../../core/ids.ts';
import type { HostEvent } from '../../../ports/host.ts';
import type { Ec2Clients } from './client.ts';
import { detailTypes } from './detail-types.ts';
import { describeInstances, isDead, machineFilter } from './instances.ts';

/** From the notice until EC2 ends the machine. [EC2: Spot Instance interruption notices] */
const noticeMs = 120_000;
/** What a machine may take to shut down, before EC2 calls it terminated. */
const shutDownMsMax = 120_000;

const instanceId = z.string().regex(/^i-[0-9a-f]{8,17}$/);
const common = { source: z.literal('aws.ec2'), time: z.iso.datetime() };

const machineEvent = z.discriminatedUnion('detail-type', [
  z.object({
    ...common,
    'detail-type': z.literal(detailTypes.state),
    detail: z.object({ 'instance-id': instanceId, state: z.literal('terminated') }),
  }),
  z.object({
    ...common,
    'detail-type': z.literal(detailTypes.interruption),
    detail: z.object({ 'instance-id': instanceId }),
  }),
]);

/** `null` where it tells of something else, or of a machine that is not this host's. */
export async function readMachineEvent(
  event: unknown,
  host: HostName,
  clients: () => Ec2Clients,
): Promise<HostEvent | null> {
  const read = machineEvent.safeParse(event);
  if (!read.success) return null;
  const { time, detail } = read.data;
  const [found] = await describeInstances({ clients: clients() }, [machineFilter(detail['instance-id'])]);
  if (!found || found.tags.host !== host || found.tags.name === '') return null;
  const of = { name: found.tags.name, machine: found.machine, at: Date.parse(time) };
  if (read.data['detail-type'] === detailTypes.interruption)
    // What is dead by now says so itself, and why.
    return isDead(found)
      ? null
      : { ...of, happened: 'interrupted', cause: interruption, takenAt: of.at + noticeMs };
  if (!isDead(found)) return null;
  const isTaken = takenBack.test(found.cause);
  return {
    ...of,
    happened: 'gone',
    cause: causeOf(found.cause),
    ...(isTaken && { takenAt: of.at - shutDownMsMax }),
  };
}

const interruption = 'EC2 takes the spot machine back in two minutes';
const takenBack = /SpotInstance(Termination|Shutdown)/;

/** For people, who know no codes. What EC2 says itself comes behind. */
function causeOf(cause: string): string {
  const known = causes.find(([pattern]) => pattern.test(cause));
  return [known?.[1] ?? 'it was terminated', cause].filter(Boolean).join(': ');
}

const causes: readonly [pattern: RegExp, says: string][] = [
  [takenBack, 'EC2 took the spot machine back'],
  [/InstanceInitiatedShutdown/, 'it shut itself down'],
  [/UserInitiatedShutdown|User initiated/, 'it was told to end'],
  [/InsufficientInstanceCapacity/, 'EC2 had no room to start it'],
  [/InternalError|ScheduledStop/, 'EC2 ended it'],
  [/InvalidSnapshot|VolumeLimitExceeded|KMS|ClientInvalid/i, 'its disk could not be made'],
];
