// Items with what the indexes need beside them, computed at each write (../places.ts).

import type { HostName } from '../../../core/ids.ts';
import type { Dirty, Job } from '../../../core/job.ts';
import { lanePlaces } from '../../../core/lane-places.ts';
import type { Control, Lane, Ledger, PoolBooks } from '../../../core/ledger.ts';
import type { Runner } from '../../../core/runner.ts';
import { isSampled } from '../../../core/trace.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { Deadlines, Sweep } from '../../../ports/jobs-table.ts';
import { type JobPlaces, jobPlaces, type RunnerPlaces, runnerPlaces } from '../places.ts';
import { calm, endableOf, homeOf, isCalmJob, isCalmRunner, isClaimable, yes } from './late.ts';
import { pack } from './pack.ts';
import {
  controlsRowKey,
  dirtyPartition,
  dueJobsPartition,
  dueSweepsPartition,
  jobRowKey,
  jobsPlace,
  laneRowKey,
  ledgerRowKey,
  queueKeyOf,
  type Row,
  refusedPlace,
  runnerRowKey,
  runnersPlace,
  shardOf,
  sortable,
  sparesPlace,
  sweepRowKey,
  timedKeyOf,
} from './schema.ts';

/**
 * One unit per read, which every plan begins with, and few per commit. A ledger of fifty pools has a third of it; only
 * very many pools that all fail, each for another reason, come near.
 */
export const ledgerBytesMax = 4 * 1024;
/** Of a reason, where all of them have no room: the code that it begins with. */
const whyLengthMin = 40;

export interface RowOptions {
  deadlines: Deadlines;
  /** What ended goes so much later, by DynamoDB's time to live. */
  keepMs: number;
}

export function createRows({ deadlines, keepMs }: RowOptions) {
  const expiry = (endedAt: EpochMs | null) =>
    endedAt === null ? undefined : Math.floor((endedAt + keepMs) / 1_000);

  return {
    ofJob(job: Job): Row {
      const places = jobPlaces(job, deadlines);
      const due = places.dueAt === null ? null : dueJobsPartition(shardOf(job.key));
      return {
        ...jobRowKey(job.key),
        item: pack(`job ${job.key}`, job),
        version: job.version,
        ...dirtyMark(job.dirty, job.key),
        ...(due && { due, dueAt: places.dueAt ?? 0 }),
        ...jobPlace(job, places),
        counted: places.countedHost ?? undefined,
        phase: job.phase,
        lane: job.counted?.lane ?? (job.route.kind === 'lane' ? job.route.lane : undefined),
        runner: job.runner?.name ?? job.lastOrder?.runner,
        installation: job.installation,
        home: homeOf(job),
        traced: isSampled(job.traceparent) ? yes : undefined,
        calm: job.dirty !== null && isCalmJob(job) ? calm : undefined,
        expires: expiry(places.endedAt),
      };
    },

    ofRunner(runner: Runner): Row {
      const places = runnerPlaces(runner, deadlines);
      const key = runnerRowKey(runner.name);
      if (key === null) throw new RangeError(`a runner named ${runner.name}: this system names none so`);
      return {
        ...key,
        item: pack(`runner ${runner.name}`, runner),
        version: runner.version,
        ...dirtyMark(runner.dirty, runner.name),
        ...(places.dueAt !== null && { due: key.pk, dueAt: places.dueAt }),
        ...runnerPlace(runner, places),
        // Any value would do: being there is what counts.
        alive: places.isGone && places.countedClass === null ? undefined : 'A',
        claimable: isClaimable(runner) ? yes : undefined,
        endable: endableOf(runner),
        calm: runner.dirty !== null && isCalmRunner(runner) ? calm : undefined,
        expires: expiry(places.endedAt),
      };
    },
  };
}

export type Rows = ReturnType<typeof createRows>;

export function ledgerRow(ledger: Ledger): Row {
  return { ...ledgerRowKey(ledger.host), item: packLedger(ledger), version: ledger.version };
}

/** What people read in it goes first: a host whose ledger can't be written would order nothing any more. */
function packLedger(ledger: Ledger): string | Uint8Array {
  const what = `the ledger of host ${ledger.host}`;
  try {
    return pack(what, ledger, ledgerBytesMax);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const { episodes: _, ...books } = ledger;
    return pack(what, { ...books, pools: withShortReasons(ledger.pools) }, ledgerBytesMax);
  }
}

function withShortReasons(pools: Ledger['pools']): Ledger['pools'] {
  const short = ({ breaker, ...counts }: PoolBooks): PoolBooks => ({
    ...counts,
    breaker: breaker && { ...breaker, why: breaker.why.slice(0, whyLengthMin) },
  });
  return Object.fromEntries(Object.entries<PoolBooks>(pools).map(([name, books]) => [name, short(books)]));
}

/** `version` is that of the ledger it was written with. */
export function laneRow(lane: Lane, version: number): Row {
  const { queue, timeAt } = lanePlaces(lane);
  return {
    ...laneRowKey(lane.host, lane.key),
    item: pack(`lane ${lane.key}`, lane),
    version,
    queue: queue === null ? undefined : queueKeyOf(lane.pool, queue.alive, queue.oldestAt, lane.key),
    timed: timeAt === null ? undefined : timedKeyOf(timeAt, lane.key),
  };
}

export interface ControlRecorded {
  control: Control;
  recordedAt: EpochMs;
}

/** `change` is new each time. It stands in no index: whoever looks compares them with the ledger. */
export function controlsRow(
  host: HostName,
  controls: readonly ControlRecorded[],
  version: number,
  change: string,
): Row {
  const item = pack(`the controls of host ${host}`, controls);
  return { ...controlsRowKey(host), item, version, dirty: dirtyPartition(host, shardOf(host)), change };
}

export function sweepRow(sweep: Sweep, version: number): Row {
  const key = sweepRowKey(sweep.kind, sweep.subject);
  const item = pack(`sweep ${key.pk}`, sweep);
  return { ...key, item, version, due: dueSweepsPartition, dueAt: sweep.nextAt };
}

function dirtyMark(dirty: Dirty | null, key: string): Pick<Row, 'dirty' | 'dirtyAt' | 'change'> {
  if (dirty === null) return {};
  return {
    dirty: dirtyPartition(dirty.host, shardOf(key)),
    dirtyAt: dirty.since,
    change: dirty.change,
  };
}

/** A job that is counted though its route was refused meanwhile stands in its lane until it is counted no more. */
function jobPlace({ key }: Job, places: JobPlaces): Pick<Row, 'place' | 'placeAt'> {
  const { countedLane, countedClass, createdAt, isRefused } = places;
  if (countedLane !== null && countedClass !== null)
    return { place: jobsPlace(countedLane, countedClass), placeAt: `${sortable(createdAt)}#${key}` };
  return isRefused ? { place: refusedPlace, placeAt: key } : {};
}

function runnerPlace({ name }: Runner, places: RunnerPlaces): Pick<Row, 'place' | 'placeAt'> {
  const placeAt = `${places.rank}#${sortable(places.rankAt)}#${name}`;
  const place = placeOfRunner(places.host, places);
  return place === null ? {} : { place, placeAt };
}

function placeOfRunner(host: HostName, { lane, pool, countedClass }: RunnerPlaces): string | null {
  if (lane !== null) return countedClass === null ? null : runnersPlace(host, lane, countedClass);
  return countedClass === 'standby' ? sparesPlace(host, pool) : null;
}
