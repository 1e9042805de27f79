// Facts that were added to an item without reading it: so a door takes one call, whatever the item is by then.
//
// A row has the item, packed, and behind it `late`: facts that came since, each with its time, in their order. The item
// is what the packed one becomes by them; whoever reads it merges them (`jobOf`, `runnerOf`), and the next ordinary
// write packs all of it again. Such a fact is added by one update, which stands only where it is known beforehand what
// the fact does to the indexes: that is what the guards on the row are for (`home`, `phase`, `traced`, `claimable`,
// `endable`). Everywhere else the update is refused, brings what it found, and the fact goes the ordinary way.

import type { HostName } from '../../../core/ids.ts';
import type { Job, JobFact, JobSighting } from '../../../core/job.ts';
import { mergeJob } from '../../../core/job.ts';
import { asStored, type Runner, type RunnerFact } from '../../../core/runner.ts';
import { isSampled } from '../../../core/trace.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import { mergeRunnerFacts } from '../record.ts';
import { unpack } from './pack.ts';
import { dirtyPartition, jobRowKey, type Row, type RowKey, runnerRowKey, shardOf } from './schema.ts';

/** An update that stands by itself or not at all. */
export interface Addition {
  key: RowKey;
  late: string;
  /** What has to be so; names are attributes, values those below. */
  condition: string;
  values: Record<string, string | number>;
  set: Record<string, string | number>;
  remove: readonly string[];
  /** The host that has to count it, and since when it waits for that. */
  dirty: { partition: string; since: EpochMs } | null;
}

/** Written ordinarily then: each makes the item larger, and every write that follows dearer. */
const lateMax = 6;

// ---- Jobs

/**
 * Of a sighting what the item has already, from its first one: neither route nor installation is news where a later
 * one is added. All else is kept.
 */
type Known =
  | 'key'
  | 'id'
  | 'runId'
  | 'runAttempt'
  | 'name'
  | 'workflow'
  | 'repository'
  | 'isPublic'
  | 'ownedByOrganisation'
  | 'installation'
  | 'labels'
  | 'url'
  | 'createdAt'
  | 'route'
  | 'traceparent';

/** With its steps where they may be kept. */
type News = Omit<JobSighting, Known | 'steps'> & Partial<Pick<JobSighting, 'steps'>>;

type LateSighting = News & {
  by: Extract<JobFact, { kind: 'seen' }>['by'];
  at: EpochMs;
};

/** The job begins, or ends. `null`: it has to be read first. */
export function additionOfJob(facts: readonly JobFact[], at: EpochMs): Addition | null {
  const [fact, ...others] = facts;
  if (fact?.kind !== 'seen' || others.length > 0) return null;
  const { key, phase, installation, route, steps, traceparent } = fact.sighting;
  if (route.kind !== 'lane' || (phase !== 'in_progress' && phase !== 'completed')) return null;
  // Steps are many times what the rest is, and kept for the trace of a job that has ended. Whether that one is kept, the
  // item alone knows: what comes without its steps is added where it is not.
  const mayKeep = phase === 'completed' && steps.length > 0;
  const brings = mayKeep && isSampled(traceparent);
  const guard = mayKeep && !brings ? ' AND attribute_not_exists(traced)' : '';
  const late: LateSighting = { ...newsOf(fact.sighting), ...(brings && { steps }), by: fact.by, at };
  const isBefore = phase === 'in_progress' ? 'phase = :queued' : '(phase = :queued OR phase = :running)';
  return {
    key: jobRowKey(key),
    late: JSON.stringify(late),
    condition: `home = :home AND installation >= :installation AND ${isBefore}${guard}`,
    values: {
      ':home': route.host,
      ':installation': installation,
      ':queued': 'queued',
      ...(phase === 'completed' && { ':running': 'in_progress' }),
    },
    set: { phase, calm, ...(fact.sighting.runner && { runner: fact.sighting.runner.name }) },
    // It has no deadline of its own from here on.
    remove: phase === 'completed' ? ['due', 'dueAt', 'home'] : ['due', 'dueAt'],
    dirty: { partition: dirtyPartition(route.host, shardOf(key)), since: at },
  };
}

function newsOf(sighting: JobSighting): Omit<News, 'steps'> {
  const { key: _key, id: _id, runId: _runId, runAttempt: _runAttempt, ...more } = sighting;
  const { name: _name, workflow: _workflow, labels: _labels, url: _url, ...others } = more;
  const { repository: _repository, isPublic: _isPublic, ownedByOrganisation: _owned, ...rest } = others;
  const { installation: _installation, route: _route, createdAt: _at, ...last } = rest;
  const { traceparent: _trace, steps: _steps, ...news } = last;
  return news;
}

