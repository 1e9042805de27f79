import type { OutgoingMessage, ReceivedMessage } from '../../../ports/queue.ts';

/** What a simulated queue does to its messages. Every answer is within what SQS and SNS may do. */
export interface QueueFaults<Body> {
  /**
   * Copies that arrive, each after its own delay: one at once is the normal case, two are a duplicate, delays that
   * differ change the order, none is a message that is never delivered (it is among the dead letters). A FIFO
   * queue neither repeats nor reorders: there the first copy alone counts, and its delay holds the whole group.
   */
  onPublish?(message: OutgoingMessage<Body>): readonly { delayMs: number }[];
  /** Standard queues: after so many ms the message is visible again, though its handler may still be at work. */
  onReceive?(message: ReceivedMessage<Body>): number | null;
}
