// Random histories for every kind of table, and a model that keeps lists and folds the core's rules over them: every
// answer and every look-up has to be the same.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Commit } from '../../core/commit.ts';
import type { HostName } from '../../core/ids.ts';
import { type Dirty, type Job, type JobClass, type JobFact, mergeJob } from '../../core/job.ts';
import { lanePlaces } from '../../core/lane-places.ts';
import type { Lane, Ledger } from '../../core/ledger.ts';
import { mergeRunner, type Runner, type RunnerClass, type RunnerFact } from '../../core/runner.ts';
import type { BooksRequest, Change, ItemKey, JobsTable } from '../../ports/jobs-table.ts';
import { deadlinesOfContract as deadlines } from '../../ports/jobs-table.world.contract.ts';
import {
  aCommit,
  aJobKey,
  aLane,
  aLedger,
  aRunner,
  aRunnerName,
  hostA,
  hostB,
  laneOf,
  lint,
  nowhere,
  routeTo,
  seen,
  startMs,
} from '../../ports/testing.ts';

const jobIds = [1, 2, 3, 4];
const runnerNumbers = [1, 2, 3, 4];
const laneNumbers = [1, 2];
const hosts = [hostA, hostB];
const hostOfRunner = (n: number): HostName => (n === 4 ? hostB : hostA);
const nameOf = (n: number) => aRunnerName(n, hostOfRunner(n));

// ---- Histories

export type Step =
  | { kind: 'job'; id: number; facts: JobFact[]; at: number }
  | { kind: 'runner'; n: number; facts: RunnerFact[]; at: number }
  | { kind: 'commit'; host: HostName; behind: number; changes: CommitChange[] }
  | { kind: 'purge'; before: number; limit: number };

type CommitChange =
  | { kind: 'count'; id: number; class: JobClass | null; lane: number; handTo: HostName | null }
  | { kind: 'runner'; n: number; class: RunnerClass | null; handTo: HostName | null }
  | { kind: 'order'; n: number; spare: boolean; given: Partial<Runner> }
  | { kind: 'lane'; lane: number; counts: Partial<Lane> }
  | { kind: 'emptyLane'; lane: number };

const aTime = fc.integer({ min: 0, max: 20 }).map((ms) => startMs + ms);
const aHostOrNone = fc.constantFrom(null, ...hosts);

const aJobFact = (id: number): fc.Arbitrary<JobFact> =>
  fc.oneof(
    fc
      .record({
        phase: fc.constantFrom('gated', 'queued', 'in_progress', 'completed'),
        runner: fc.constantFrom(null, ...runnerNumbers),
        lane: fc.constantFrom(null, ...laneNumbers),
        host: fc.constantFrom(...hosts),
        age: fc.integer({ min: 0, max: 3 }),
      })
      .map(({ phase, runner, lane, host, age }) =>
        seen(id, phase, {
          createdAt: startMs - age,
          runner: runner === null ? null : { id: runner, name: nameOf(runner) },
          runnerHost: runner === null ? null : hostOfRunner(runner),
          route: lane === null ? nowhere : routeTo(laneOf(lane), host),
        }),
      ),
    fc.constantFrom<JobFact[]>(
      { kind: 'stillQueued', purpose: 'secondOrder' },
      { kind: 'vanished' },
      { kind: 'asked' },
      { kind: 'holdEnded' },
      { kind: 'rerouted', route: nowhere },
      { kind: 'rerouted', route: routeTo(laneOf(1), hostB) },
    ),
  );