export function jobOf(row: Row): Job {
  return (row.late ?? []).reduce(withSighting, unpack<Job>(row.item));
}

function withSighting(job: Job, packed: string): Job {
  const { by, at, ...late } = JSON.parse(packed) as LateSighting;
  const merged = mergeJob(job, { kind: 'seen', sighting: { ...job, ...late }, by }, at);
  return { ...(merged ?? job), version: job.version + 1 };
}

/**
 * Where later sightings mark the job as not counted, if it is so: no deadline of a hold's stands in their way, and no
 * route is decided anew.
 */
export function homeOf(job: Job): HostName | undefined {
  if (job.phase === 'gated' || job.phase === 'completed' || job.counted?.class === 'held') return undefined;
  return job.counted?.host ?? (job.route.kind === 'lane' ? job.route.host : undefined);
}

// ---- Runners

interface LateFact {
  fact: RunnerFact;
  at: EpochMs;
}

/** A claim, the word that its machine has ended, a note. `null`: it has to be read first. */
export function additionOfRunner(
  name: Runner['name'],
  facts: readonly RunnerFact[],
  at: EpochMs,
): Addition | null {
  const key = runnerRowKey(name);
  const [fact, ...others] = facts;
  if (key === null || fact === undefined || others.length > 0) return null;
  const plain = { key, late: JSON.stringify({ fact, at } satisfies LateFact), dirty: null };
  switch (fact.kind) {
    case 'claim':
      return {
        ...plain,
        condition: 'claimable = :yes',
        values: { ':yes': yes },
        set: {},
        remove: ['claimable'],
      };
    case 'note':
      return {
        ...plain,
        condition: 'attribute_exists(pk) AND (attribute_not_exists(late) OR size(late) < :lateMax)',
        values: { ':lateMax': lateMax },
        set: {},
        remove: [],
      };
    case 'gone': {
      if (fact.neverClaimed) return null;
      const machine = fact.machine ?? null;
      return {
        ...plain,
        condition: machine === null ? 'attribute_exists(endable)' : 'endable = :machine',
        values: { ...(machine !== null && { ':machine': machine }) },
        set: { calm },
        remove: ['due', 'dueAt', 'claimable', 'endable'],
        dirty: { partition: dirtyPartition(parsedHost(key), shardOf(name)), since: at },
      };
    }
    default:
      return null;
  }
}

export function runnerOf(row: Row): Runner {
  return (row.late ?? []).reduce(withFact, asStored(unpack<Runner>(row.item)));
}

/** What a fact that was just added has done. */
export function lastFactOf(row: Row): { before: Runner; fact: RunnerFact; at: EpochMs } {
  const late = row.late ?? [];
  const { fact, at } = JSON.parse(late.at(-1) ?? '') as LateFact;
  return { before: runnerOf({ ...row, late: late.slice(0, -1) }), fact, at };
}

function withFact(runner: Runner, packed: string): Runner {
  const { fact, at } = JSON.parse(packed) as LateFact;
  const merged = mergeRunnerFacts(runner, [fact], at);
  return merged.outcome === 'changed' ? merged.runner : { ...runner, version: runner.version + 1 };
}

/**
 * A first claim changes nothing that an index knows: the time for its boot runs from its launch as before.
 */
export function isClaimable(runner: Runner): boolean {
  return (
    runner.state === 'launched' &&
    runner.markedAt !== null &&
    runner.lane !== null &&
    runner.claim === null &&
    runner.removing === null &&
    runner.doneAt === null
  );
}

/** The machine whose end is nothing but that: its place in all indexes stays until it is counted. */
export function endableOf(runner: Runner): string | undefined {
  const { state, lane, counted, launchedAt, machine } = runner;
  if (state === 'gone' || lane === null || counted === null || launchedAt === null) return undefined;
  return machine ?? undefined;
}

// ---- What can wait

/** Any value would do: being there is what counts. */
export const yes = 'Y';
/** Marks a change that orders nothing by itself: the Messenger may gather such changes for a moment. */
export const calm = 'Y';

export function isCalmJob({ phase }: Job): boolean {
  return phase === 'in_progress' || phase === 'completed';
}

export function isCalmRunner({ state, launchedAt }: Runner): boolean {
  return state === 'gone' && launchedAt !== null;
}

function parsedHost({ pk }: RowKey): HostName {
  return pk.split('#')[1] as HostName;
}
