// Many simulations, on all cores: each worker takes one after another, and tells what came of it.

import { Worker } from 'node:worker_threads';
import type { Deficit } from './checkers/deficit.ts';
import type { FaultKind, FaultsChoice, ProfileName } from './faults.ts';

export interface Task {
  seed: number;
  /** As `FAULTS` would say it. */
  faults: string;
  jobs: number;
}

/** What is kept of a simulation: small enough to keep millions. */
export interface Outcome {
  task: Task;
  profile: ProfileName;
  violation: { checker: string; text: string } | null;
  violations: number;
  deficitsMs: readonly number[];
  worstDeficit: Deficit | null;
  injected: readonly (readonly [FaultKind, number])[];
  steps: number;
  virtualMs: number;
  jobs: number;
  /** Jobs that started. */
  started: number;
  launches: number;
  asks: number;
  meanWaitMs: number;
  clairvoyantWaitMs: number;
  hash: string;
}

export interface Campaign {
  done: Promise<void>;
  stop(): Promise<void>;
}

export function runCampaign(
  tasks: Iterable<Task>,
  workers: number,
  onOutcome: (outcome: Outcome) => void,
): Campaign {
  const queue = tasks[Symbol.iterator]();
  const all: Worker[] = [];

  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url));
      all.push(worker);
      const next = (): void => {
        const task = queue.next();
        if (task.done) {
          void worker.terminate();
          resolve();
        } else worker.postMessage(task.value);
      };
      worker.on('message', (outcome: Outcome) => {
        onOutcome(outcome);
        next();
      });
      worker.on('error', reject);
      next();
    });

  return {
    done: Promise.all(Array.from({ length: workers }, work)).then(() => {}),
    async stop() {
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}

export function* tasksOf(
  seeds: { from: number; count: number },
  faultsOf: (seed: number) => FaultsChoice['text'],
  jobs: number,
): Generator<Task> {
  for (let seed = seeds.from; seed < seeds.from + seeds.count; seed += 1)
    yield { seed, faults: faultsOf(seed), jobs };
}
