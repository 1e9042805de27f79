// A runner: one machine, pod, task or process that is, or will be, one ephemeral runner.
//
//   ordered → launching → launched (→ standby | claimed) → online (→ assigned) → busy → ending → gone
//
// States only move forward and merge: a late `launched` after `busy` still stores the machine's id. `removing` is an
// intent with its reason, set beside the state; it is cleared again by evidence of a job. The class that is counted
// is a pure function of both (`runnerClass`).
//
// The mark is the step `ordered → launching`: the last write before the host is called, never undone. So *removing
// and unmarked* is the only place that is free without the host's word. The lease is the owned, time-limited right
// of one handler run to work on an order.

import type { HostName, JobKey, LaneKey, MachineId, PoolName, RunnerName } from './ids.ts';
import type { Dirty } from './job.ts';
import type { EndingCode } from './reason.ts';
import type { Scope } from './scope.ts';
import { type TimelineEntry, withEntry } from './timeline.ts';

export type RunnerState =
  | 'ordered'
  | 'launching'
  | 'launched'
  | 'standby'
  | 'claimed'
  | 'online'
  | 'assigned'
  | 'busy'
  | 'ending'
  | 'gone';

const stateRank: Record<RunnerState, number> = {
  ordered: 0,
  launching: 1,
  launched: 2,
  standby: 3,
  claimed: 4,
  online: 5,
  assigned: 6,
  busy: 7,
  ending: 8,
  gone: 9,
};

/** How a runner takes up the limits. `coming` covers one waiting job of its lane. */
export type RunnerClass = 'coming' | 'busy' | 'ending' | 'standby';

export interface Runner {
  name: RunnerName;
  version: number;
  host: HostName;
  pool: PoolName;
  /** `null` for a spare, which belongs to its pool alone. */
  lane: LaneKey | null;
  scope: Scope | null;
  group: string;
  labels: readonly string[];
  /** The machine of this spare is to be put to work instead of launching one. */
  activates: { spare: RunnerName; machine: MachineId } | null;
  /** A spare's: the name that its machine goes on under. */
  activatedAs: RunnerName | null;
  /** The job that it was ordered for: a note, never a binding. */
  forJob: JobKey | null;
  /** Its job lost a machine to an interruption before: this one is not to be taken back. */
  steady: boolean;
  traceparent: string;
  orderedAt: number;
  launchBefore: number;

  state: RunnerState;
  /** Right to work on the order; kept after the mark, when it says how long an answer may be outstanding. */
  lease: { owner: string; until: number } | null;
  markedAt: number | null;
  attempt: number;
  machine: MachineId | null;
  launchedAt: number | null;
  standbyAt: number | null;
  /** A spare's: its machine is at rest, as its pool wants it, and may be activated. */
  restedAt: number | null;
  /** When its host was last asked for that: whoever asks next waits until nothing of it can be under way. */
  restAskedAt: number | null;
  /** A machine that works for one runner after another: since when it has been there. */
  machineSince: number | null;
  /** Of the key that such a machine made before its first job, and shows at each claim. */
  keyHash: string | null;
  /** Its platform takes the machine back: from then on what ends on it ends by that. */
  interruptedAt: number | null;
  claim: { at: number; times: number } | null;
  gitHubId: number | null;
  onlineAt: number | null;
  /** When GitHub last called it busy (422): not removed again for a while. */
  assignedAt: number | null;
  /** When its idleness beside a waiting job was last looked into. */
  idleCheckedAt: number | null;
  busyAt: number | null;
  job: JobKey | null;
  doneAt: number | null;
  removing: { code: EndingCode; at: number; why: string } | null;
  /** GitHub has no entry of it any more: nothing can be given to it. */
  removedAt: number | null;
  /** The host was told to end it. */
  terminatedAt: number | null;
  /** Absent in GitHub's lists so many times in a row, all asked after the claim was answered. */
  missing: number;
  goneAt: number | null;
  end: { code: EndingCode; why: string } | null;

  // The Publisher's.
  counted: RunnerClass | null;
  dirty: Dirty | null;
  timeline: readonly TimelineEntry[];
}

