// Counting: what changed since the ledger was last written is taken into its pools and lanes.

import { afterFailure } from '../breaker.ts';
import { waitsOfJob } from '../episodes.ts';
import { type HostName, type LaneKey, parseJobKey, type RunnerName } from '../ids.ts';
import type { Job, JobClass, JobCount } from '../job.ts';
import { type Lane, lostToSlowDown, waiting } from '../ledger.ts';
import { heldCause, speaksAgainstPool } from '../reason.ts';
import { lostItsMachine, withRerunWish } from '../rerun.ts';
import { mergeRunner, type Runner, type RunnerFact, runnerClass } from '../runner.ts';
import { poolOfLane, type Scope } from '../scope.ts';
import { lostItsRunner, withEntries, withEntry } from '../timeline.ts';
import type { Draft } from './draft.ts';

/** Makes of a runner's name one of ours, with its host; `null` for a stranger's. */
export type OwnRunner = (name: string) => { name: RunnerName; host: HostName } | null;

export function countJob(draft: Draft, job: Job, own: OwnRunner): void {
  const before = job.counted?.host === draft.host ? job.counted : null;
  const after = desiredCount(draft, job);
  let next: Job = { ...job, counted: job.counted === null || before ? after : job.counted, confirmed: null };
  if (after?.class === 'held' && before?.class !== 'held') next = holdJob(draft, next);
  if (after?.class !== 'held' && next.phase !== 'queued') next = { ...next, held: null };
  if (before && next.phase !== 'queued')
    next = { ...next, timeline: withEntries(next.timeline, waitsOfJob(job, draft.ledger(), draft.now)) };
  moveJob(draft, job, before, after);
  if (after && job.route.kind === 'lane') adoptScope(draft, after.lane, job.route.scope);

  const runner = job.runner ? own(job.runner.name) : null;
  if (runner?.host === draft.host) jobOnRunner(draft, job, runner.name);
  if (runner?.host === draft.host) next = withRerun(draft, next, draft.runner(runner.name));
  next = withOrphanAsk(draft, next, runner);
  next = handedOn(draft, next, runner?.host ?? null);
  draft.setJob(next);
}

/** The job's place in this host's ledger as it should be, from what is known of it. */
function desiredCount(draft: Draft, job: Job): JobCount | null {
  if (job.phase !== 'queued' || job.route.kind !== 'lane' || job.route.host !== draft.host) return null;
  const lane = job.route.lane;
  const count = (jobClass: JobClass): JobCount => ({ class: jobClass, lane, host: draft.host });
  // Counted elsewhere still: that host's Publisher lets go first, then hands the job on to here.
  if (job.counted && job.counted.host !== draft.host) return null;
  if (job.counted === null || job.counted.lane !== lane) return count(mayBeOver(job) ? 'orphaned' : 'fresh');
  const was = job.counted.class;
  const confirmed =
    job.confirmed && job.confirmed.at >= (job.lastOrder?.at ?? 0) ? job.confirmed.purpose : null;
  if (confirmed === 'idleRunner' || confirmed === 'overtaken') return count('held');
  if (was === 'held') return count(job.held !== null && job.held.until > draft.now ? 'held' : 'orphaned');
  // Whoever asked for a second order may have one; any other answer frees only a job that no runner covers.
  if (was === 'orphaned' && confirmed !== null) return count('fresh');
  if (was === 'ordered' && confirmed === 'secondOrder') return count('fresh');
  return count(was);
}

/**
 * GitHub gives up a job that was queued for a day: news of an older one may be a delivery from long ago, sent again by
 * whoever has it. It is asked about before a runner is ordered; one that was approved late loses no more than that.
 */
const queuedMsMax = 24 * 60 * 60_000;

function mayBeOver(job: Job): boolean {
  return (job.queuedSeenAt ?? job.firstSeenAt) - job.createdAt > queuedMsMax;
}

