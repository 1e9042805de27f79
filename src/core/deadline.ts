// Every state has a deadline, and says what has to happen when it passes. Somebody always acts: the Reconciler.

import type { Timing } from './configuration.ts';
import type { Job } from './job.ts';
import { isMarked, type Runner } from './runner.ts';

type RunnerDuty =
  /** Its order was lost, or its launcher died: publish it again. */
  | 'launchAgain'
  /** Nobody began to launch it in time: void. */
  | 'expire'
  /** Its launch was never answered. */
  | 'resolveLaunch'
  /** Launched, never online. */
  | 'giveUpBoot'
  /** It stands by and is not at rest: the order to put it there was lost, or is to be asked for again. */
  | 'standByAgain'
  /** It stands by, but never came to rest. */
  | 'giveUpRest'
  /** Standing by for so long that its image is old, or its machine's time is over. */
  | 'renewStandby'
  /** Online and idle: is there a waiting job beside it? */
  | 'checkIdle'
  /** GitHub called it busy, but no job was heard of. */
  | 'askRunner'
  /** Its job runs longer than its pool allows. */
  | 'stopJob'
  /** It has to go: at GitHub first, then at its host. */
  | 'terminate';

export interface RunnerDeadline {
  at: number;
  duty: RunnerDuty;
}

/** What a runner's deadline depends on beside its own state: its pool's and its host's times. */
export interface RunnerTimes extends Timing {
  jobMsMax: number;
  endGraceMs: number;
  reuseMs: number;
}

/** A machine that stands by is renewed after this: images and configurations age. */
const standbyMsMax = 24 * 60 * 60_000;
/** Those that came to stand by together go within so long before that, each at its own time: else none would be ready. */
const renewalSpreadMs = 4 * 60 * 60_000;

/** To hibernate with 64 GB, a machine writes them to its disk first: some nine minutes at what a gp3 volume takes. */
const restMsMin = 20 * 60_000;

/** An ending that the host did not confirm is asked for again this often. */
const terminateAgainMs = 60_000;

/** `null` only for a runner that is gone. */
export function runnerDeadline(runner: Runner, times: RunnerTimes): RunnerDeadline | null {
  if (runner.state === 'gone') return null;
  if (runner.removing) return { at: againAt(runner, runner.removing.at + times.outboxMs), duty: 'terminate' };
  switch (runner.state) {
    case 'ordered': {
      const again = Math.max(runner.lease?.until ?? 0, runner.orderedAt + times.outboxMs);
      return runner.launchBefore <= again
        ? { at: runner.launchBefore, duty: 'expire' }
        : { at: again, duty: 'launchAgain' };
    }
    case 'launching':
      return { at: runner.lease?.until ?? runner.markedAt ?? runner.orderedAt, duty: 'resolveLaunch' };
    case 'launched':
    case 'claimed':
      return runner.lane === null
        ? { at: (runner.launchedAt ?? runner.orderedAt) + times.bootMs, duty: 'giveUpBoot' }
        : {
            at: (runner.launchedAt ?? runner.claim?.at ?? runner.orderedAt) + times.bootMs,
            duty: 'giveUpBoot',
          };
    case 'standby':
      return standbyDeadline(runner, times);
    case 'online':
      return {
        at: Math.max(runner.onlineAt ?? 0, runner.idleCheckedAt ?? 0) + times.idleBesideJobMs,
        duty: 'checkIdle',
      };
    case 'assigned':
      return runner.assignedAt === null
        ? {
            at: Math.max(runner.onlineAt ?? 0, runner.idleCheckedAt ?? 0) + times.idleBesideJobMs,
            duty: 'checkIdle',
          }
        : { at: runner.assignedAt + times.assignedMs, duty: 'askRunner' };
    case 'busy':
      return { at: (runner.busyAt ?? runner.orderedAt) + times.jobMsMax, duty: 'stopJob' };
    case 'ending':
      return { at: againAt(runner, (runner.doneAt ?? 0) + times.endGraceMs), duty: 'terminate' };
    default:
      return runner.state satisfies never;
  }
}