/** What is not known yet of a runner that was just ordered, and has not been counted. */
export const notLaunched = {
  state: 'ordered',
  lease: null,
  markedAt: null,
  attempt: 0,
  machine: null,
  launchedAt: null,
  standbyAt: null,
  restedAt: null,
  restAskedAt: null,
  machineSince: null,
  keyHash: null,
  interruptedAt: null,
  steady: false,
  claim: null,
  gitHubId: null,
  onlineAt: null,
  assignedAt: null,
  idleCheckedAt: null,
  busyAt: null,
  job: null,
  doneAt: null,
  removing: null,
  removedAt: null,
  terminatedAt: null,
  missing: 0,
  goneAt: null,
  end: null,
  counted: null,
  dirty: null,
} as const satisfies Partial<Runner>;

/** As it was stored: an older version, whose items a newer one meets, knew less of it. */
export function asStored(item: Runner): Runner {
  return { ...notLaunched, ...item };
}

/** What can be learned about a runner, or asked for: some are refused, which is an answer too. */
export type RunnerFact =
  /** A handler run asks for the right to launch. */
  | { kind: 'lease'; owner: string; until: number }
  /** It can't be launched just now: nobody tries before `until`. */
  | { kind: 'leaseGivenUp'; owner: string; until: number }
  /** The last write before the host is called. */
  | { kind: 'mark'; owner: string }
  /** The host definitely refused the attempt, under the same lease; the next one may be made. */
  | { kind: 'attemptRefused'; owner: string }
  | { kind: 'launched'; machine: MachineId }
  /** `keyHash`: of the machine's own key, where it has one. */
  | { kind: 'standby'; keyHash?: string | undefined }
  /** Its host has put the machine that stands by to rest. */
  | { kind: 'rested' }
  /** Its host is about to be asked to put it to rest: by one handler run at a time, which has so long for it. */
  | { kind: 'restAsked'; leaseMs: number }
  /** Its platform takes the machine back in a moment. */
  | { kind: 'interrupted'; why: string; takenAt?: number | undefined; machine?: MachineId | null }
  /** A machine with good proof asks for its configuration. */
  /** `machine`: what asks has proven to be it, and no other machine's claim is taken for it. */
  | {
      kind: 'claim';
      windowMs: number;
      timesMax: number;
      machine?: MachineId | undefined;
      keyHash?: string | undefined;
    }
  /** GitHub's limit refused the configuration: nothing was minted, and the same machine may claim again. */
  | { kind: 'unclaimed' }
  /** `times`: which claim it was made for; a claim that was repeated since has let go of it. */
  | { kind: 'minted'; gitHubId: number; times?: number }
  | { kind: 'online'; gitHubId: number | null }
  | { kind: 'busy'; job: JobKey | null; gitHubId: number | null }
  /** GitHub answered 422 to its removal. */
  | { kind: 'assigned' }
  /** GitHub says that it has no job after all, though it was assigned. */
  | { kind: 'unassigned' }
  /** GitHub's list has it, and tells nothing else that is new. */
  | { kind: 'listed' }
  /** It idles, and the jobs beside it were asked about. */
  | { kind: 'idleChecked' }
  | { kind: 'missing'; asked: number; trustedAfterMs: number }
  | { kind: 'done'; job: JobKey | null }
  | { kind: 'removing'; code: EndingCode; why: string }
  /** GitHub answered 204 or 404 to its removal. */
  | { kind: 'removed' }
  | { kind: 'terminated' }
  /** The host's word, or a platform's hard end, or the fence of an unmarked order. */
  /** With the machine that it is about, where that is known: another one of its name says nothing about it. */
  /** `neverClaimed`: it has not, so that where its runner was claimed, it is not that runner's machine. */
  | { kind: 'gone'; code: EndingCode; why: string; machine?: MachineId | null; neverClaimed?: boolean }
  /** Unmarked and removing, with no machine yet: the place is free, and no launch can follow. */
  | { kind: 'fenced' }
  /** Its host's list shows a machine of this name alive. */
  | { kind: 'alive'; machine: MachineId }
  /** Something a person would like to read; changes nothing. */
  /** `machineNotesMax`: of those that a machine makes about itself no more are taken. */
  | { kind: 'note'; what: string; why?: string; machineNotesMax?: number; machine?: MachineId | undefined };

