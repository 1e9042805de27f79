// The addresses that GitHub sends webhooks from, where those alone are taken. GitHub changes them now and then, and tells
// everybody; what it told is kept as the sweep's own state, where the door of webhooks reads it.

import type { Sweep } from '../../ports/jobs-table.ts';
import type { ReconcilerDeps } from './deps.ts';
import type { Next } from './next.ts';

export const hookAddressesSweep = { kind: 'hookAddresses', subject: 'app' } as const;

export interface HookAddresses {
  /** As GitHub writes them: `192.30.252.0/22`. */
  ranges: readonly string[];
}

/** GitHub had five in 2026; a list of thousands is a mistake, and would be read with every webhook. */
const rangesMax = 500;

export async function sweepHookAddresses({ github, configuration }: Deps, sweep: Sweep): Promise<Next> {
  const afterMs = configuration.timing.queuedJobsIdleMs;
  const installation = (await github.installations()).find(({ suspended }) => !suspended);
  // Nobody to ask by: what is known stays.
  if (!installation) return { afterMs, state: sweep.state };
  const ranges = await github.hookAddresses(installation.id);
  if (ranges.length > rangesMax)
    throw new Error(
      `GitHub names ${ranges.length} ranges of addresses for webhooks; allowed are ${rangesMax}`,
    );
  return { afterMs, state: { ranges } satisfies HookAddresses };
}

type Deps = Pick<ReconcilerDeps, 'github' | 'configuration'>;
