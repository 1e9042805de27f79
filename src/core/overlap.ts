// Which pools may lose runners to each other's jobs. GitHub gives a job to any idle runner whose labels contain the
// job's, wherever the runner's registration admits the repository; this system gives the job to the first pool that
// fits. Where two pools fit one job, a runner that is started for one of them may be taken by a job of the other.
//
// - `contained`: all labels of one pool are in the other's. Each job of the smaller pool fits the runners of the
//   bigger one, so a burst there robs the bigger pool of all its runners: the common, costly mistake.
// - `shared`: they have some labels in common. Only a job that asks for nothing but those fits both.

import type { PoolSettings } from './configuration.ts';
import type { PoolName } from './ids.ts';
import { matchesPattern } from './routing.ts';

/** What decides which jobs a pool gets, and which its runners may take. */
export type PoolReach = Pick<
  PoolSettings,
  'name' | 'labels' | 'register' | 'repositories' | 'publicRepositories'
>;

export type Overlap =
  | { kind: 'contained'; smaller: PoolName; bigger: PoolName }
  /** `first` comes first in the order of pools, so a job that asks for nothing but `labels` belongs to it. */
  | { kind: 'shared'; first: PoolName; other: PoolName; labels: readonly string[] };

/** Every pair of pools that overlaps, once. Pools are handed in by precedence. */
export function overlaps(pools: readonly PoolReach[]): Overlap[] {
  return pools.flatMap((first, at) => pools.slice(at + 1).flatMap((other) => overlapOf(first, other) ?? []));
}

/**
 * A pool that gets no job at all, as each one that fits it belongs to an earlier pool. Sure where it is reported;
 * several earlier pools that take its jobs only together are not seen.
 */
export function shadowed(pools: readonly PoolReach[]): { pool: PoolName; by: PoolName }[] {
  return pools.flatMap((pool, at) => {
    const by = pools.slice(0, at).find((earlier) => takesAll(earlier, pool));
    return by ? [{ pool: pool.name, by: by.name }] : [];
  });
}

function overlapOf(first: PoolReach, other: PoolReach): Overlap | null {
  const labels = first.labels.filter((label) => other.labels.includes(label));
  if (labels.length === 0) return null;
  if (labels.length === first.labels.length && mayTake(first, other)) {
    return { kind: 'contained', smaller: first.name, bigger: other.name };
  }
  if (labels.length === other.labels.length && mayTake(other, first)) {
    return { kind: 'contained', smaller: other.name, bigger: first.name };
  }
  const meet = mayTake(first, other) || mayTake(other, first);
  return meet ? { kind: 'shared', first: first.name, other: other.name, labels } : null;
}

/**
 * May jobs of the pool `jobs` be given runners of the pool `runners`, as far as repositories decide? A runner that
 * is registered at an organisation takes jobs of any of its repositories, whatever patterns the pool has; runner
 * groups may narrow that, but are GitHub's, and change without this system: two groups may admit one repository.
 */
function mayTake(jobs: PoolReach, runners: PoolReach): boolean {
  const reach = runners.register === 'repository' ? patternsMeet : ownersMeet;
  return patternsOf(jobs).some((a) => patternsOf(runners).some((b) => reach(a, b)));
}

function takesAll(earlier: PoolReach, later: PoolReach): boolean {
  return (
    later.labels.every((label) => earlier.labels.includes(label)) &&
    (earlier.publicRepositories === 'allow' || later.publicRepositories === 'refuse') &&
    patternsOf(later).every((wanted) => patternsOf(earlier).some((pattern) => covers(pattern, wanted)))
  );
}

function patternsOf(pool: PoolReach): readonly string[] {
  return pool.repositories ?? ['*/*'];
}

/** Does everything that matches `inner` match `outer`? A star in `inner`, read as a letter, needs one in `outer`. */
function covers(outer: string, inner: string): boolean {
  return matchesPattern(outer, inner);
}

/** Is there a repository that matches both patterns? */
function patternsMeet(a: string, b: string): boolean {
  return ownersMeet(a, b) && partsMeet(nameOf(a), nameOf(b));
}

function ownersMeet(a: string, b: string): boolean {
  return partsMeet(ownerOf(a), ownerOf(b));
}

function ownerOf(pattern: string): string {
  return pattern.split('/')[0] ?? '';
}

function nameOf(pattern: string): string {
  return pattern.split('/')[1] ?? '*';
}

/** Row by row: can the rest of `a` from here and the rest of `b` from there spell the same text? */
function partsMeet(a: string, b: string): boolean {
  let below: boolean[] = [];
  for (let i = a.length; i >= 0; i -= 1) {
    const row: boolean[] = [];
    for (let j = b.length; j >= 0; j -= 1) {
      const right = row[j + 1] === true;
      const down = below[j] === true;
      const starOfA = a[i] === '*' && (down || (j < b.length && right));
      const starOfB = b[j] === '*' && (right || (i < a.length && down));
      const same = i < a.length && a[i] === b[j] && below[j + 1] === true;
      row[j] = (i === a.length && j === b.length) || starOfA || starOfB || same;
    }
    below = row;
  }
  return below[0] === true;
}