export type RunnerMerge =
  | { outcome: 'changed'; runner: Runner }
  | { outcome: 'unchanged' }
  /** The fact may not be: somebody else holds the lease, the runner is on its way out, the claim is spent … */
  | { outcome: 'refused'; why: string };

/** Holds a lease that was given up, until it is worth another try. */
const nobody = 'nobody';

const unchanged: RunnerMerge = { outcome: 'unchanged' };
const refused = (why: string): RunnerMerge => ({ outcome: 'refused', why });
const changed = (runner: Runner): RunnerMerge => ({ outcome: 'changed', runner });

/** How this runner is counted; `null`: not at all, its place is free. */
export function runnerClass(runner: Runner): RunnerClass | null {
  if (runner.state === 'gone') return null;
  if (runner.doneAt !== null || runner.removing !== null) return 'ending';
  if (runner.state === 'busy') return 'busy';
  return runner.lane === null ? 'standby' : 'coming';
}

/** Its machine may be put to work for the next job. */
export function isReady(spare: Runner): boolean {
  return spare.state === 'standby' && spare.restedAt !== null && spare.removing === null;
}

export function isMarked(runner: Runner): boolean {
  return runner.markedAt !== null;
}

export function hasLiveLease(runner: Runner, now: number): boolean {
  return runner.lease !== null && runner.lease.until > now;
}

