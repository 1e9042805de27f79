// Held jobs are looked at again when something of their run or repository moves: a place under `max-parallel` or in a
// concurrency group may just have come free.

import type { LaneKey } from '../ids.ts';
import type { Job } from '../job.ts';
import { setJobClass } from './count.ts';
import type { Draft } from './draft.ts';
import { jobsKey, type Known, type Need } from './need.ts';

/** Looked at per lane and plan: the rest comes with the next event, or when its own back-off is over. */
const heldLookedAtMax = 10;

/** A released hold is followed by an ask, so what it costs is the job's item and its lane. */
const itemsPerRelease = 4;

export function freeHeldJobs(draft: Draft, moved: readonly Job[], known: Known): { needs: Need[] } {
  const needs: Need[] = [];
  const movedByLane = new Map<LaneKey, Job[]>();
  for (const job of moved) {
    if (job.route.kind !== 'lane') continue;
    movedByLane.set(job.route.lane, [...(movedByLane.get(job.route.lane) ?? []), job]);
  }
  for (const [key, jobs] of movedByLane) {
    const lane = draft.lane(key);
    if (!lane || lane.held === 0) continue;
    const held = known.jobs.get(jobsKey(key, 'held'));
    if (!held) {
      needs.push({ kind: 'jobs', lane: key, class: 'held', count: heldLookedAtMax });
      continue;
    }
    for (const candidate of held) {
      const job = draft.job(candidate.key);
      if (job?.counted?.class !== 'held' || draft.room() < itemsPerRelease) continue;
      if (
        jobs.some(
          (other) =>
            other.key !== job.key && (other.runId === job.runId || other.repository === job.repository),
        )
      ) {
        setJobClass(draft, job, 'orphaned');
      }
    }
  }
  return { needs };
}
