// Topics on SNS and queues on SQS: sent here, consumed by functions that Lambda's mappings call.

export { handleSqsEvent, type SqsEventDeps } from './consume.ts';
export type { BatchResponse, StreamRecord } from './events.ts';
export { createPoller, type Poller, type PollerSettings } from './poller.ts';
export { createSqsQueue, type SqsQueueSettings } from './queue.ts';
export { handleStreamEvent, type StreamEventDeps } from './stream-event.ts';
export { createSnsTopic, type SnsTopicSettings } from './topic.ts';