/** The runner after the fact; `at` is our time of learning it. Every rule of transition is in this function. */
export function mergeRunner(runner: Runner, fact: RunnerFact, at: number): RunnerMerge {
  switch (fact.kind) {
    case 'lease':
      if (runner.state !== 'ordered' || isMarked(runner)) return refused('its launch has begun');
      if (runner.removing) return refused(`it is being removed: ${runner.removing.why}`);
      if (runner.lease?.owner === fact.owner && runner.lease.until === fact.until) return unchanged;
      if (hasLiveLease(runner, at)) return refused('another handler works on it');
      return changed({ ...runner, lease: { owner: fact.owner, until: fact.until } });
    case 'leaseGivenUp':
      if (runner.lease?.owner !== fact.owner || isMarked(runner)) return unchanged;
      return changed({ ...runner, lease: { owner: nobody, until: fact.until } });
    case 'mark':
      return mark(runner, fact.owner, at);
    case 'attemptRefused':
      if (runner.state !== 'launching' || !ownsLease(runner, fact.owner, at))
        return refused('the lease has ended');
      if (runner.removing) return refused(`it is being removed: ${runner.removing.why}`);
      return changed({
        ...runner,
        attempt: runner.attempt + 1,
        timeline: withEntry(runner.timeline, { at, what: 'attempt refused' }),
      });
    case 'launched':
      return launched(runner, fact.machine, at);
    case 'standby':
      if (runner.lane !== null) return refused('it is no spare');
      if (runner.state === 'gone' || runner.removing) return refused('it is on its way out');
      if (hasOtherKey(runner, fact.keyHash)) return refused(otherKey);
      if (stateRank[runner.state] >= stateRank.standby) return unchanged;
      return dirtied(forward(withKey(runner, fact.keyHash), 'standby', at, { standbyAt: at }), at);
    case 'rested':
      if (runner.state !== 'standby' || runner.removing) return refused('it does not stand by');
      if (runner.restedAt !== null) return unchanged;
      return dirtied(forward(runner, 'standby', at, { restedAt: at }, 'at rest'), at);
    case 'restAsked':
      if (runner.state !== 'standby' || runner.removing) return refused('it does not stand by');
      if (runner.restedAt !== null) return refused('it is at rest');
      if (runner.restAskedAt !== null && at < runner.restAskedAt + fact.leaseMs)
        return refused('another handler works on it');
      return changed({ ...runner, restAskedAt: at });
    case 'interrupted':
      if (isAboutAnother(runner, fact.machine)) return refused('it is another machine');
      return interrupted(runner, fact, at);
    case 'claim':
      return claim(runner, fact, at);
    case 'unclaimed':
      return unclaimed(runner, at);
    case 'minted':
      if (runner.gitHubId === fact.gitHubId) return unchanged;
      if (fact.times !== undefined && runner.claim?.times !== fact.times)
        return refused('it claimed again since');
      return changed({ ...runner, gitHubId: fact.gitHubId, missing: 0 });
    case 'online':
      if (stateRank[runner.state] >= stateRank.online) return learnId(runner, fact.gitHubId);
      return changed(forward(withId(runner, fact.gitHubId), 'online', at, { onlineAt: at, missing: 0 }));
    case 'busy':
      return busy(runner, fact.job, fact.gitHubId, at);
    case 'assigned':
      return assigned(runner, at);
    case 'unassigned':
      if (runner.state !== 'assigned' || runner.assignedAt === null) return unchanged;
      return changed({ ...runner, assignedAt: null });
    case 'listed':
      return runner.missing === 0 ? unchanged : changed({ ...runner, missing: 0 });
    case 'idleChecked':
      return changed({ ...runner, idleCheckedAt: at });
    case 'missing':
      return missing(runner, fact.asked, fact.trustedAfterMs, at);
    case 'done':
      if (runner.state === 'gone' || runner.doneAt !== null) return noteJob(runner, fact.job);
      return dirtied(
        forward(
          { ...runner, job: runner.job ?? fact.job, removing: null },
          'ending',
          at,
          { doneAt: at },
          'its job has ended',
        ),
        at,
      );
    case 'removing':
      return removing(runner, fact.code, fact.why, at);
    case 'removed':
      if (runner.state === 'gone' || runner.removedAt !== null) return unchanged;
      // The removal was begun for an intent that a job's event, or a late answer, has cleared since.
      if (runner.removing === null && runner.doneAt === null)
        return refused('it does not have to go any more');
      return changed({ ...runner, removedAt: at });
    case 'terminated':
      if (runner.state === 'gone') return unchanged;
      return changed({ ...runner, terminatedAt: at });
    case 'gone':
      if (isAboutAnother(runner, fact.machine)) return refused('it is another machine');
      if (fact.neverClaimed && runner.claim !== null) return refused('another machine has its claim');
      return gone(runner, fact.code, fact.why, at);
    case 'fenced':
      if (runner.state === 'gone') return unchanged;
      if (isMarked(runner)) return refused('its launch has begun');
      // A spare's machine is alive whether this order is taken up or not: only its host's word frees the place.
      if (runner.activates) return refused('its machine stands already');
      if (!runner.removing) return refused('it is not being removed');
      return gone(runner, runner.removing.code, runner.removing.why, at);
    case 'alive':
      if (runner.state === 'gone') return refused('a gone runner stays gone');
      return launched(runner, fact.machine, at);
    case 'note':
      if (isAnother(runner, fact.machine)) return refused('it is another machine');
      if (fact.machineNotesMax !== undefined && machineNotes(runner) >= fact.machineNotesMax)
        return refused('no more notes are taken');
      return changed({
        ...runner,
        timeline: withEntry(runner.timeline, { at, what: fact.what, ...(fact.why ? { why: fact.why } : {}) }),
      });
    default:
      return fact satisfies never;
  }
}

function mark(runner: Runner, owner: string, at: number): RunnerMerge {
  if (isMarked(runner)) return refused('its launch has begun');
  if (!ownsLease(runner, owner, at)) return refused('the lease has ended');
  if (runner.removing) return refused(`it is being removed: ${runner.removing.why}`);
  if (runner.state !== 'ordered') return refused(`it is ${runner.state}`);
  return changed(forward(runner, 'launching', at, { markedAt: at, attempt: 1 }));
}

function ownsLease(runner: Runner, owner: string, at: number): boolean {
  return runner.lease !== null && runner.lease.owner === owner && runner.lease.until > at;
}

function launched(runner: Runner, machine: MachineId, at: number): RunnerMerge {
  if (runner.state === 'gone' || (runner.machine === machine && runner.launchedAt !== null)) return unchanged;
  // `uncertain` was about this very answer: it has come, so the machine is as good as any.
  const doubt = runner.removing?.code === 'uncertain' && runner.removedAt === null;
  const known = { ...runner, removing: doubt ? null : runner.removing };
  const next = forward(known, 'launched', at, { machine, launchedAt: runner.launchedAt ?? at });
  return doubt ? dirtied(next, at) : changed(next);
}