function holdJob(draft: Draft, job: Job): Job {
  const times = (job.held?.times ?? 0) + 1;
  const { holdMs, holdMsMax } = draft.configuration.timing;
  const until = draft.now + Math.min(holdMs * 2 ** (times - 1), holdMsMax);
  const why = heldCause(job);
  // Only a first hold is news about the pool: one job that is held again and again must not close it.
  if (times === 1 && job.counted)
    failPool(draft, job.counted.lane, 'a runner was given no job though one waits');
  return {
    ...job,
    held: { until, times, cause: why },
    timeline: withEntry(job.timeline, { at: draft.now, what: 'held', why }),
  };
}

function moveJob(draft: Draft, job: Job, before: JobCount | null, after: JobCount | null): void {
  if (before && (after?.lane !== before.lane || after.class !== before.class)) {
    const lane = draft.lane(before.lane);
    if (lane) draft.setLane(withoutJob(lane, before.class, job, draft.now));
  }
  if (after && job.route.kind === 'lane' && (before?.lane !== after.lane || before.class !== after.class)) {
    const lane = draft.openLane(after.lane, poolOfLane(after.lane), job.route.scope, job.route.group);
    const oldestAt = Math.min(lane.oldestAt ?? job.createdAt, job.createdAt);
    draft.setLane({ ...lane, [after.class]: lane[after.class] + 1, oldestAt });
  }
}

/** The App may be installed anew at the same owner: the lane's next runners register through the newest installation. */
function adoptScope(draft: Draft, key: LaneKey, scope: Scope): void {
  const lane = draft.lane(key);
  if (lane && ofNewestScope(lane, scope) !== lane) draft.setLane(ofNewestScope(lane, scope));
}

function ofNewestScope(lane: Lane, scope: Scope): Lane {
  return scope.installation > lane.scope.installation ? { ...lane, scope } : lane;
}

function withoutJob(lane: Lane, jobClass: JobClass, job: Job, now: number): Lane {
  const next: Lane = { ...lane, [jobClass]: Math.max(0, lane[jobClass] - 1) };
  if (waiting(next) === 0) return { ...next, oldestAt: null, rights: 0, overtaken: null };
  if (job.phase !== 'in_progress') return next;
  const overtaken = lane.overtaken ?? { jobs: 0, since: now, oldestAt: job.createdAt };
  return {
    ...next,
    overtaken: {
      ...overtaken,
      jobs: overtaken.jobs + 1,
      oldestAt: Math.min(overtaken.oldestAt, job.createdAt),
    },
  };
}

/** The job's event says what its runner does. */
function jobOnRunner(draft: Draft, job: Job, name: RunnerName): void {
  const gitHubId = job.runner?.id ?? null;
  if (job.phase === 'in_progress') learn(draft, name, { kind: 'busy', job: job.key, gitHubId });
  if (job.phase === 'completed') learn(draft, name, { kind: 'done', job: job.key });
}

/** Whichever of the two is heard of last, the job's end or that of its machine. */
function withRerun(draft: Draft, job: Job, runner: Runner | null): Job {
  if (!runner || !lostItsMachine(job, runner)) return job;
  return withRerunWish(job, draft.settings(runner.pool)?.rerunInterrupted ?? false, draft.now);
}

function learn(draft: Draft, name: RunnerName, fact: RunnerFact): void {
  const runner = draft.runner(name);
  if (!runner) return;
  const merged = mergeRunner(runner, fact, draft.now);
  if (merged.outcome === 'changed') countRunner(draft, merged.runner);
}

/** A job that runs on a runner which is gone, or not ours, has nobody to tell of its end but GitHub. */
function withOrphanAsk(draft: Draft, job: Job, runner: { name: RunnerName; host: HostName } | null): Job {
  if (job.phase !== 'in_progress' || job.ask) return job;
  const { orphanJobMs, foreignJobMs } = draft.configuration.timing;
  if (runner === null) return { ...job, ask: { dueAt: draft.now + foreignJobMs, purpose: 'orphan' } };
  if (runner.host !== draft.host) return job;
  const known = draft.runner(runner.name);
  const over =
    known === null || runnerClass(known) === null || known.removedAt !== null || known.doneAt !== null;
  return over ? { ...job, ask: { dueAt: draft.now + orphanJobMs, purpose: 'orphan' } } : job;
}