const aRunnerFact = fc.constantFrom<RunnerFact[]>(
  { kind: 'lease', owner: 'me', until: startMs + 15 },
  { kind: 'lease', owner: 'another', until: startMs + 15 },
  { kind: 'mark', owner: 'me' },
  { kind: 'launched', machine: 'machine' as NonNullable<Runner['machine']> },
  { kind: 'standby' },
  { kind: 'claim', windowMs: 5, timesMax: 2 },
  { kind: 'minted', gitHubId: 7 },
  { kind: 'online', gitHubId: 7 },
  { kind: 'busy', job: aJobKey(1), gitHubId: 7 },
  { kind: 'assigned' },
  { kind: 'done', job: aJobKey(2) },
  { kind: 'removing', code: 'surplus', why: 'too many' },
  { kind: 'removed' },
  { kind: 'fenced' },
  { kind: 'gone', code: 'ended', why: 'it ended' },
  { kind: 'note', what: 'a note' },
);

const aCommitChange: fc.Arbitrary<CommitChange> = fc.oneof(
  fc.record({
    kind: fc.constant('count' as const),
    id: fc.constantFrom(...jobIds),
    class: fc.constantFrom(null, 'fresh', 'ordered', 'orphaned', 'held'),
    lane: fc.constantFrom(...laneNumbers),
    handTo: aHostOrNone,
  }),
  fc.record({
    kind: fc.constant('runner' as const),
    n: fc.constantFrom(...runnerNumbers),
    class: fc.constantFrom(null, 'coming', 'busy', 'ending', 'standby'),
    handTo: aHostOrNone,
  }),
  fc.record({
    kind: fc.constant('order' as const),
    n: fc.constantFrom(...runnerNumbers),
    spare: fc.boolean(),
    given: fc.record({
      state: fc.constantFrom('ordered', 'launched', 'standby', 'online', 'busy', 'ending'),
      markedAt: fc.constantFrom(null, startMs),
      onlineAt: fc.constantFrom(null, startMs, startMs + 1),
      launchBefore: fc.constantFrom(startMs + 5, startMs + 6),
    }),
  }),
  fc.record({
    kind: fc.constant('lane' as const),
    lane: fc.constantFrom(...laneNumbers),
    counts: fc.record({
      fresh: fc.nat(2),
      coming: fc.nat(2),
      busy: fc.nat(2),
      oldestAt: fc.constantFrom(null, startMs, startMs + 1),
      surplusSince: fc.constantFrom(null, startMs, startMs + 1),
      lost: fc.constantFrom(null, { times: 4, to: 'another', until: startMs + 2 }),
    }),
  }),
  fc.record({ kind: fc.constant('emptyLane' as const), lane: fc.constantFrom(...laneNumbers) }),
);

/** Steps of one batch may be begun at once, as by several writers. */
export const aHistory = (batchesMax: number) =>
  fc.array(fc.array(aStep, { minLength: 1, maxLength: 5 }), { maxLength: batchesMax });

const aStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(...jobIds).chain((id) =>
      fc.record({
        kind: fc.constant('job' as const),
        id: fc.constant(id),
        facts: fc.array(aJobFact(id), { minLength: 1, maxLength: 3 }),
        at: aTime,
      }),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('runner' as const),
      n: fc.constantFrom(...runnerNumbers),
      facts: fc.array(aRunnerFact, { minLength: 1, maxLength: 3 }),
      at: aTime,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      host: fc.constantFrom(...hosts),
      behind: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1),
      changes: fc.uniqueArray(aCommitChange, { maxLength: 6, selector: target }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('purge' as const), before: aTime, limit: fc.nat(3) }),
  },
);

/** An item may stand in a commit once. */
function target(change: CommitChange): string {
  switch (change.kind) {
    case 'count':
      return `job ${change.id}`;
    case 'runner':
    case 'order':
      return `runner ${change.n}`;
    case 'lane':
    case 'emptyLane':
      return `lane ${change.lane}`;
    default:
      return change satisfies never;
  }
}

// ---- The model

interface Model {
  jobs: Map<string, Job>;
  runners: Map<string, Runner>;
  lanes: Map<string, Lane>;
  ledgers: Map<HostName, Ledger>;
  told: Change[];
}

