// Dedicated hosts cost whether or not a machine is on them. One that is empty is let go of once its day is over, which
// EC2 asks for, unless a launch waits for it. A host that was allocated for a launch which never came is found here by
// its tags like any other.

import { ReleaseHostsCommand } from '@aws-sdk/client-ec2';
import type { EpochMs } from '../../../ports/clock.ts';
import type { HostContext } from './context.ts';
import { describeDedicatedHosts, isFree } from './dedicated-hosts.ts';

/** EC2 looks closely: a minute more, since its clock is not ours. [EC2: Amazon EC2 Mac instances] */
const paidMs = 24 * 3_600_000 + 60_000;
/** A launch that waits asks again within this, however long its pool paused. */
const wantedMs = 30 * 60_000;
/** Looked at so often: a host costs a dollar an hour or so. */
const everyMs = 5 * 60_000;
/** In one call. */
const releasesMax = 100;
/** A machine came upon it, somebody else was faster, or EC2's clock is behind. */
const passing: ReadonlySet<string> = new Set([
  'Client.InvalidHost.Occupied',
  'Client.InvalidHostID.NotFound',
  'Client.HostMinAllocationPeriodUnexpired',
]);

/** Also where no pool allocates any more: what was allocated before is still there. */
export function createTend(context: HostContext): () => Promise<void> {
  let lookedAt: EpochMs = Number.NEGATIVE_INFINITY;
  return async () => {
    const now = context.clock.now();
    if (now - lookedAt < everyMs) return;
    lookedAt = now;
    const over = (await describeDedicatedHosts(context)).filter(
      (host) => isFree(host) && now - host.allocatedAt >= paidMs && now - host.wantedAt >= wantedMs,
    );
    if (over.length === 0) return;
    const HostIds = over.slice(0, releasesMax).map(({ id }) => id);
    const { Unsuccessful = [] } = await context.clients.repeating.send(new ReleaseHostsCommand({ HostIds }));
    const kept = Unsuccessful.filter(({ Error: error }) => !passing.has(error?.Code ?? ''));
    if (kept.length > 0) throw new Error(`EC2 did not release ${kept.map(describeKept).join('; ')}`);
  };
}

function describeKept(kept: {
  ResourceId?: string | undefined;
  Error?: { Code?: string | undefined; Message?: string | undefined } | undefined;
}): string {
  return `dedicated host ${kept.ResourceId}: ${kept.Error?.Code}: ${kept.Error?.Message}`;
}
