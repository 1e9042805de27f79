// Runs mutations until each is caught, several at a time: seed after seed, by a checker, or by figures that are out of
// the bounds which the code as it is keeps to over the same seeds.

import { Worker } from 'node:worker_threads';
import type { Outcome, Task } from '../campaign.ts';
import { figureOutOfBounds } from './figures.ts';
import type { Catcher, Mutation } from './mutation.ts';

export interface Bite {
  mutation: Mutation;
  /** `null`: it survived all its seeds. */
  caught: { by: Catcher; seed: number; text: string } | null;
  seconds: number;
}

/** What the code as it is was found to do over the same seeds, among the same faults. */
export interface Baseline {
  faults: string;
  seeds: number;
  caught: Bite['caught'];
  seconds: number;
}

/** A run that says nothing for so long, on a machine that has other things to do too, never will. */
const stuckMsMax = 120_000;
const jobs = 200;

export async function biteAll(
  mutations: readonly Mutation[],
  workers: number,
  onBite: (bite: Bite) => void,
): Promise<Bite[]> {
  return inParallel(mutations, workers, async (mutation) => {
    const run = await hunt(mutation, mutation.faults, mutation.seedsMax);
    const bite = { mutation, ...run };
    onBite(bite);
    return bite;
  });
}

/** The same profiles and seeds, with nothing mutated: all have to be clean. */
export async function checkBaselines(
  mutations: readonly Mutation[],
  workers: number,
  onBaseline: (baseline: Baseline) => void,
): Promise<Baseline[]> {
  const seedsOf = new Map<string, number>();
  for (const { faults, seedsMax } of mutations)
    seedsOf.set(faults, Math.max(seedsMax, seedsOf.get(faults) ?? 0));
  const longestFirst = [...seedsOf].sort(([, a], [, b]) => b - a);
  return inParallel(longestFirst, workers, async ([faults, seeds]) => {
    const baseline = { faults, seeds, ...(await hunt(null, faults, seeds)) };
    onBaseline(baseline);
    return baseline;
  });
}

async function hunt(
  mutation: Mutation | null,
  faults: string,
  seedsMax: number,
): Promise<{ caught: Bite['caught']; seconds: number }> {
  const startedAt = performance.now();
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: mutation });
  const outcomes: Outcome[] = [];
  let caught: Bite['caught'] = null;
  try {
    for (let seed = 1; seed <= seedsMax && caught === null; seed += 1) {
      const outcome = await outcomeFrom(worker, { seed, faults, jobs });
      if ('by' in outcome) {
        caught = { ...outcome, seed };
      } else {
        outcomes.push(outcome);
        caught = catchOf(outcomes, seed);
      }
    }
  } finally {
    await worker.terminate();
  }
  return { caught, seconds: (performance.now() - startedAt) / 1_000 };
}

function catchOf(outcomes: readonly Outcome[], seed: number): Bite['caught'] {
  const violation = outcomes.at(-1)?.violation;
  if (violation) return { by: violation.checker as Catcher, seed, text: violation.text };
  const figure = figureOutOfBounds(outcomes);
  return figure ? { ...figure, seed } : null;
}

type Failure = { by: Catcher; text: string };

/** A run that ends in an error, or not at all, is caught by that. */
function outcomeFrom(worker: Worker, task: Task): Promise<Outcome | Failure> {
  return new Promise((resolve) => {
    const settle = (outcome: Outcome | Failure): void => {
      clearTimeout(timer);
      worker.off('message', settle);
      worker.off('error', onError);
      resolve(outcome);
    };
    const onError = (error: unknown): void => settle({ by: 'throws', text: String(error) });
    const timer = setTimeout(
      () => settle({ by: 'stuck', text: `it says nothing for ${stuckMsMax / 1_000} s` }),
      stuckMsMax,
    );
    worker.on('message', settle);
    worker.on('error', onError);
    worker.postMessage(task);
  });
}

/** In the order given; results in that order too. */
async function inParallel<Item, Result>(
  items: readonly Item[],
  workers: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Map<number, Result>();
  let next = 0;
  const one = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      const item = items[i];
      if (item !== undefined) results.set(i, await work(item));
    }
  };
  await Promise.all(Array.from({ length: workers }, one));
  return items.flatMap((_, i) => {
    const result = results.get(i);
    return result === undefined ? [] : [result];
  });
}
