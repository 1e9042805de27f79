// What came of the demo, and whether anything was left behind.

import type { Job } from '../../../adapters/github/simulated/state.ts';

export interface Outcome {
  jobs: readonly Pick<Job, 'conclusion' | 'runner' | 'createdAt' | 'startedAt'>[];
  elapsedMs: number;
  /** Machines that were launched. */
  runnersUsed: number;
  registrations: number;
  left: LeftOver;
}

export interface LeftOver {
  /** Entries of runners at GitHub. */
  atGitHub: number;
  /** Runners in the table that are not gone. */
  inTable: number;
  /** Processes of runners that live. */
  processes: number;
  workDirectories: number;
}

export function isNothing(left: LeftOver): boolean {
  return left.atGitHub + left.inTable + left.processes + left.workDirectories === 0;
}

export function summaryLines({ jobs, elapsedMs, runnersUsed, registrations, left }: Outcome): string[] {
  const byConclusion = Map.groupBy(jobs, (job) => job.conclusion ?? 'not ended');
  const conclusions = [...byConclusion].map(([conclusion, same]) => `${same.length} ${conclusion}`);
  const waits = jobs.filter((job) => job.runner).map((job) => job.startedAt - job.createdAt);
  const leftOver = isNothing(left)
    ? 'nothing: no runner at GitHub, none in the table, no process, no work directory'
    : `${left.atGitHub} runners at GitHub, ${left.inTable} in the table, ${left.processes} processes, ${left.workDirectories} work directories`;
  return [
    `Jobs         ${jobs.length} in ${seconds(elapsedMs)}: ${conclusions.join(', ')}`,
    `Waits        ${seconds(percentile(waits, 0.5))} in the middle (p50), ${seconds(percentile(waits, 0.95))} at p95, limits and GitHub's own delay included`,
    `Runners      ${runnersUsed} started for the ${waits.length} jobs that ran, each for one job; ${registrations} registered at GitHub`,
    `Left over    ${leftOver}`,
  ];
}

/** The smallest value that so many of the values do not exceed; 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