function standbyDeadline(runner: Runner, times: RunnerTimes): RunnerDeadline {
  const standbyAt = runner.standbyAt ?? runner.orderedAt;
  if (runner.restedAt === null) {
    const giveUpAt = standbyAt + Math.max(times.bootMs, restMsMin);
    const againAt = Math.max(standbyAt, runner.restAskedAt ?? 0) + times.outboxMs;
    return againAt < giveUpAt ? { at: againAt, duty: 'standByAgain' } : { at: giveUpAt, duty: 'giveUpRest' };
  }
  // A machine that has worked before was paid for that time; one that has not, is as old as its image.
  return runner.machineSince === null
    ? { at: standbyAt + standbyMsMax - earlierMs(runner.name), duty: 'renewStandby' }
    : { at: runner.machineSince + times.reuseMs, duty: 'renewStandby' };
}

/** By the end of its name, which was made by chance. */
function earlierMs(name: Runner['name']): number {
  const share = Number.parseInt(name.slice(-3), 36) / 36 ** 3;
  return Math.floor((Number.isNaN(share) ? 0 : share) * renewalSpreadMs);
}

function againAt(runner: Runner, first: number): number {
  return runner.terminatedAt === null ? first : Math.max(first, runner.terminatedAt + terminateAgainMs);
}

type JobDuty = 'ask' | 'endHold' | 'rerun';

export interface JobDeadline {
  at: number;
  duty: JobDuty;
}

/** GitHub gives up a queued job after 24 hours; a little later it can be asked what became of it. */
const queueExpiryMs = 24 * 60 * 60_000 + 5 * 60_000;

/**
 * An approval may take 30 days, and a cancellation that nobody was told of would leave the job gated for ever: it is
 * looked at rarely, each time when it is twice as old. [GitHub: Actions limits]
 */
const gatedAskMs = 60 * 60_000;
const gatedAskMsMax = 24 * 60 * 60_000;

/** `null`: nothing passes by itself: it has ended for good, or runs on a runner that has its own deadline. */
export function jobDeadline(job: Job): JobDeadline | null {
  if (job.phase === 'completed') return rerunDeadline(job);
  if (job.phase === 'gated') {
    const lastAt = job.askedAt ?? job.firstSeenAt;
    const waitMs = Math.min(Math.max(lastAt - job.firstSeenAt, gatedAskMs), gatedAskMsMax);
    return { at: lastAt + waitMs, duty: 'ask' };
  }
  if (job.ask) return { at: job.ask.dueAt, duty: 'ask' };
  if (job.counted?.class === 'held' && job.held) return { at: job.held.until, duty: 'endHold' };
  if (job.phase === 'queued')
    return {
      at: Math.max(job.queuedSeenAt ?? job.firstSeenAt, job.askedAt ?? 0) + queueExpiryMs,
      duty: 'ask',
    };
  return null;
}

function rerunDeadline({ rerun }: Job): JobDeadline | null {
  return rerun?.dueAt == null ? null : { at: rerun.dueAt, duty: 'rerun' };
}

/**
 * From when on a host's list that lacks the machine proves that it is gone: asked after the last moment at which a
 * call could take effect, plus the age that a list may have. `null`: absence proves nothing about this runner.
 */
export function absenceProvesFrom(
  runner: Runner,
  host: { listStalenessMs: number; callEffectMs: number },
): number | null {
  if (runner.state === 'gone') return null;
  // A spare's machine was there before the order.
  if (runner.activates && runner.launchedAt === null)
    return runner.orderedAt + host.listStalenessMs + absenceMarginMs;
  if (!isMarked(runner)) return null;
  if (runner.launchedAt !== null) return runner.launchedAt + host.listStalenessMs + absenceMarginMs;
  return (
    (runner.lease?.until ?? runner.markedAt ?? 0) + host.callEffectMs + host.listStalenessMs + absenceMarginMs
  );
}

const absenceMarginMs = 5_000;
