// What has to happen when a deadline passes. Every state has one, and this is where somebody acts.

import { systemToEnd } from '../../core/configuration.ts';
import { jobDeadline, runnerDeadline } from '../../core/deadline.ts';
import type { JobKey, RunnerName } from '../../core/ids.ts';
import { waiting } from '../../core/ledger.ts';
import { type Order, orderAttributes } from '../../core/order.ts';
import type { EndingCode } from '../../core/reason.ts';
import type { Runner, RunnerFact } from '../../core/runner.ts';
import type { Host } from '../../ports/host.ts';
import { mayBeRegistered } from '../registration.ts';
import type { Ask } from './ask.ts';
import type { ReconcilerDeps } from './deps.ts';
import { metrics } from './metrics.ts';
import { createRerun } from './rerun.ts';

/** The host's machines, asked for once by a step however many of its runners are in doubt. */
type ListHost = () => ReturnType<Host['list']>;

export interface Duties {
  runner(name: RunnerName, listHost: ListHost): Promise<void>;
  job(key: JobKey): Promise<void>;
}

/** Jobs asked about when runners idle beside them: beyond it the next look goes on. */
const idleAsksMax = 10;

export function createDuties(deps: ReconcilerDeps, ask: Ask): Duties {
  const { clock, table, github, telemetry, configuration } = deps;
  const rerun = createRerun(deps);

  return {
    async runner(name, listHost) {
      // Read again: the index that named it may lag.
      const runner = await table.readRunner(name);
      if (!runner) return;
      const deadline = runnerDeadline(runner, deps.timesOf(runner.pool, runner.host));
      if (!deadline || deadline.at > clock.now()) return;
      telemetry.count(metrics.duties, { host: runner.host, duty: deadline.duty });
      await perform(runner, deadline.duty, listHost);
    },

    async job(key) {
      const job = await table.readJob(key);
      const deadline = job ? jobDeadline(job) : null;
      if (!job || !deadline || deadline.at > clock.now()) return;
      telemetry.count(metrics.duties, { host: 'none', duty: deadline.duty });
      switch (deadline.duty) {
        case 'endHold':
          await table.recordJob(key, [{ kind: 'holdEnded' }], clock.now());
          return;
        case 'ask':
          return ask(key, job.ask?.purpose ?? 'orphan');
        case 'rerun':
          return rerun(job);
        default:
          deadline.duty satisfies never;
      }
    },
  };

  async function perform(
    runner: Runner,
    duty: NonNullable<ReturnType<typeof runnerDeadline>>['duty'],
    listHost: ListHost,
  ): Promise<void> {
    switch (duty) {
      case 'launchAgain':
        // Launchers take it up no more by then: whoever was to launch it was away for all that time.
        if (runner.launchBefore <= clock.now()) return expire(runner);
        return publish({ status: 'launch', launchBefore: runner.launchBefore, ...orderOf(runner) });
      case 'expire':
        return expire(runner);
      case 'resolveLaunch':
        return resolveLaunch(runner, listHost);
      case 'giveUpBoot':
        return giveUpBoot(runner);
      case 'standByAgain':
        return publish({ status: 'standBy', ...orderOf(runner) });
      case 'giveUpRest':
        return remove(runner, 'bootDeadline', 'it stands by, but did not come to rest as its pool wants it');
      case 'renewStandby':
        return runner.machineSince === null
          ? remove(runner, 'outdated', 'it stood by for so long that its image is old')
          : remove(runner, 'surplus', 'its machine has been used for as long as its pool wants');
      case 'checkIdle':
        return checkIdle(runner);
      case 'askRunner':
        return askRunner(runner);
      case 'stopJob':
        return remove(runner, 'jobTime', 'its job ran longer than its pool allows');
      case 'terminate':
        return publish({ status: 'terminate', ...orderOf(runner) });
      default:
        return duty satisfies never;
    }
  }

  async function remove(runner: Runner, code: EndingCode, why: string, ...then: RunnerFact[]): Promise<void> {
    const recorded = await table.recordRunner(
      runner.name,
      [{ kind: 'removing', code, why }, ...then],
      clock.now(),
    );
    if (recorded.outcome === 'recorded' && recorded.runner.state !== 'gone') {
      await publish({ status: 'terminate', ...orderOf(runner) });
    }
  }

  function expire(runner: Runner): Promise<void> {
    const why = 'nobody began to launch it in time';
    return runner.activates
      ? remove(runner, 'expired', why)
      : remove(runner, 'expired', why, { kind: 'fenced' });
  }

  /** GitHub's list is looked at each minute only: a runner that just came online is not given up. */
  async function giveUpBoot(runner: Runner): Promise<void> {
    const entry =
      runner.scope && mayBeRegistered(runner) ? await github.findRunner(runner.scope, runner.name) : null;
    if (entry?.busy) await record(runner, { kind: 'busy', job: null, gitHubId: entry.id });
    else if (entry?.status === 'online') await record(runner, { kind: 'online', gitHubId: entry.id });
    else await remove(runner, 'bootDeadline', "launched, but never online: look at the machine's log");
  }

  /** A call was made and nobody heard the answer: what the host lists is kept, anything else ends. */
  async function resolveLaunch(runner: Runner, listHost: ListHost): Promise<void> {
    const listed = await listHost();
    const machine =
      listed === 'unknown' ? null : listed.find((entry) => entry.name === runner.name && entry.alive);
    if (machine)
      await table.recordRunner(runner.name, [{ kind: 'alive', machine: machine.machine }], clock.now());
    else await remove(runner, 'uncertain', 'its launch was never answered');
  }

  /** GitHub gives a waiting job to an idle runner within a minute: if not, the job is in doubt. */
  async function checkIdle(runner: Runner): Promise<void> {
    await table.recordRunner(runner.name, [{ kind: 'idleChecked' }], clock.now());
    const lane = runner.lane ? await table.readLane(runner.host, runner.lane) : null;
    if (!lane || waiting(lane) === 0) return;
    const jobs = await table.jobsOfLane(lane.key, 'ordered', idleAsksMax);
    const orphaned = jobs.length > 0 ? [] : await table.jobsOfLane(lane.key, 'orphaned', idleAsksMax);
    // A runner may cover a job that none was ordered for: its own order notes none, or its job started on another's.
    const isNoneNoted = jobs.length + orphaned.length === 0;
    const fresh =
      lane.unnoted > 0 || isNoneNoted ? await table.jobsOfLane(lane.key, 'fresh', idleAsksMax) : [];
    const idle = Math.min(lane.coming, idleAsksMax);
    for (const job of [...jobs, ...orphaned, ...fresh].slice(0, idle + 1)) await ask(job.key, 'idleRunner');
  }

  async function askRunner(runner: Runner): Promise<void> {
    if (!runner.scope) return;
    const entry = await github.findRunner(runner.scope, runner.name);
    const fact: RunnerFact =
      entry === null
        ? { kind: 'missing', asked: clock.now(), trustedAfterMs: configuration.timing.missingMs }
        : entry.busy
          ? { kind: 'busy', job: null, gitHubId: entry.id }
          : { kind: 'unassigned' };
    await record(runner, fact);
  }

  async function record(runner: Runner, fact: RunnerFact): Promise<void> {
    await table.recordRunner(runner.name, [fact], clock.now());
  }

  function orderOf(runner: Runner) {
    const os = systemToEnd(configuration, runner.host, runner.pool);
    return { host: runner.host, os, runner: runner.name };
  }

  function publish(order: Order): Promise<void> {
    return deps.jobsTopic.publish([{ body: order, attributes: orderAttributes(order) }]);
  }
}