/** What the step comes to; the model afterwards is as the table has to be. */
function apply(
  model: Model,
  step: Exclude<Step, { kind: 'commit' }> | { kind: 'commit'; commit: Commit },
): unknown {
  switch (step.kind) {
    case 'job': {
      const before = model.jobs.get(aJobKey(step.id)) ?? null;
      const after = step.facts.reduce((job, fact) => mergeJob(job, fact, step.at) ?? job, before);
      if (after === before || after === null) return { outcome: 'unchanged', job: before };
      const job = { ...after, version: (before?.version ?? 0) + 1 };
      model.jobs.set(job.key, job);
      tellMoved(model, before?.dirty ?? null, job.dirty, { kind: 'job', key: job.key });
      return { outcome: 'recorded', job };
    }
    case 'runner': {
      const before = model.runners.get(nameOf(step.n));
      if (before === undefined) return { outcome: 'unknown' };
      let runner = before;
      for (const fact of step.facts) {
        const merge = mergeRunner(runner, fact, step.at);
        if (merge.outcome === 'refused') return { outcome: 'refused', runner: before, why: merge.why };
        if (merge.outcome === 'changed') runner = merge.runner;
      }
      if (runner === before) return { outcome: 'unchanged', runner };
      runner = { ...runner, version: before.version + 1 };
      model.runners.set(runner.name, runner);
      tellMoved(model, before.dirty, runner.dirty, { kind: 'runner', name: runner.name });
      return { outcome: 'recorded', runner };
    }
    case 'purge': {
      const isOver = (item: Job | Runner): boolean => item.counted === null && item.dirty === null;
      const jobsOver = [...model.jobs.values()]
        .filter((job) => job.phase === 'completed' && isOver(job) && (job.completedSeenAt ?? 0) < step.before)
        .sort((a, b) => (a.completedSeenAt ?? 0) - (b.completedSeenAt ?? 0) || compare(a.key, b.key))
        .slice(0, step.limit);
      const runnersOver = [...model.runners.values()]
        .filter((runner) => runner.state === 'gone' && isOver(runner) && (runner.goneAt ?? 0) < step.before)
        .sort((a, b) => (a.goneAt ?? 0) - (b.goneAt ?? 0) || compare(a.name, b.name))
        .slice(0, step.limit - jobsOver.length);
      for (const { key } of jobsOver) model.jobs.delete(key);
      for (const { name } of runnersOver) model.runners.delete(name);
      return jobsOver.length + runnersOver.length;
    }
    case 'commit':
      return applyCommit(model, step.commit);
    default:
      return step satisfies never;
  }
}

function applyCommit(model: Model, commit: Commit): unknown {
  if ((model.ledgers.get(commit.host)?.version ?? 0) !== commit.version) return { outcome: 'lost' };
  const items: ItemKey[] = [
    ...commit.jobs
      .filter((job) => model.jobs.get(job.key)?.version !== job.version)
      .map(({ key }) => ({ kind: 'job' as const, key })),
    ...commit.runners
      .filter((runner) => model.runners.get(runner.name)?.version !== runner.version)
      .map(({ name }) => ({ kind: 'runner' as const, name })),
    ...commit.runnersNew
      .filter((runner) => model.runners.has(runner.name))
      .map(({ name }) => ({ kind: 'runner' as const, name })),
  ];
  if (items.length > 0) return { outcome: 'conflict', items };
  model.ledgers.set(commit.host, commit.ledger);
  for (const lane of commit.lanes) model.lanes.set(`${lane.host} ${lane.key}`, lane);
  for (const lane of commit.lanesEmptied) model.lanes.delete(`${lane.host} ${lane.key}`);
  for (const job of commit.jobs) {
    model.jobs.set(job.key, { ...job, version: job.version + 1 });
    tellHanded(model, commit, job.dirty, { kind: 'job', key: job.key });
  }
  for (const runner of [...commit.runners, ...commit.runnersNew]) {
    model.runners.set(runner.name, { ...runner, version: runner.version + 1 });
    tellHanded(model, commit, runner.dirty, { kind: 'runner', name: runner.name });
  }
  return { outcome: 'committed' };
}