/** What its machine tells about itself begins so. */
export const machineNotePrefix = 'machine: ';

function machineNotes({ timeline }: Runner): number {
  return timeline.filter(({ what }) => what.startsWith(machineNotePrefix)).length;
}

/** Its own, or the one that it is to go on with; `null` while the answer to its launch is outstanding. */
export function machineOf(runner: Runner): MachineId | null {
  return runner.machine ?? runner.activates?.machine ?? null;
}

/** What a host says of a machine is about another than this runner's, where both are known. */
function isAboutAnother({ machine }: Runner, said: MachineId | null | undefined): boolean {
  return said != null && machine !== null && said !== machine;
}

/** What has proven to be a machine, and is not known to be this runner's. */
export function isAnother(runner: Runner, machine: MachineId | undefined): boolean {
  return machine !== undefined && machine !== machineOf(runner);
}

/**
 * A machine that works for one runner after another made a key before its first job, which no job can read: a former job
 * that shows the machine's document has another, or none.
 */
export function hasOtherKey(runner: Runner, keyHash: string | undefined): boolean {
  return runner.keyHash !== null && runner.keyHash !== keyHash;
}

const otherKey = "it does not have the machine's own key";

function withKey(runner: Runner, keyHash: string | undefined): Runner {
  return keyHash === undefined || runner.keyHash !== null ? runner : { ...runner, keyHash };
}

function claim(
  runner: Runner,
  { windowMs, timesMax, machine, keyHash }: Extract<RunnerFact, { kind: 'claim' }>,
  at: number,
): RunnerMerge {
  if (isAnother(runner, machine))
    return refused(
      machineOf(runner) === null ? 'its machine is not known yet' : 'it is the claim of another machine',
    );
  if (hasOtherKey(runner, keyHash)) return refused(otherKey);
  if (runner.lane === null) return refused('it stands by');
  if (runner.state === 'gone' || runner.doneAt !== null) return refused('it has ended');
  if (runner.removing) return refused(`it is being removed: ${runner.removing.why}`);
  if (!isMarked(runner)) return refused('it was not launched');
  if (stateRank[runner.state] >= stateRank.online) return refused('it is registered');
  if (runner.claim === null)
    return changed(forward(withKey(runner, keyHash), 'claimed', at, { claim: { at, times: 1 } }));
  // A claim whose answer was lost, by the same proof.
  if (at - runner.claim.at > windowMs) return refused('its claim is spent');
  if (runner.claim.times >= timesMax) return refused(`it claimed ${timesMax} times`);
  return changed({
    ...runner,
    claim: { at: runner.claim.at, times: runner.claim.times + 1 },
    gitHubId: null,
  });
}

/**
 * Nothing was minted for this claim. An earlier one may have been answered all the same, and its configuration be in
 * use: then it stays claimed, so that nobody takes it for a machine that GitHub does not know.
 */
function unclaimed(runner: Runner, at: number): RunnerMerge {
  if (runner.claim === null || runner.gitHubId !== null) return unchanged;
  const { times } = runner.claim;
  return changed({ ...runner, claim: times === 1 ? null : { at, times: times - 1 } });
}

function busy(runner: Runner, job: JobKey | null, gitHubId: number | null, at: number): RunnerMerge {
  // After its removal at GitHub, or its job's end, nothing can have been given to it: the news is old.
  if (runner.state === 'gone' || runner.doneAt !== null || runner.removedAt !== null)
    return noteJob(runner, job);
  if (runner.state === 'busy') {
    const known = runner.missing === 0 ? runner : { ...runner, missing: 0 };
    const next = withId(known, gitHubId);
    if (runner.job !== null || job === null) return next === runner ? unchanged : changed(next);
    return changed({ ...next, job });
  }
  // Evidence of a job: whatever we meant to do with the runner, it stays.
  return dirtied(
    forward(
      { ...withId(runner, gitHubId), job, removing: null },
      'busy',
      at,
      { busyAt: at },
      job ? undefined : 'by the list of runners',
    ),
    at,
  );
}

/** Too late to change what the runner is; which job it had is worth knowing all the same. */
function noteJob(runner: Runner, job: JobKey | null): RunnerMerge {
  return runner.job !== null || job === null ? unchanged : changed({ ...runner, job });
}

