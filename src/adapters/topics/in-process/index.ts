// Topics and queues of one process, on a handed-in clock, with the rules of SNS and SQS.

export type { QueueFaults } from './faults.ts';
export type { DeadLetter, FailedBatch, InProcessQueue, QueueDepth, QueueSettings } from './queue.ts';
export { createInProcessQueue } from './queue.ts';
export type { InProcessTopic } from './topic.ts';
export { createInProcessTopic } from './topic.ts';