function tellMoved(model: Model, before: Dirty | null, after: Dirty | null, item: ItemKey): void {
  if (after !== null && (after.change !== before?.change || after.host !== before.host))
    model.told.push({ host: after.host, item });
}

function tellHanded(model: Model, commit: Commit, dirty: Dirty | null, item: ItemKey): void {
  if (dirty !== null && dirty.host !== commit.host) model.told.push({ host: dirty.host, item });
}

/** The commit that a Publisher would write who has read the model as it is now, or a while ago. */
function commitOf(model: Model, { host, behind, changes }: Extract<Step, { kind: 'commit' }>): Commit {
  const version = (model.ledgers.get(host)?.version ?? 0) - behind;
  const commit = aCommit(version, { host, ledger: aLedger(host, version + 1) });
  const draft = {
    lanes: [...commit.lanes],
    lanesEmptied: [...commit.lanesEmptied],
    jobs: [...commit.jobs],
    runners: [...commit.runners],
    runnersNew: [...commit.runnersNew],
  };
  const handed = (to: HostName | null) => to && { host: to, since: startMs, change: 1 };
  for (const change of changes) {
    if (change.kind === 'count') {
      const job = model.jobs.get(aJobKey(change.id));
      const counted = change.class && { class: change.class, lane: laneOf(change.lane), host };
      const held = change.class === 'held' ? { until: startMs + change.id, times: 1, cause: 'tests' } : null;
      if (job) draft.jobs.push({ ...job, counted, held, dirty: handed(change.handTo) });
    } else if (change.kind === 'runner') {
      const runner = model.runners.get(nameOf(change.n));
      if (runner) draft.runners.push({ ...runner, counted: change.class, dirty: handed(change.handTo) });
    } else if (change.kind === 'order') {
      const spare = change.spare
        ? ({ lane: null, scope: null, counted: 'standby' } as const)
        : { lane: laneOf(1) };
      draft.runnersNew.push(aRunner(change.n, { host: hostOfRunner(change.n), ...spare, ...change.given }));
    } else {
      const lane = aLane({
        key: laneOf(change.lane),
        host,
        ...(change.kind === 'lane' ? change.counts : {}),
      });
      if (change.kind === 'lane') draft.lanes.push(lane);
      else draft.lanesEmptied.push(lane);
    }
  }
  return { ...commit, ...draft };
}

// ---- Look-ups, by going through everything

