import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Configuration, PoolSettings } from './configuration.ts';
import type { HostName, PoolName } from './ids.ts';
import { overlaps, type PoolReach, shadowed } from './overlap.ts';
import { fits, matchesPattern, route } from './routing.ts';

const labels = ['a', 'b', 'c'];
const repositories = ['o/x', 'o/xy', 'o/y', 'p/x', 'p/z'];
const patterns = ['*/*', 'o/*', 'p/*', 'o/x*', 'o/*y', '*/x', 'o/x', 'p/z'];

const everyLabelSet = [1, 2, 3, 4, 5, 6, 7].map((bits) => labels.filter((_, i) => bits & (1 << i)));
const everyJob = everyLabelSet.flatMap((wanted) =>
  repositories.flatMap((repository) =>
    [true, false].map((isPublic) => ({ labels: wanted, repository, isPublic, installation: 1 })),
  ),
);
type AnyJob = (typeof everyJob)[number];

const anyPool = fc.record({
  labels: fc.subarray(labels, { minLength: 1 }),
  register: fc.constantFrom('organisation' as const, 'repository' as const),
  repositories: fc.option(fc.subarray(patterns, { minLength: 1, maxLength: 2 })),
  publicRepositories: fc.constantFrom('refuse' as const, 'allow' as const),
});

const anyPools = fc
  .array(anyPool, { minLength: 2, maxLength: 4 })
  .map((pools) => pools.map((pool, at) => ({ ...pool, name: `pool${at}` as PoolName })));

/** The pool that a job belongs to, by the routing that is shipped. */
function poolOf(job: AnyJob, pools: readonly PoolReach[]): string | null {
  const settings = pools.map(
    (pool): PoolSettings => ({
      ...pool,
      host: 'h' as HostName,
      os: 'linux',
      limit: 1,
      spares: 0,
      spareChanges: [],
      reuseMs: 0,
      rerunInterrupted: false,
      weight: 1,
      priority: 0,
      group: 'default',
      overlap: false,
      jobMsMax: 1,
      idleMs: 1,
      bootMs: 1,
      machine: {},
    }),
  );
  const configuration = { pools: settings, allow: { kind: 'onlyInstallation' } } as unknown as Configuration;
  const routing = route({ ...job, ownedByOrganisation: true }, configuration);
  return routing.kind === 'lane' ? (routing.lane.split('#')[0] ?? null) : null;
}

/** May GitHub give the job to a runner of this pool that was started for some other job? */
function mayRun(job: AnyJob, pool: PoolReach): boolean {
  if (!fits(job.labels, pool)) return false;
  const registered = repositories.filter((name) =>
    (pool.repositories ?? ['*/*']).some((pattern) => matchesPattern(pattern, name)),
  );
  const owners = registered.map((name) => name.split('/')[0]);
  return pool.register === 'repository'
    ? registered.includes(job.repository)
    : owners.includes(job.repository.split('/')[0]);
}

test('pools that are not said to overlap can not lose a runner to each other', () => {
  fc.assert(
    fc.property(anyPools, (pools) => {
      const said = overlaps(pools).map((overlap) =>
        overlap.kind === 'contained' ? [overlap.smaller, overlap.bigger] : [overlap.first, overlap.other],
      );
      for (const job of everyJob) {
        const home = poolOf(job, pools);
        for (const other of pools) {
          if (home === null || other.name === home || !mayRun(job, other)) continue;
          const pair = said.some((names) => names.includes(home as PoolName) && names.includes(other.name));
          assert.ok(pair, `${JSON.stringify(job)} of ${home} may run on ${other.name}`);
        }
      }
    }),
  );
});

test('a contained pool has only jobs that fit the bigger one, and shared labels fit both', () => {
  fc.assert(
    fc.property(anyPools, (pools) => {
      const byName = new Map(pools.map((pool) => [pool.name, pool]));
      for (const overlap of overlaps(pools)) {
        if (overlap.kind === 'contained') {
          const bigger = byName.get(overlap.bigger);
          const jobs = everyJob.filter((job) => poolOf(job, pools) === overlap.smaller);
          assert.ok(bigger && jobs.every((job) => fits(job.labels, bigger)));
        } else {
          const [first, other] = [byName.get(overlap.first), byName.get(overlap.other)];
          assert.ok(first && other && fits(overlap.labels, first) && fits(overlap.labels, other));
          assert.ok(overlap.labels.length < first.labels.length || !mayMeet(first, other));
        }
      }
    }),
  );
});

/** Can a job of one run on the other, by repositories alone? */
function mayMeet(jobs: PoolReach, runners: PoolReach): boolean {
  return repositories.some(
    (repository) =>
      (jobs.repositories ?? ['*/*']).some((pattern) => matchesPattern(pattern, repository)) &&
      mayRun({ labels: [...runners.labels], repository, isPublic: false, installation: 1 }, runners),
  );
}

test('a shadowed pool gets no job whatever it asks for', () => {
  fc.assert(
    fc.property(anyPools, (pools) => {
      for (const { pool, by } of shadowed(pools)) {
        assert.notEqual(pool, by);
        assert.ok(everyJob.every((job) => poolOf(job, pools) !== pool));
      }
    }),
  );
});

test('two pools for everyone: the later one is shadowed just when it gets no job', () => {
  fc.assert(
    fc.property(anyPool, anyPool, (one, two) => {
      const pools = [one, two].map((pool, at) => ({
        ...pool,
        repositories: null,
        name: `pool${at}` as PoolName,
      }));
      const getsJobs = everyJob.some((job) => poolOf(job, pools) === 'pool1');
      assert.equal(shadowed(pools).length === 0, getsJobs);
    }),
  );
});
