// One worker of the teeth: rewrites one module as it is loaded, then runs one seed after another on what that makes.

import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { Task } from '../campaign.ts';
import { type Mutation, mutate } from './mutation.ts';

/** `null`: the code as it is. */
const mutation = workerData as Mutation | null;

if (mutation) {
  const target = new URL(`../../../${mutation.file}`, import.meta.url).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      return url === target ? { ...loaded, source: mutate(String(loaded.source), mutation) } : loaded;
    },
  });
}

// Only now: whatever it imports is loaded through the hook.
const { outcomeOf } = await import('../outcome.ts');

parentPort?.on('message', (task: Task) => {
  void outcomeOf(task).then((outcome) => parentPort?.postMessage(outcome));
});
