// An order → a runner ended: at GitHub first, which answers 422 if it was just given a job, then at its host.

import type { Timing } from '../../core/configuration.ts';
import type { HostName } from '../../core/ids.ts';
import type { Order } from '../../core/order.ts';
import { isMarked, type Runner, type RunnerFact } from '../../core/runner.ts';
import type { Clock } from '../../ports/clock.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import type { Host } from '../../ports/host.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { BatchHandler } from '../../ports/queue.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { mayBeRegistered, unregister } from '../registration.ts';
import { eachByItself } from './each.ts';
import { metrics } from './metrics.ts';
import { retryAfter } from './retry.ts';

export interface TerminatorDeps {
  clock: Clock;
  table: JobsTable;
  github: GitHub;
  host: Host;
  hostName: HostName;
  telemetry: Telemetry;
  timing: Timing;
}

export function createTerminator(deps: TerminatorDeps): BatchHandler<Order> {
  const { clock, table, github, host, telemetry, timing } = deps;

  return eachByItself(deps, async (order) => {
    const runner = order.status === 'terminate' ? await table.readRunner(order.runner) : null;
    return runner && end(runner);
  });

  async function end(runner: Runner): Promise<number | null> {
    const { removing, doneAt } = runner;
    if (runner.state === 'gone' || (removing === null && doneAt === null)) return null;
    if (!isMarked(runner) && !runner.activates) return fence(runner);
    const waitMs = untilItMayEnd(runner);
    if (waitMs > 0) return waitMs;
    // At its pool's wall a job is stopped: GitHub would say busy, and that is known.
    if (removing?.code === 'jobTime' && doneAt === null) return terminate(runner);
    return removeThenTerminate(runner);
  }

  /** Not launched, and by this write it never will be. */
  async function fence(runner: Runner): Promise<null> {
    await record(runner, { kind: 'fenced' });
    return null;
  }

  /**
   * A launch that is not answered yet may still start a machine, and a claim that was just won may be minting: the
   * removal waits, so that it does not overtake them.
   */
  function untilItMayEnd(runner: Runner): number {
    const now = clock.now();
    const launching = runner.launchedAt === null && runner.lease !== null ? runner.lease.until - now : 0;
    const claiming =
      runner.claim !== null && runner.gitHubId === null ? runner.claim.at + timing.claimMs - now : 0;
    return Math.max(0, launching, claiming);
  }

  async function removeThenTerminate(runner: Runner): Promise<number | null> {
    if (runner.removedAt === null && mayBeRegistered(runner)) {
      try {
        const removed = await unregister(github, runner);
        if (removed === 'busy') return busy(runner);
      } catch (error) {
        if (!(error instanceof GitHubError)) throw error;
        telemetry.log('warn', 'a runner could not be removed at GitHub', {
          runner: runner.name,
          error: error.message,
        });
        const retryMs = retryAfter(error, clock.now());
        if (retryMs !== null) {
          // Its deadline stands back meanwhile: else each tick would add another of these to a GitHub that is down.
          await record(runner, { kind: 'terminated' });
          return retryMs;
        }
        // GitHub will not say (the App is gone from there). A runner whose job has ended may end without its word; any
        // other keeps its machine, and is looked at again each minute: it may be at work.
        if (runner.doneAt === null) {
          await record(runner, { kind: 'terminated' });
          return null;
        }
      }
    }
    // From this write on no job can be given to it. Refused where a job, or a late answer, was heard of meanwhile:
    // then it stays, whatever this run read before it stalled.
    if (!(await record(runner, { kind: 'removed' }))) return null;
    return terminate(runner);
  }

  /** It was given a job this moment: it covers one waiting job until its event comes. If its job is done, later. */
  async function busy(runner: Runner): Promise<null> {
    if (runner.doneAt === null) await record(runner, { kind: 'assigned' });
    else await record(runner, { kind: 'terminated' });
    return null;
  }

  async function terminate(runner: Runner): Promise<null> {
    const answer = await host.terminate({ name: runner.name, machine: runner.machine });
    telemetry.count(metrics.endings, {
      host: deps.hostName,
      code: runner.removing?.code ?? 'jobDone',
      answer,
    });
    const code = runner.removing?.code ?? 'jobDone';
    const why = runner.removing?.why ?? 'its job has ended';
    await record(runner, answer === 'gone' ? { kind: 'gone', code, why } : { kind: 'terminated' });
    return null;
  }

  async function record(runner: Runner, fact: RunnerFact): Promise<boolean> {
    const { outcome } = await table.recordRunner(runner.name, [fact], clock.now());
    return outcome === 'recorded' || outcome === 'unchanged';
  }
}