/**
 * Counted here; does another host have to hear of it? The one that it now belongs to, or the one whose runner took
 * it: the mark is handed on in the same commit, so that no crash can come between.
 */
function handedOn(draft: Draft, job: Job, runnerHost: HostName | null): Job {
  const home = job.route.kind === 'lane' ? job.route.host : null;
  const uncounted = job.phase === 'queued' && home !== null && home !== draft.host && job.counted === null;
  const next = uncounted ? home : runnerHost !== draft.host ? runnerHost : null;
  // A home that still counts it, though it is no longer queued or no longer at home there, is told before all others.
  const holder = job.counted !== null && job.counted.host !== draft.host ? job.counted.host : null;
  const to = holder ?? next;
  if (to === null) return { ...job, dirty: null };
  return {
    ...job,
    dirty: { host: to, since: job.dirty?.since ?? draft.now, change: (job.dirty?.change ?? job.version) + 1 },
  };
}

/** Takes the runner, as it now is, into the books, and writes it with its class. */
export function countRunner(draft: Draft, runner: Runner): void {
  const before = runner.counted;
  const after = runnerClass(runner);
  if (before !== after) moveRunner(draft, runner, before, after);
  const counted: Runner = { ...runner, counted: after, dirty: null };
  draft.setRunner(counted);
  if (after !== 'coming') orphanNotedJob(draft, counted);
  if (after === null || counted.doneAt !== null) askAboutJobOf(draft, counted);
  if (counted.interruptedAt !== null) rerunJobOf(draft, counted);
  if ((before === 'coming' || before === 'standby') && after !== before) afterComing(draft, counted, after);
}

/** An order of this plan takes its place. */
export function countNewRunner(draft: Draft, runner: Runner): void {
  const after = runnerClass(runner);
  moveRunner(draft, runner, null, after);
  draft.addRunner({ ...runner, counted: after });
}

function moveRunner(draft: Draft, runner: Runner, before: Runner['counted'], after: Runner['counted']): void {
  const pool = draft.pool(runner.pool);
  const counts = { ...pool };
  if (before) counts[before] = Math.max(0, counts[before] - 1);
  if (after) counts[after] += 1;
  draft.setPool(runner.pool, counts);
  if (runner.lane === null || runner.scope === null) return;
  const lane = { ...draft.openLane(runner.lane, runner.pool, runner.scope, runner.group) };
  const unnoted = runner.forJob === null ? 1 : 0;
  if (before === 'coming' || before === 'busy' || before === 'ending')
    lane[before] = Math.max(0, lane[before] - 1);
  if (before === 'coming') lane.unnoted = Math.max(0, lane.unnoted - unnoted);
  if (after === 'coming' || after === 'busy' || after === 'ending') lane[after] += 1;
  if (after === 'coming') lane.unnoted += unnoted;
  draft.setLane(lane);
}

/** The job that it was ordered for may wait on, and no runner is coming in its name. */
function orphanNotedJob(draft: Draft, runner: Runner): void {
  const job = runner.forJob ? draft.job(runner.forJob) : null;
  if (job?.counted?.class !== 'ordered' || job.lastOrder?.runner !== runner.name) return;
  if (job.counted.host !== draft.host || job.phase !== 'queued') return;
  const entry = { at: draft.now, what: lostItsRunner, why: `${runner.name}: ${whyNot(runner)}` };
  setJobClass(draft, job, 'orphaned', { timeline: withEntry(job.timeline, entry) });
}

