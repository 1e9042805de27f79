// Messages between stations. Everything is at-least-once: a message may come twice, late, or never (dead letters).

/** What a filter policy may look at: exact strings only, as SNS compares them. */
export type Attributes = Readonly<Record<string, string>>;

/** Lets a message through that has every attribute named here, with one of the values listed for it. */
export type FilterPolicy = Readonly<Record<string, readonly string[]>>;

export interface OutgoingMessage<Body> {
  body: Body;
  attributes?: Attributes;
  /** FIFO only: messages of one group are handled one batch at a time, in order. */
  group?: string;
  /** FIFO only: a second message with this id within five minutes is swallowed. */
  deduplicationId?: string;
  /** Standard queues only: not delivered before this many ms, 900,000 at most. */
  delayMs?: number;
}

/** Resolves when all are durable with the engine; throws where any may not be. */
export interface Topic<Body> {
  publish(messages: readonly OutgoingMessage<Body>[]): Promise<void>;
}

export interface ReceivedMessage<Body> {
  id: string;
  body: Body;
  /** 1 at the first delivery. */
  receiveCount: number;
}

/**
 * What became of one message: `done` deletes it; `retry` brings it back after `delayMs` (it counts as a receive).
 * A handler that throws brings the whole batch back after the queue's visibility time.
 */
export type MessageOutcome =
  | { id: string; outcome: 'done' }
  | { id: string; outcome: 'retry'; delayMs: number };

/** Messages that the handler does not mention are done. */
export type BatchHandler<Body> = (
  batch: readonly ReceivedMessage<Body>[],
) => Promise<readonly MessageOutcome[]>;
