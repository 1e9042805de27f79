// Topics and queues of one process, on a handed-in clock, with the rules of SNS and SQS.

export type { QueueFaults } from './faults.ts';
export type { DeadLetter, FailedBatch, InProcessQueue, QueueSettings } from './queue.ts';
export { createInProcessQueue } from './queue.ts';
export { createInProcessTopic } from './topic.ts';
