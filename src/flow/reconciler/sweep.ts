// Regular looks at what is really there. Each kind looks, writes facts, and says when the next look is due; a look that
// fails is due again soon, behind those that were not tried. Together they use at most a share of each installation's requests.

import { GitHubError } from '../../ports/github.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import type { ReconcilerDeps } from './deps.ts';
import { metrics } from './metrics.ts';
import type { Next } from './next.ts';
import { hookAddressesSweep, sweepHookAddresses } from './sweep-addresses.ts';
import { sweepDeliveries } from './sweep-deliveries.ts';
import { sweepHost } from './sweep-host.ts';
import { sweepQueuedJobs, sweepRepositories } from './sweep-jobs.ts';
import { sweepRecount, sweepReroute } from './sweep-ledger.ts';
import { sweepRunnerList } from './sweep-runners.ts';

/** A sweep that is forgotten is made again by whoever needs it. */
const neverMs = 365 * 24 * 60 * 60_000;

export function createSweeps(deps: ReconcilerDeps): (kind: Sweep['kind'], subject: string) => Promise<void> {
  const { clock, table, telemetry } = deps;

  return async (kind, subject) => {
    const sweep = await table.readSweep(kind, subject);
    if (!sweep || sweep.nextAt > clock.now()) return;
    const lookedAt = clock.now();
    const next = await look(sweep).catch(async (error: unknown) => {
      await table.sweepDone({ ...sweep, nextAt: clock.now() + againMs(sweep, error) });
      throw error;
    });
    telemetry.count(metrics.sweeps, { kind });
    const nextAt = clock.now() + (next === null ? neverMs : next.afterMs);
    const state = next !== null && 'state' in next ? next.state : sweep.state;
    await table.sweepDone({ ...sweep, nextAt, lastAt: lookedAt, state });
  };

  /** A refusal that lasts (a suspended installation, a repository that is gone) is not met again at each tick. */
  function againMs({ touchedAt }: Sweep, error: unknown): number {
    const { tickMs, runnerListIdleMs, queuedJobsIdleMs, activeMs } = deps.configuration.timing;
    if (!(error instanceof GitHubError) || error.kind === 'unavailable') return tickMs;
    if (error.kind !== 'limited')
      return touchedAt + activeMs > clock.now() ? runnerListIdleMs : queuedJobsIdleMs;
    if (error.retryAt === null) return runnerListIdleMs;
    return Math.min(Math.max(tickMs, error.retryAt - clock.now()), runnerListIdleMs);
  }

  function look(sweep: Sweep): Promise<Next> {
    switch (sweep.kind) {
      case 'runnerList':
        return sweepRunnerList(deps, sweep);
      case 'hostList':
        return sweepHost(deps, sweep);
      case 'deliveries':
        return sweepDeliveries(deps, sweep);
      case 'queuedJobs':
        return sweepQueuedJobs(deps, sweep);
      case 'repositories':
        return sweepRepositories(deps, sweep);
      case 'recount':
        return sweepRecount(deps, sweep);
      case 'reroute':
        return sweepReroute(deps, sweep);
      case 'hookAddresses':
        return sweepHookAddresses(deps, sweep);
      default:
        return sweep.kind satisfies never;
    }
  }
}

/** Made at each start: what has no event to make it. */
export async function plantSweeps(
  deps: Pick<ReconcilerDeps, 'clock' | 'table' | 'configuration'>,
  /** Webhooks are taken from GitHub's addresses alone, which have to be known for that. */
  { gitHubAddressesOnly = false } = {},
): Promise<void> {
  const now = deps.clock.now();
  const plant = (kind: Sweep['kind'], subject: string, state: unknown = null) =>
    deps.table.sweepSoon({ kind, subject, nextAt: now, lastAt: null, touchedAt: 0, state });
  await plant('deliveries', 'app');
  await plant('repositories', 'app');
  if (gitHubAddressesOnly) await plant(hookAddressesSweep.kind, hookAddressesSweep.subject);
  for (const { name } of deps.configuration.hosts) {
    await plant('hostList', name);
    await plant('recount', name);
    await plant('reroute', name);
  }
}