function assigned(runner: Runner, at: number): RunnerMerge {
  if (runner.state === 'gone' || runner.doneAt !== null || runner.state === 'busy') return unchanged;
  const next = forward(
    { ...runner, removing: null },
    'assigned',
    at,
    { assignedAt: at },
    'GitHub says it is busy',
  );
  return dirtied({ ...next, assignedAt: at }, at);
}

function missing(runner: Runner, asked: number, trustedAfterMs: number, at: number): RunnerMerge {
  const answered = runner.claim?.at ?? runner.launchedAt;
  if (runner.state === 'gone' || runner.doneAt !== null || answered === null) return unchanged;
  // Not minted yet, as far as we know. What was seen online or assigned was registered, under whatever id.
  if (runner.gitHubId === null && stateRank[runner.state] < stateRank.online) return unchanged;
  if (asked <= answered + trustedAfterMs) return unchanged;
  const times = runner.missing + 1;
  if (times < missingTimes) return changed({ ...runner, missing: times });
  if (runner.state === 'busy')
    return mergeRunner({ ...runner, missing: times }, { kind: 'done', job: null }, at);
  return removing({ ...runner, missing: times }, 'unregistered', 'GitHub has removed its registration', at);
}

/** GitHub's pages can skip an entry that moves between two of them: once is no evidence. */
const missingTimes = 2;

function removing(runner: Runner, code: EndingCode, why: string, at: number): RunnerMerge {
  if (runner.state === 'gone' || runner.doneAt !== null || runner.removing) return unchanged;
  // A runner with a job ends with its job, or at its pool's wall, and in no other way.
  if (runner.state === 'busy' && code !== 'jobTime') return refused('it runs a job');
  return dirtied(
    {
      ...runner,
      removing: { code, at, why },
      timeline: withEntry(runner.timeline, { at, what: 'removing', why }),
    },
    at,
  );
}

/** With a job it goes on as long as it can; without one it is replaced before its machine is taken back. */
function interrupted(
  runner: Runner,
  { why, takenAt }: Extract<RunnerFact, { kind: 'interrupted' }>,
  at: number,
): RunnerMerge {
  if (runner.state === 'gone' || runner.interruptedAt !== null) return unchanged;
  const noted = { ...runner, interruptedAt: takenAt ?? at };
  const merged = removing(noted, 'interrupted', why, at);
  if (merged.outcome === 'changed') return merged;
  return changed({ ...noted, timeline: withEntry(runner.timeline, { at, what: 'interrupted', why }) });
}

function gone(runner: Runner, code: EndingCode, why: string, at: number): RunnerMerge {
  if (runner.state === 'gone') return unchanged;
  const end =
    runner.removing && code !== 'refused'
      ? { code: runner.removing.code, why: runner.removing.why }
      : { code, why };
  return dirtied(
    forward(
      runner,
      'gone',
      at,
      { goneAt: at, end: runner.doneAt !== null ? { code: 'jobDone', why } : end },
      why,
    ),
    at,
  );
}

/** Moves forward, never back; what was learned is kept even if the state is already past it. */
function forward(
  runner: Runner,
  state: RunnerState,
  at: number,
  learned: Partial<Runner>,
  why?: string,
): Runner {
  const ahead = stateRank[state] > stateRank[runner.state];
  return {
    ...runner,
    ...learned,
    state: ahead ? state : runner.state,
    timeline: withEntry(runner.timeline, { at, what: state, ...(why ? { why } : {}) }),
  };
}

function withId(runner: Runner, gitHubId: number | null): Runner {
  return gitHubId === null || runner.gitHubId === gitHubId ? runner : { ...runner, gitHubId };
}

function learnId(runner: Runner, gitHubId: number | null): RunnerMerge {
  const next = withId(runner, gitHubId);
  return next === runner ? unchanged : changed(next);
}

/** Changes what is counted: its host's Publisher has to hear of it. */
function dirtied(runner: Runner, at: number): RunnerMerge {
  const dirty = {
    host: runner.host,
    since: runner.dirty?.since ?? at,
    change: (runner.dirty?.change ?? runner.version) + 1,
  };
  return changed({ ...runner, dirty });
}
