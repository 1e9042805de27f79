// Random histories: events lost, repeated, reordered and stolen, runners that fail in every way, plans in between.
// Whatever happens: no limit is passed, the books equal a recount, and in the end, when GitHub's word on every job is
// heard, nothing is left over.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Books,
  configurationOf,
  createBooks,
  hostSettings,
  poolSettings,
} from '../../../test/fixtures/books.ts';
import type { HostName, PoolName, RunnerName } from '../ids.ts';
import { askable, orderable, surplus } from '../ledger.ts';
import { isMarked, type Runner } from '../runner.ts';

const hostLimit = 5;
const pools = [
  poolSettings('a', { labels: ['x', 'a'], limit: 3, overlap: true }),
  poolSettings('b', { labels: ['x', 'a', 'b'], limit: 3, overlap: true, host: 'two' as HostName, spares: 1 }),
  poolSettings('c', { labels: ['c'], limit: 4, register: 'repository' }),
];
const configuration = configurationOf(pools, [
  hostSettings('one', { limit: hostLimit }),
  hostSettings('two', { limit: 2 }),
]);

const labelSets = [['x'], ['a'], ['b'], ['c']];
const repositories = ['acme/app', 'acme/web', 'beta/app'];

type Step =
  | { kind: 'queue'; labels: number; repository: number }
  | { kind: 'start'; job: number; runner: number }
  | { kind: 'finish'; job: number; named: boolean }
  | {
      kind: 'launch' | 'answer' | 'claim' | 'online' | 'die' | 'fail' | 'assign' | 'standby' | 'missing';
      runner: number;
    }
  | { kind: 'asked'; job: number; purpose: 'secondOrder' | 'idleRunner' }
  | { kind: 'plan'; host: number }
  | { kind: 'pass'; seconds: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('queue' as const), labels: fc.nat(3), repository: fc.nat(2) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('start' as const), job: fc.nat(), runner: fc.nat() }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('finish' as const), job: fc.nat(), named: fc.boolean() }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'launch',
        'launch',
        'answer',
        'answer',
        'claim',
        'online',
        'die',
        'die',
        'fail',
        'assign',
        'standby',
        'missing',
      ),
      runner: fc.nat(),
    }) as fc.Arbitrary<Step>,
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('asked' as const),
      job: fc.nat(),
      purpose: fc.constantFrom('secondOrder' as const, 'idleRunner' as const),
    }),
  },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('plan' as const), host: fc.nat(1) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 200 }) }),
  },
);

describe('the plan over random histories', () => {
  it('passes no limit, keeps books that equal a recount, and comes to rest with nothing left over', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 120 }), (steps) => {
        const books = createBooks(configuration);
        const jobs: { id: number; labels: string[]; repository: string }[] = [];
        for (const one of steps) {
          perform(books, jobs, one);
          check(books);
        }
        // GitHub's last word on every job, then the hosts' on every machine.
        for (const job of jobs) books.completed(job);
        books.settle();
        books.pass(1_000_000);
        books.settle();
        for (const runner of books.alive()) endMachine(books, runner);
        books.settle();
        check(books);
        const left = books.alive().filter((runner) => runner.lane !== null);
        assert.deepEqual(
          left.map((runner) => runner.state),
          [],
        );
        assert.deepEqual(books.lanes(), []);
      }),
      { numRuns: 300 },
    );
  });
});

function perform(
  books: Books,
  jobs: { id: number; labels: string[]; repository: string }[],
  one: Step,
): void {
  const runner =
    'runner' in one ? books.runners()[one.runner % Math.max(1, books.runners().length)] : undefined;
  const job = 'job' in one ? jobs[one.job % Math.max(1, jobs.length)] : undefined;
  switch (one.kind) {
    case 'queue': {
      const labels = labelSets[one.labels] ?? [];
      const next = { id: jobs.length + 1, labels, repository: repositories[one.repository] ?? '' };
      jobs.push(next);
      books.queued(next);
      return;
    }
    case 'start':
      if (job && books.job(job.id).phase !== 'completed')
        books.inProgress(job, runner && isMarked(runner) ? runner.name : 'stranger');
      return;
    case 'finish':
      if (job) books.completed(job, one.named ? (books.job(job.id).runner?.name ?? null) : null);
      return;
    case 'asked':
      if (job) books.recordJob(job.id, { kind: 'stillQueued', purpose: one.purpose });
      return;
    case 'plan':
      books.planOnce(one.host === 0 ? ('one' as HostName) : ('two' as HostName), false);
      return;
    case 'pass':
      books.pass(one.seconds * 1_000);
      return;
    default:
      if (runner) performOnRunner(books, runner, one.kind);
  }
}

