// Whether a webhook may come from where it comes from: GitHub says by which addresses it sends them, the Reconciler
// keeps that in the table, and the door reads it there now and then. A second lock before the signature, which alone
// decides; so where nothing is known yet, or an Enterprise Server names no addresses, everything passes.

import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { type HookAddresses, hookAddressesSweep } from '../../flow/reconciler/sweep-addresses.ts';
import type { Clock, EpochMs } from '../../ports/clock.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

interface HookAddressesDeps {
  table: Pick<JobsTable, 'readSweep'>;
  clock: Clock;
  telemetry: Telemetry;
}

/** The list moves once an hour at most, and one read in five minutes for each environment costs next to nothing. */
const freshMs = 5 * 60_000;
/** Until there is a list, and after a read that failed. */
const againMs = 60_000;

const state = z.object({ ranges: z.array(z.string()).readonly() }) satisfies z.ZodType<HookAddresses>;

/** What the door answers to everybody else. The deploy command knows it by this. */
export const foreignAddress = "webhooks are taken from GitHub's addresses alone";

/** `address` is as API Gateway says, never as a header does. */
export function createHookAddressCheck({
  table,
  clock,
  telemetry,
}: HookAddressesDeps): (address: string | null) => Promise<boolean> {
  let known: BlockList | null = null;
  let readAgainAt: EpochMs = Number.NEGATIVE_INFINITY;

  async function refresh(): Promise<void> {
    readAgainAt = clock.now() + againMs;
    try {
      const sweep = await table.readSweep(hookAddressesSweep.kind, hookAddressesSweep.subject);
      const read = state.safeParse(sweep?.state);
      if (!read.success) return;
      known = listOf(read.data.ranges);
      readAgainAt = clock.now() + freshMs;
    } catch (error) {
      const fields = { error: String(error) };
      telemetry.log('warn', "GitHub's addresses can not be read, and are used as they were", fields);
    }
  }

  return async (address) => {
    if (clock.now() >= readAgainAt) await refresh();
    if (known === null) return true;
    const family = isIP(address ?? '');
    return address !== null && family !== 0 && known.check(address, family === 6 ? 'ipv6' : 'ipv4');
  };
}

/** `null` where it has nothing that could let anything pass. */
function listOf(ranges: readonly string[]): BlockList | null {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits = ''] = range.split('/');
    const family = isIP(network);
    const bitsMax = family === 6 ? 128 : 32;
    if (family === 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > bitsMax) continue;
    list.addSubnet(network, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  }
  return list.rules.length > 0 ? list : null;
}