function lookUps(model: Model): Record<string, unknown> {
  const jobs = [...model.jobs.values()];
  const runners = [...model.runners.values()];
  const lanes = [...model.lanes.values()];
  const answers: Record<string, unknown> = {
    jobsRefused: jobs
      .filter((job) => job.phase === 'queued' && job.route.kind === 'refused')
      .sort((a, b) => compare(a.key, b.key)),
    dueJobs: jobs
      .filter((job) => deadlines.ofJob(job) !== null)
      .sort((a, b) => (deadlines.ofJob(a) ?? 0) - (deadlines.ofJob(b) ?? 0) || compare(a.key, b.key))
      .map(({ key }) => key),
  };
  for (const lane of laneNumbers)
    for (const jobClass of ['fresh', 'held'] as const)
      answers[`jobsOfLane ${lane} ${jobClass}`] = jobs
        .filter(({ counted }) => counted?.lane === laneOf(lane) && counted.class === jobClass)
        .sort((a, b) => a.createdAt - b.createdAt || compare(a.key, b.key))
        .slice(0, 2);
  for (const host of hosts) {
    const mine = lanes.filter((lane) => lane.host === host);
    answers[`jobsCounted ${host}`] = jobs
      .filter(({ counted }) => counted?.host === host)
      .sort((a, b) => compare(a.key, b.key));
    answers[`runnersOfLane ${host}`] = runners
      .filter((runner) => runner.host === host && runner.lane === laneOf(1) && runner.counted === 'coming')
      .sort((a, b) => compare(rank(a), rank(b)));
    answers[`standingBy ${host}`] = runners
      .filter((runner) => runner.host === host && runner.lane === null && runner.counted === 'standby')
      .sort((a, b) => compare(rankOfSpare(a), rankOfSpare(b)));
    answers[`runnersOfHost ${host}`] = runners
      .filter((runner) => runner.host === host && runner.state !== 'gone')
      .sort((a, b) => compare(a.name, b.name));
    answers[`uncounted ${host}`] = [
      ...jobs.map(({ dirty, key }) => ({ dirty, item: { kind: 'job', key } })),
      ...runners.map(({ dirty, name }) => ({ dirty, item: { kind: 'runner', name } })),
    ]
      .filter(({ dirty }) => dirty?.host === host && dirty.since < startMs + 10)
      .sort(
        (a, b) => (a.dirty?.since ?? 0) - (b.dirty?.since ?? 0) || compare(textOf(a.item), textOf(b.item)),
      )
      .map(({ item }) => item);
    answers[`dueRunners ${host}`] = runners
      .filter((runner) => runner.host === host && runner.state !== 'gone')
      .sort((a, b) => a.launchBefore - b.launchBefore || compare(a.name, b.name))
      .map(({ name }) => name);
    answers[`queue ${host}`] = mine
      .filter((lane) => lanePlaces(lane).queue !== null)
      .sort((a, b) => compare(queueRank(a), queueRank(b)));
    answers[`timed ${host}`] = mine
      .filter((lane) => lanePlaces(lane).timeAt !== null)
      .sort((a, b) => (lanePlaces(a).timeAt ?? 0) - (lanePlaces(b).timeAt ?? 0) || compare(a.key, b.key));
    answers[`census ${host}`] = {
      ledger: model.ledgers.get(host) ?? null,
      lanes: mine.sort((a, b) => compare(a.key, b.key)),
      runners: runners
        .filter((runner) => runner.host === host && (runner.state !== 'gone' || runner.counted !== null))
        .sort((a, b) => compare(a.name, b.name)),
      jobs: jobs
        .flatMap(({ counted }) => (counted?.host === host ? [`${counted.lane} ${counted.class}`] : []))
        .sort(),
    };
  }
  return answers;
}

async function lookUpsOf(table: JobsTable): Promise<Record<string, unknown>> {
  const many = 100;
  const answers: Record<string, unknown> = {
    jobsRefused: await table.jobsRefused(null, many),
    dueJobs: await table.dueJobs(startMs * 2, many),
  };
  for (const lane of laneNumbers)
    for (const jobClass of ['fresh', 'held'] as const)
      answers[`jobsOfLane ${lane} ${jobClass}`] = await table.jobsOfLane(laneOf(lane), jobClass, 2);
  for (const host of hosts) {
    const request: BooksRequest = { items: [], pools: [lint], queueMax: many, timedMax: many };
    const books = await table.books(host, request);
    const { jobs, ...census } = await table.census(host);
    answers[`jobsCounted ${host}`] = await table.jobsCounted(host, null, many);
    answers[`runnersOfLane ${host}`] = await table.runnersOfLane(host, laneOf(1), 'coming', many);
    answers[`standingBy ${host}`] = await table.runnersStandingBy(host, lint, many);
    answers[`runnersOfHost ${host}`] = await table.runnersOfHost(host);
    answers[`uncounted ${host}`] = await table.uncounted(host, startMs + 10, many);
    answers[`dueRunners ${host}`] = await table.dueRunners(host, startMs * 2, many);
    answers[`queue ${host}`] = books.queue;
    answers[`timed ${host}`] = books.timed;
    answers[`census ${host}`] = {
      ledger: census.ledger,
      lanes: census.lanes.toSorted((a, b) => compare(a.key, b.key)),
      runners: census.runners.toSorted((a, b) => compare(a.name, b.name)),
      jobs: [...(jobs ?? [])]
        .flatMap(([lane, counts]) =>
          Object.entries(counts).flatMap(([jobClass, n]) => Array<string>(n).fill(`${lane} ${jobClass}`)),
        )
        .sort(),
    };
  }
  return answers;
}