function performOnRunner(
  books: Books,
  { name, lane }: Runner,
  kind: Exclude<Step['kind'], 'queue' | 'start' | 'finish' | 'asked' | 'plan' | 'pass'>,
): void {
  switch (kind) {
    case 'launch':
      books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 30_000 });
      books.learn(name, { kind: 'mark', owner: 'o' });
      return;
    case 'answer':
      if (isMarked(books.runner(name)))
        books.learn(name, { kind: 'launched', machine: `m-${name}` as never });
      return;
    case 'claim':
      if (lane) books.learn(name, { kind: 'claim', windowMs: 60_000, timesMax: 3 });
      return;
    case 'online':
      if (lane && isMarked(books.runner(name))) books.learn(name, { kind: 'online', gitHubId: 1 });
      return;
    case 'standby':
      if (isMarked(books.runner(name))) books.learn(name, { kind: 'standby' });
      return;
    case 'die':
      if (isMarked(books.runner(name))) books.learn(name, { kind: 'gone', code: 'lost', why: 'it vanished' });
      return;
    case 'fail':
      books.learn(name, { kind: 'removing', code: 'bootDeadline', why: 'never online' });
      return;
    case 'assign':
      books.learn(name, { kind: 'assigned' });
      return;
    case 'missing':
      books.learn(name, { kind: 'missing', asked: books.now(), trustedAfterMs: 30_000 });
      return;
  }
}

/** What must hold after every step, by the items themselves and by what the books say. */
function check(books: Books): void {
  const alive = books.alive();
  for (const { name, limit } of configuration.hosts) {
    assert.ok(
      alive.filter((runner) => runner.host === name).length <= limit,
      `host ${name} is over its limit of ${limit}`,
    );
  }
  for (const { name, limit } of configuration.pools) {
    assert.ok(
      alive.filter((runner) => runner.pool === name).length <= limit,
      `pool ${name} is over its limit of ${limit}`,
    );
  }
  for (const { name } of configuration.hosts) checkBooks(books, name);
}

function checkBooks(books: Books, host: HostName): void {
  const { ledger, lanes, runners, jobs } = books.census(host);
  if (!ledger) return;
  for (const [pool, counts] of Object.entries(ledger.pools)) {
    for (const one of ['coming', 'busy', 'ending', 'standby'] as const) {
      const counted = runners.filter(
        (runner) => runner.pool === (pool as PoolName) && runner.counted === one,
      ).length;
      assert.equal(counts[one], counted, `${one} of pool ${pool}`);
    }
  }
  const counted = new Set(runners.flatMap((runner) => runner.lane ?? []));
  for (const lane of jobs.keys()) counted.add(lane);
  assert.deepEqual(
    new Set(lanes.map((lane) => lane.key)),
    counted,
    'a lane has a row exactly while something is counted in it',
  );
  for (const lane of lanes) {
    for (const one of ['fresh', 'ordered', 'orphaned', 'held'] as const) {
      assert.equal(lane[one], jobs.get(lane.key)?.[one] ?? 0, `${one} of lane ${lane.key}`);
    }
    for (const one of ['coming', 'busy', 'ending'] as const) {
      assert.equal(
        lane[one],
        runners.filter((runner) => runner.lane === lane.key && runner.counted === one).length,
        `${one} of lane ${lane.key}`,
      );
    }
    assert.ok(!(orderable(lane) > 0 && surplus(lane) > 0));
    assert.ok(askable(lane) >= 0);
  }
}

function endMachine(books: Books, { name }: { name: RunnerName }): void {
  if (isMarked(books.runner(name))) books.learn(name, { kind: 'gone', code: 'ended', why: 'the end' });
  else books.learn(name, { kind: 'fenced' });
}
