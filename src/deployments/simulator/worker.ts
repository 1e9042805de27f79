// One worker of a campaign.

import { parentPort } from 'node:worker_threads';
import type { Task } from './campaign.ts';
import { outcomeOf } from './outcome.ts';

parentPort?.on('message', (task: Task) => {
  void outcomeOf(task).then((outcome) => parentPort?.postMessage(outcome));
});