function rank(runner: Runner): string {
  const [order, at] =
    runner.markedAt === null
      ? [0, runner.orderedAt]
      : runner.onlineAt === null
        ? [2, runner.orderedAt]
        : [1, runner.onlineAt];
  return `${order} ${at} ${runner.name}`;
}

function rankOfSpare(runner: Runner): string {
  const isReady = runner.state === 'standby' && runner.restedAt !== null && runner.removing === null;
  return isReady
    ? `0 ${runner.standbyAt ?? runner.orderedAt} ${runner.name}`
    : `1 ${runner.orderedAt} ${runner.name}`;
}

function queueRank(lane: Lane): string {
  const place = lanePlaces(lane).queue;
  return `${place?.alive} ${String(place?.oldestAt).padStart(15, '0')} ${lane.key}`;
}

function textOf(item: object): string {
  return JSON.stringify(item);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

// ---- The run

/** How a table is held against the model. */
export interface HistoryRun {
  table: JobsTable;
  /** What the table's stream has told, once the history has ended. */
  told: () => Promise<Change[]>;
  /**
   * Whether the stream tells just what the model does. One that sees images alone can't know who wrote them: it does not
   * tell again what a commit hands on to a host that was told, and tells a commit's own host what it leaves dirty.
   */
  tellsJustThat: boolean;
  /** Whether steps of a batch are begun at once: only where they are carried out in that order. */
  atOnce: boolean;
  /** What a table may answer in another way than the model does; the same function is applied to both. */
  comparable?: (answers: Record<string, unknown>) => Record<string, unknown>;
}

export async function runHistory(batches: readonly (readonly Step[])[], run: HistoryRun): Promise<void> {
  const { table, atOnce, comparable = (answers) => answers } = run;
  const model: Model = {
    jobs: new Map(),
    runners: new Map(),
    lanes: new Map(),
    ledgers: new Map(),
    told: [],
  };
  const begin = (step: Parameters<typeof apply>[1]): Promise<unknown> => {
    if (step.kind === 'job') return table.recordJob(aJobKey(step.id), step.facts, step.at);
    if (step.kind === 'runner') return table.recordRunner(nameOf(step.n), step.facts, step.at);
    return step.kind === 'purge' ? table.purge(step.before, step.limit) : table.commit(step.commit);
  };
  for (const batch of batches) {
    const steps = batch.map((step) =>
      step.kind === 'commit' ? { kind: step.kind, commit: commitOf(model, step) } : step,
    );
    if (atOnce) {
      const answers = steps.map(begin);
      const expected = steps.map((step) => apply(model, step));
      assert.deepEqual(await Promise.all(answers), expected);
    } else {
      for (const step of steps) assert.deepEqual(await begin(step), apply(model, step));
    }
    for (const id of jobIds)
      assert.deepEqual(await table.readJob(aJobKey(id)), model.jobs.get(aJobKey(id)) ?? null);
    for (const n of runnerNumbers)
      assert.deepEqual(await table.readRunner(nameOf(n)), model.runners.get(nameOf(n)) ?? null);
    assert.deepEqual(comparable(await lookUpsOf(table)), comparable(lookUps(model)));
  }
  const told = await run.told();
  if (run.tellsJustThat) assert.deepEqual(told, model.told);
  else {
    const texts = new Set(told.map(textOf));
    for (const change of model.told) assert.ok(texts.has(textOf(change)), `${textOf(change)} was not told`);
  }
}
