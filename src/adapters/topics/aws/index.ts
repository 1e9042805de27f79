// Topics on SNS and queues on SQS: sent here, consumed by functions that Lambda's mappings call.

export { createSnsClient, createSqsClient } from './client.ts';
export { handleSqsEvent } from './consume.ts';
export type { StreamRecord } from './events.ts';
export { createPoller, type PollerSettings } from './poller.ts';
export { createSqsQueue } from './queue.ts';
export { handleStreamEvent } from './stream-event.ts';
export { createSnsTopic } from './topic.ts';