function whyNot({ job, state, removing, end, doneAt }: Runner): string {
  const taken = job && parseJobKey(job);
  if (taken) return `GitHub gave it job ${taken.id}`;
  if (state === 'busy' || doneAt !== null) return 'GitHub gave it another job';
  return (removing ?? end)?.why ?? 'it is ending';
}

export function setJobClass(draft: Draft, job: Job, jobClass: JobClass, change: Partial<Job> = {}): void {
  if (!job.counted) return;
  const lane = draft.lane(job.counted.lane);
  if (lane && job.counted.class !== jobClass) {
    const from = job.counted.class;
    draft.setLane({ ...lane, [from]: Math.max(0, lane[from] - 1), [jobClass]: lane[jobClass] + 1 });
  }
  draft.setJob({ ...job, ...change, counted: { ...job.counted, class: jobClass } });
}

function askAboutJobOf(draft: Draft, runner: Runner): void {
  const job = runner.job ? draft.job(runner.job) : null;
  if (job?.phase !== 'in_progress' || job.ask) return;
  draft.setJob({
    ...job,
    ask: { dueAt: draft.now + draft.configuration.timing.orphanJobMs, purpose: 'orphan' },
  });
}

function rerunJobOf(draft: Draft, runner: Runner): void {
  const job = runner.job ? draft.job(runner.job) : null;
  if (!job) return;
  const next = withRerun(draft, job, runner);
  if (next !== job) draft.setJob(next);
}

/** What the end of its coming says about its pool, its host and its lane. */
function afterComing(draft: Draft, runner: Runner, after: Runner['counted']): void {
  if (after === 'busy' || runner.doneAt !== null || runner.job !== null) {
    draft.setPool(runner.pool, { breaker: null });
    if (draft.ledger().throttled) draft.setLedger({ throttled: null });
    tookJob(draft, runner);
    return;
  }
  const end = runner.removing ?? runner.end;
  if (!end) return;
  if (end.code === 'throttled') throttle(draft);
  if (speaksAgainstPool(end.code)) failPoolOf(draft, runner.pool, end.why);
}

function failPool(draft: Draft, lane: LaneKey, why: string): void {
  const known = draft.lane(lane);
  if (known) failPoolOf(draft, known.pool, why);
}

function failPoolOf(draft: Draft, pool: Runner['pool'], why: string): void {
  const breaker = afterFailure(draft.pool(pool).breaker, why, draft.configuration.timing, draft.now);
  draft.setPool(pool, { breaker });
}

function throttle(draft: Draft): void {
  // One of those that were ordered together: it says nothing new.
  if ((draft.ledger().throttled?.until ?? 0) > draft.now) return;
  const { breakerMs, breakerMsMax } = draft.configuration.timing;
  const times = (draft.ledger().throttled?.times ?? 0) + 1;
  const backOffMs = Math.min((breakerMs / 4) * 2 ** (times - 1), breakerMsMax);
  draft.setLedger({ throttled: { until: draft.now + backOffMs, times } });
}

/** Did it get a job of its own lane, or was it taken by a job of another? */
function tookJob(draft: Draft, runner: Runner): void {
  const lane = runner.lane ? draft.lane(runner.lane) : null;
  const job = runner.job ? draft.job(runner.job) : null;
  if (!lane || !job) return;
  const jobLane = job.route.kind === 'lane' ? job.route.lane : null;
  if (jobLane === lane.key) {
    // A job that never had an order of its own leaves its right to one behind, for the job whose runner it took.
    const rights = lane.rights + (job.orders === 0 ? 1 : 0);
    if (lane.lost || rights !== lane.rights) draft.setLane({ ...lane, rights, lost: null });
    return;
  }
  const times = (lane.lost?.times ?? 0) + 1;
  const { holdMs, holdMsMax } = draft.configuration.timing;
  const slow = times < lostToSlowDown ? 0 : Math.min(holdMs * 2 ** (times - lostToSlowDown), holdMsMax);
  draft.setLane({
    ...lane,
    lost: { times, to: jobLane ?? 'a job that fits no pool', until: draft.now + slow },
  });
}
