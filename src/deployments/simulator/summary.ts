// What a campaign has shown, as tables: by kind of fault, by profile, and the figures of the policy.

import type { Outcome } from './campaign.ts';
import { type FaultKind, faultKinds, isHeavy, type ProfileName, profileNames } from './faults.ts';

/** What healing is held against: seconds, and of how many deficits. */
export const aims = {
  /** A single kind, the 99th percentile. */
  singleMs: 120_000,
  /** Handlers that crash or stall, launches that are refused: the longest. */
  heavyMs: 300_000,
  /** All at once, the 99th percentile. */
  allMs: 160_000,
  /** Mean wait in calm against a clairvoyant scheduler. */
  waitRatio: 1.15,
  launchesPerJob: 1.05,
} as const;

/** Of fewer deficits a 99th percentile says too little to fail for. */
const deficitsMin = 300;

export interface Summary {
  add(outcome: Outcome): void;
  seeds(): number;
  failures(): readonly Outcome[];
  /** What healing and policy miss of their aims. */
  missed(): string[];
  lines(wallMs: number): string[];
}

interface ProfileSums {
  seeds: number;
  failed: number;
  deficitsMs: number[];
  worst: { seed: number; ms: number } | null;
  jobs: number;
  launches: number;
  asks: number;
  waitMs: number;
  clairvoyantMs: number;
}

export function createSummary(): Summary {
  const profiles = new Map<ProfileName, ProfileSums>();
  const kinds = new Map<FaultKind, { injected: number; survived: number }>();
  const failures: Outcome[] = [];
  let seeds = 0;
  let steps = 0;
  let virtualMs = 0;
  let jobs = 0;

  function add(outcome: Outcome): void {
    seeds += 1;
    steps += outcome.steps;
    virtualMs += outcome.virtualMs;
    jobs += outcome.jobs;
    if (outcome.violation) failures.push(outcome);
    for (const [kind, count] of outcome.injected) {
      const sums = kinds.get(kind) ?? { injected: 0, survived: 0 };
      sums.injected += count;
      if (!outcome.violation) sums.survived += count;
      kinds.set(kind, sums);
    }
    const sums = sumsOf(outcome.profile);
    sums.seeds += 1;
    if (outcome.violation) sums.failed += 1;
    sums.deficitsMs.push(...outcome.deficitsMs);
    const { worstDeficit } = outcome;
    if (worstDeficit && worstDeficit.ms > (sums.worst?.ms ?? 0))
      sums.worst = { seed: outcome.task.seed, ms: worstDeficit.ms };
    sums.jobs += outcome.started;
    sums.launches += outcome.launches;
    sums.asks += outcome.asks;
    sums.waitMs += outcome.meanWaitMs * outcome.started;
    sums.clairvoyantMs += outcome.clairvoyantWaitMs * outcome.started;
  }

  function sumsOf(profile: ProfileName): ProfileSums {
    const known = profiles.get(profile);
    if (known) return known;
    const made = {
      seeds: 0,
      failed: 0,
      deficitsMs: [],
      worst: null,
      jobs: 0,
      launches: 0,
      asks: 0,
      waitMs: 0,
      clairvoyantMs: 0,
    };
    profiles.set(profile, made);
    return made;
  }

  return {
    add,
    seeds: () => seeds,
    failures: () => failures,
    missed: () => missedAims(profiles),
    lines(wallMs) {
      const table = profileNames.flatMap((profile) => {
        const sums = profiles.get(profile);
        return sums || kinds.has(profile as FaultKind)
          ? [rowOf(profile, sums, kinds.get(profile as FaultKind))]
          : [];
      });
      const perSecond = (count: number) =>
        Math.round(count / Math.max(0.001, wallMs / 1_000)).toLocaleString('en');
      return [
        ...columns([
          ['faults', 'injected', 'survived', 'seeds', 'failed', 'p50', 'p99', 'worst', 'in seed', 'aim'],
          ...table,
        ]),
        '',
        `healing in seconds: how long in a row a lane had too few runners coming, with room and without a reason shown`,
        `${seeds} seeds, ${jobs.toLocaleString('en')} jobs, ${Math.round(virtualMs / 3_600_000).toLocaleString('en')} virtual hours in ${Math.round(wallMs / 1_000)} s: ` +
          `${perSecond(steps)} steps/s, ${(virtualMs / 3_600_000 / Math.max(0.001, wallMs / 1_000)).toFixed(1)} virtual hours/s`,
        ...policyOf(profiles.get('calm')),
      ];
    },
  };
}

function rowOf(
  profile: ProfileName,
  sums: ProfileSums | undefined,
  counts: { injected: number; survived: number } | undefined,
): string[] {
  const deficits = sums ? sorted(sums.deficitsMs) : [];
  const seconds = (share: number) => (sums ? String(quantile(deficits, share) / 1_000) : '');
  return [
    profile,
    counts ? String(counts.injected) : '',
    counts ? String(counts.survived) : '',
    sums ? String(sums.seeds) : '',
    sums ? String(sums.failed) : '',
    seconds(0.5),
    seconds(0.99),
    seconds(1),
    String(sums?.worst?.seed ?? ''),
    aimOf(profile).text,
  ];
}

function aimOf(profile: ProfileName): { share: number; ms: number; text: string } {
  if (profile === 'all') return { share: 0.99, ms: aims.allMs, text: `p99 ≤ ${aims.allMs / 1_000}` };
  if (profile === 'pressure' || profile === 'races')
    return { share: 1, ms: Number.POSITIVE_INFINITY, text: '' };
  if (profile in faultKinds && isHeavy(profile as FaultKind))
    return { share: 1, ms: aims.heavyMs, text: `worst ≤ ${aims.heavyMs / 1_000}` };
  return { share: 0.99, ms: aims.singleMs, text: `p99 ≤ ${aims.singleMs / 1_000}` };
}

function missedAims(profiles: ReadonlyMap<ProfileName, ProfileSums>): string[] {
  const missed: string[] = [];
  for (const [profile, { deficitsMs }] of profiles) {
    const { share, ms, text } = aimOf(profile);
    const is = quantile(sorted(deficitsMs), share);
    if (is > ms && (share === 1 || deficitsMs.length >= deficitsMin))
      missed.push(`${profile}: healing ${is / 1_000} s, aim ${text}`);
  }
  const calm = profiles.get('calm');
  if (calm && calm.seeds >= 5) {
    const ratio = calm.waitMs / calm.clairvoyantMs;
    if (ratio > aims.waitRatio)
      missed.push(`calm: mean wait ${ratio.toFixed(2)} of a clairvoyant's, aim ≤ ${aims.waitRatio}`);
    const launches = calm.launches / calm.jobs;
    if (launches > aims.launchesPerJob)
      missed.push(`calm: ${launches.toFixed(3)} launches a job, aim ≤ ${aims.launchesPerJob}`);
  }
  return missed;
}

function policyOf(calm: ProfileSums | undefined): string[] {
  if (!calm || calm.jobs === 0) return [];
  const s = (ms: number) => (ms / calm.jobs / 1_000).toFixed(1);
  return [
    `calm: mean wait ${s(calm.waitMs)} s, a clairvoyant's ${s(calm.clairvoyantMs)} s; ` +
      `${(calm.launches / calm.jobs).toFixed(3)} launches and ${(calm.asks / calm.jobs).toFixed(3)} asks a job`,
  ];
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

function quantile(inOrder: readonly number[], share: number): number {
  return inOrder[Math.min(inOrder.length - 1, Math.floor(inOrder.length * share))] ?? 0;
}

/** The first column to the left, the others to the right. */
function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}
