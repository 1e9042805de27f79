// Doubts about waiting jobs: who is asked about, before a second order is made or a hold is put on.

import { laneItems } from '../commit.ts';
import type { LaneKey } from '../ids.ts';
import type { AskPurpose, Job, JobClass } from '../job.ts';
import { askable, type Lane } from '../ledger.ts';
import { setJobClass } from './count.ts';
import type { Draft } from './draft.ts';
import { jobsKey, type Known, lookUpMax, type Need } from './need.ts';

/** So many younger jobs overtaking it make the oldest one suspicious. */
const overtakersMin = 5;

export function askAboutWaiting(
  draft: Draft,
  lanes: readonly Lane[],
  known: Known,
): { needs: Need[]; cut: boolean } {
  const needs: Need[] = [];
  let cut = false;
  for (const { key } of lanes) {
    const uncovered = coverUncovered(draft, key, known);
    needs.push(...uncovered.needs);
    cut ||= uncovered.cut;
    needs.push(...lookIntoOvertaking(draft, key, known));
  }
  return { needs, cut };
}

/** The lane as this plan has it by now, of a pool that is still configured. */
function laneNow(draft: Draft, key: LaneKey): Lane | null {
  const lane = draft.lane(key);
  return lane && draft.settings(lane.pool) ? lane : null;
}

/**
 * Jobs that wait with no runner coming for them, and no first order left to make: a second one needs GitHub's word,
 * unless other jobs of the lane have left their right to a first order behind.
 */
function coverUncovered(draft: Draft, key: LaneKey, known: Known): { needs: Need[]; cut: boolean } {
  const lane = laneNow(draft, key);
  if (!lane) return { needs: [], cut: false };
  const count = Math.min(askable(lane), lookUpMax);
  if (count === 0) return { needs: [], cut: !lookAgain(draft, lane, null) };
  const classes: readonly JobClass[] = lane.orphaned >= count ? ['orphaned'] : ['orphaned', 'ordered'];
  const unknown = classes.filter((jobClass) => !known.jobs.has(jobsKey(lane.key, jobClass)));
  if (unknown.length > 0) {
    return {
      needs: unknown.map((jobClass) => ({ kind: 'jobs', lane: lane.key, class: jobClass, count })),
      cut: false,
    };
  }
  const jobs = waitingJobs(draft, lane, classes, known).slice(0, count);
  if (!lookAgain(draft, lane, jobs.length < count ? againAt(draft, lane) : null))
    return { needs: [], cut: true };
  const entitled = jobs.filter((job) => job.ask === null).slice(0, lane.rights);
  for (const job of entitled.slice(0, Math.max(0, draft.room() - laneItems)))
    passRightTo(draft, lane.key, job);
  const rest = jobs.filter((job) => !entitled.includes(job));
  return { needs: [], cut: !askAbout(draft, rest, 'secondOrder') || entitled.length > 0 };
}

function againAt(draft: Draft, { lookAgainAt }: Lane): number {
  const isAhead = lookAgainAt !== null && lookAgainAt > draft.now;
  return isAhead ? lookAgainAt : draft.now + draft.configuration.timing.askAgainMs;
}

/** Whom the list does not show yet, a later plan finds. False where the commit has no room for the lane. */
function lookAgain(draft: Draft, lane: Lane, at: number | null): boolean {
  if (at !== null) draft.wakeTimes.push(at);
  if (at === lane.lookAgainAt) return true;
  if (draft.room() < laneItems) return false;
  draft.setLane({ ...lane, lookAgainAt: at });
  return true;
}

function passRightTo(draft: Draft, key: LaneKey, job: Job): void {
  setJobClass(draft, job, 'fresh');
  const lane = draft.lane(key);
  if (lane) draft.setLane({ ...lane, rights: lane.rights - 1 });
}

/**
 * Oldest first, those already asked about among them: they count, and are not asked about twice. Beside the list, which
 * may lag, all that this plan has read anyway: the job that a runner was ordered for is found by the runner.
 */
function waitingJobs(draft: Draft, lane: Lane, classes: readonly JobClass[], known: Known): Job[] {
  const listed = classes.flatMap((jobClass) => known.jobs.get(jobsKey(lane.key, jobClass)) ?? []);
  const keys = new Set([...draft.jobsKnown(), ...listed].map((job) => job.key));
  const rank = ({ counted }: Job) => (counted ? classes.indexOf(counted.class) : -1);
  return [...keys]
    .flatMap((key) => draft.job(key) ?? [])
    .filter((job) => job.phase === 'queued' && job.counted?.lane === lane.key && rank(job) >= 0)
    .sort((a, b) => rank(a) - rank(b) || a.createdAt - b.createdAt);
}

/** False where the commit has no room for all of them. */
function askAbout(draft: Draft, jobs: readonly Job[], purpose: AskPurpose): boolean {
  for (const job of jobs) {
    if (job.ask) continue;
    if (draft.room() < 1) return false;
    const dueAt = Math.max(draft.now, (job.askedAt ?? 0) + draft.configuration.timing.askAgainMs);
    draft.setJob({ ...job, ask: { dueAt, purpose } });
    // Later ones are found by their deadline.
    if (dueAt > draft.now) continue;
    const os = draft.settings((job.counted?.lane.split('#')[0] ?? '') as Lane['pool'])?.os ?? 'linux';
    draft.orders.push({ status: 'ask', host: draft.host, os, job: job.key, purpose });
  }
  return true;
}

/**
 * Jobs of a lane start in GitHub's order, mostly the oldest first. Five younger ones that started while the oldest
 * waits on for minutes mean that GitHub holds it back.
 */
function lookIntoOvertaking(draft: Draft, key: LaneKey, known: Known): Need[] {
  const lane = laneNow(draft, key);
  const overtaken = lane?.overtaken;
  if (!lane || !overtaken || overtaken.jobs < overtakersMin) return [];
  if (draft.now < overtaken.since + draft.configuration.timing.overtakenMs) return [];
  const classes = ['fresh', 'orphaned', 'ordered'] as const;
  const unknown = classes.filter(
    (jobClass) => lane[jobClass] > 0 && !known.jobs.has(jobsKey(lane.key, jobClass)),
  );
  if (unknown.length > 0)
    return unknown.map((jobClass) => ({ kind: 'jobs', lane: lane.key, class: jobClass, count: 1 }));
  const oldest = waitingJobs(draft, lane, classes, known).sort((a, b) => a.createdAt - b.createdAt)[0];
  draft.setLane({ ...lane, overtaken: null });
  if (oldest && oldest.createdAt < overtaken.oldestAt) askAbout(draft, [oldest], 'overtaken');
  return [];
}
