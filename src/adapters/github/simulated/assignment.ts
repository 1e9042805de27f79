// Which runner gets which job. GitHub promises nothing but this: a queued job goes to some idle online runner
// whose labels contain the job's and whose group admits the repository; whoever it was started for is not known
// to it. Among several runners chance decides; among several jobs the oldest goes first.
//
// Runners and jobs that are alike stand in one bucket, so that a thousand of each cost a few comparisons.

import type { Random } from '../../../ports/clock.ts';
import { type Account, groupAdmits, type Job, type Repository, type Runner } from './state.ts';

export interface Assignment {
  /** GitHub looks for a runner for this job from now on; `assign` may be called before this returns. */
  offer(job: Job): void;
  /** The job is no longer on offer. */
  withdraw(job: Job): void;
  /** The runner may be given a job from now on; `assign` may be called before this returns. */
  addIdle(runner: Runner): void;
  removeIdle(runner: Runner): void;
}

export interface AssignmentDeps {
  random: Random;
  /** Both are out of their buckets when this is called. */
  assign(job: Job, runner: Runner): void;
}

interface IdleBucket {
  key: string;
  sample: Runner;
  runners: Runner[];
}

interface JobBucket {
  key: string;
  repository: Repository;
  labels: readonly string[];
  /** Oldest first; those that were withdrawn stay until they come to the head. */
  queue: { job: Job; offer: number }[];
  head: number;
  /** Still on offer. */
  count: number;
}

/** A queue's spent head is cut off when it is this long, so that one is never copied for a single job. */
const spentHeadMax = 1_024;

export function createAssignment({ random, assign }: AssignmentDeps): Assignment {
  const idleByAccount = new Map<Account, Map<string, IdleBucket>>();
  const jobsByAccount = new Map<Account, Map<string, JobBucket>>();
  const places = new Map<Runner, { bucket: IdleBucket; index: number }>();
  let lastOffer = 0;

  const addIdle = (runner: Runner): void => {
    const job = oldestJobFor(runner);
    if (job) {
      withdraw(job);
      assign(job, runner);
      return;
    }
    const buckets = bucketsOf(idleByAccount, runner.account);
    const key = `${runner.repository?.id ?? 0}|${runner.group.id}|${runner.labelsKey}`;
    let bucket = buckets.get(key);
    if (!bucket) {
      bucket = { key, sample: runner, runners: [] };
      buckets.set(key, bucket);
    }
    places.set(runner, { bucket, index: bucket.runners.length });
    bucket.runners.push(runner);
  };

  const removeIdle = (runner: Runner): void => {
    const place = places.get(runner);
    if (!place) return;
    places.delete(runner);
    const { bucket, index } = place;
    const last = bucket.runners.pop();
    if (last && last !== runner) {
      bucket.runners[index] = last;
      places.set(last, { bucket, index });
    }
    if (bucket.runners.length === 0) idleByAccount.get(runner.account)?.delete(bucket.key);
  };

  const offer = (job: Job): void => {
    const runner = anyRunnerFor(job);
    if (runner) {
      removeIdle(runner);
      assign(job, runner);
      return;
    }
    const { repository } = job.run;
    const buckets = bucketsOf(jobsByAccount, repository.owner);
    const key = `${repository.id}|${job.labelsKey}`;
    let bucket = buckets.get(key);
    if (!bucket) {
      const labels = job.labelsKey.split(',');
      bucket = { key, repository, labels, queue: [], head: 0, count: 0 };
      buckets.set(key, bucket);
    }
    lastOffer += 1;
    job.offer = lastOffer;
    bucket.queue.push({ job, offer: lastOffer });
    bucket.count += 1;
  };

  const withdraw = (job: Job): void => {
    if (job.offer === 0) return;
    job.offer = 0;
    const { repository } = job.run;
    const buckets = jobsByAccount.get(repository.owner);
    const bucket = buckets?.get(`${repository.id}|${job.labelsKey}`);
    if (!bucket) return;
    bucket.count -= 1;
    if (bucket.count === 0) buckets?.delete(bucket.key);
  };

  const anyRunnerFor = (job: Job): Runner | undefined => {
    const { repository } = job.run;
    const labels = job.labelsKey.split(',');
    const matching: IdleBucket[] = [];
    let count = 0;
    for (const bucket of idleByAccount.get(repository.owner)?.values() ?? []) {
      if (!mayTake(bucket.sample, repository, labels)) continue;
      matching.push(bucket);
      count += bucket.runners.length;
    }
    if (count === 0) return undefined;
    let choice = count === 1 ? 0 : Math.floor(random() * count);
    for (const { runners } of matching) {
      if (choice < runners.length) return runners[choice];
      choice -= runners.length;
    }
    return undefined;
  };

  const oldestJobFor = (runner: Runner): Job | null => {
    let oldest: { job: Job; offer: number } | null = null;
    for (const bucket of jobsByAccount.get(runner.account)?.values() ?? []) {
      if (!mayTake(runner, bucket.repository, bucket.labels)) continue;
      const first = firstOf(bucket);
      if (first && (!oldest || first.offer < oldest.offer)) oldest = first;
    }
    return oldest?.job ?? null;
  };

  return { offer, withdraw, addIdle, removeIdle };
}

function bucketsOf<Bucket>(all: Map<Account, Map<string, Bucket>>, account: Account): Map<string, Bucket> {
  const found = all.get(account);
  if (found) return found;
  const made = new Map<string, Bucket>();
  all.set(account, made);
  return made;
}

function firstOf(bucket: JobBucket): { job: Job; offer: number } | undefined {
  for (;;) {
    const first = bucket.queue[bucket.head];
    if (!first || first.job.offer === first.offer) {
      if (bucket.head > spentHeadMax && bucket.head * 2 > bucket.queue.length) {
        bucket.queue = bucket.queue.slice(bucket.head);
        bucket.head = 0;
      }
      return first;
    }
    bucket.head += 1;
  }
}

function mayTake(runner: Runner, repository: Repository, labels: readonly string[]): boolean {
  if (runner.repository ? runner.repository !== repository : !groupAdmits(runner.group, repository))
    return false;
  return labels.every((label) => runner.labelsLower.has(label));
}

/** Labels hold no comma in a key: GitHub separates them by commas itself. */
export function labelsKey(labels: readonly string[]): string {
  return [...new Set(labels.map((label) => label.toLowerCase()))].sort().join(',');
}
