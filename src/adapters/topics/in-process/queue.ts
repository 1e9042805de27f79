// A queue of one process, with the rules of SQS behind a Lambda event source mapping.
//
// A message is *waiting* (it may be taken), *in flight* (in a handler's hands), *delayed* (only time brings it back)
// or a *dead letter*. Up to `concurrency` batches are in flight at once; each takes whatever waits when a slot is
// free, at most `batchSizeMax`, and never waits for more to come. A batch ends when its handler has answered, or
// when the visibility time is over: then its messages are visible again and a late answer counts for nothing. So a
// handler that never ends costs its messages time, and does not stop the queue.
//
// Nothing here is durable: what the process loses, the table's outbox and the reconciler bring back.

import type { Cancel, Clock, EpochMs } from '../../../ports/clock.ts';
import type { BatchHandler, MessageOutcome, OutgoingMessage, Topic } from '../../../ports/queue.ts';
import { createDeadlines } from './deadlines.ts';
import { createDeduplication } from './deduplication.ts';
import type { QueueFaults } from './faults.ts';
import { createFifoShelf } from './fifo-shelf.ts';
import { frozen } from './frozen.ts';
import { createLine } from './line.ts';
import type { Batch, Message, Returning } from './message.ts';
import { createStandardShelf } from './standard-shelf.ts';

export interface QueueSettings<Body> {
  name: string;
  clock: Clock;
  fifo: boolean;
  /** A batch whose handler threw, or has not answered, is visible again so long after it was received. */
  visibilityMs: number;
  /** Received so often, a message does not come back: it is a dead letter. */
  receivesMax: number;
  batchSizeMax: number;
  /** Calls of the handler at one time. In a FIFO queue also bounded by the groups: one each. */
  concurrency: number;
  /** Messages that it holds at most; a full queue refuses more. */
  messagesMax?: number;
  onHandlerError(error: unknown, failed: FailedBatch): void;
  onDeadLetter?(letter: DeadLetter<Body>): void;
  /** For the simulator. */
  faults?: QueueFaults<Body>;
}

export interface FailedBatch {
  queue: string;
  messageIds: readonly string[];
}

export interface DeadLetter<Body> {
  queue: string;
  id: string;
  body: Body;
  group: string | null;
  receiveCount: number;
  /** `received`: as often as the queue allows. `dropped`: never delivered. */
  cause: 'received' | 'dropped';
  at: EpochMs;
}

interface QueueDepth {
  waiting: number;
  inFlight: number;
  delayed: number;
  deadLetters: number;
}

/** `publish` sends to this queue alone, without a topic. */
export interface InProcessQueue<Body> extends Topic<Body> {
  readonly name: string;
  readonly fifo: boolean;
  /** One handler per queue. Messages that came before wait for it. */
  consume(handler: BatchHandler<Body>): void;
  /** Takes no more; resolves when no handler is at work. What waits stays, undelivered. */
  close(): Promise<void>;
  depth(): QueueDepth;
  /** Oldest first. */
  deadLetters(): readonly DeadLetter<Body>[];
  /** Brings the dead letters back as new messages; gives their number. */
  redrive(): number;
  /** Resolves when nothing waits and nothing is in flight: only time, or a new message, can bring more. */
  idle(): Promise<void>;
}

/** SQS's bounds, kept here so that what works in one process works on AWS. */
const fifoBatchSizeMax = 10;
const standardBatchSizeMax = 10_000;
const publishDelayMsMax = 900_000;
const visibilityMsMax = 12 * 3_600_000;

/** A million small messages are about 300 MB. Whoever publishes has an outbox, so a refusal loses nothing. */
const messagesMaxDefault = 1_000_000;

const onceAndAtOnce = [{ delayMs: 0 }] as const;

/** Dead letters that are kept for a person to see; the oldest go first. */
const deadLettersMax = 10_000;

export function createInProcessQueue<Body>(settings: QueueSettings<Body>): InProcessQueue<Body> {
  checkSettings(settings);
  const { name, clock, fifo, visibilityMs, receivesMax, batchSizeMax, concurrency, faults } = settings;
  const { messagesMax = messagesMaxDefault } = settings;
  const timers = new Set<Cancel>();
  const createShelf = fifo ? createFifoShelf<Body> : createStandardShelf<Body>;
  const shelf = createShelf({ later, buryIfSpent, onReady: wake });
  const deadlines = createDeadlines<Body>(clock, onVisibilityOver);
  const isDuplicate = createDeduplication();
  const deadLetters = createLine<DeadLetter<Body>>();
  let handler: BatchHandler<Body> | null = null;
  let messagesMade = 0;
  let batchesInFlight = 0;
  let messagesInFlight = 0;
  let isClosed = false;
  let isAwake = false;
  let onceIdle: (() => void)[] = [];
  let onceStopped: (() => void)[] = [];

  // ---- In

  async function publish(messages: readonly OutgoingMessage<Body>[]): Promise<void> {
    for (const message of messages) {
      checkMessage(settings, message);
      frozen(message.body);
    }
    if (shelf.waiting() + shelf.delayed() + messagesInFlight + messages.length > messagesMax) {
      throw new Error(
        `queue ${name}: full, ${messagesMax} messages wait; nothing was taken: publish again when some are handled`,
      );
    }
    const now = clock.now();
    for (const message of messages) {
      const { deduplicationId } = message;
      if (fifo && deduplicationId !== undefined && isDuplicate(deduplicationId, now)) continue;
      accept(message);
    }
  }

  function accept(message: OutgoingMessage<Body>): void {
    messagesMade += 1;
    const id = `${name}-${messagesMade}`;
    const delayMs = message.delayMs ?? 0;
    const copies = faults?.onPublish?.(message) ?? onceAndAtOnce;
    if (copies.length === 0) bury(newMessage(id, message), 'dropped');
    for (const copy of fifo ? copies.slice(0, 1) : copies) {
      shelf.add(newMessage(id, message), delayMs + copy.delayMs);
    }
  }

  function newMessage(id: string, { body, group }: { body: Body; group?: string | null }): Message<Body> {
    return { id, body, group: fifo ? (group ?? null) : null, receiveCount: 0, batch: null };
  }

  // ---- Out

  function consume(newHandler: BatchHandler<Body>): void {
    if (handler !== null) throw new Error(`queue ${name}: has a handler already, and a queue has one`);
    handler = newHandler;
    wake();
  }

  /**
   * Looks for work in the next turn, not in this one: what is published together is handled together, and a long
   * chain of messages leaves the process its turns for everything else.
   */
  function wake(): void {
    if (isAwake || isClosed || handler === null || batchesInFlight >= concurrency || !shelf.canTake()) return;
    isAwake = true;
    clock.after(0, () => {
      isAwake = false;
      fillSlots();
    });
  }

  function fillSlots(): void {
    while (!isClosed && handler !== null && batchesInFlight < concurrency && shelf.canTake()) {
      void handle(handler, take());
    }
  }

  function take(): Batch<Body> {
    const messages = shelf.take(batchSizeMax);
    const batch: Batch<Body> = { messages, visibleAt: clock.now() + visibilityMs, isOpen: true };
    for (const message of messages) {
      message.receiveCount += 1;
      message.batch = batch;
    }
    messagesInFlight += messages.length;
    batchesInFlight += 1;
    deadlines.watch(batch);
    return batch;
  }

  async function handle(handler: BatchHandler<Body>, batch: Batch<Body>): Promise<void> {
    const received = batch.messages.map(({ id, body, receiveCount }) => ({ id, body, receiveCount }));
    if (faults?.onReceive !== undefined && !fifo) {
      for (const [index, message] of received.entries()) {
        const visibleAgainMs = faults.onReceive(message);
        if (visibleAgainMs !== null) showAgainAfter(visibleAgainMs, batch, batch.messages[index]);
      }
    }
    let returning: readonly Returning<Body>[];
    try {
      returning = returningOf(batch, await handler(received));
    } catch (error) {
      report(error, batch);
      returning = everyMessage(batch, batch.visibleAt - clock.now());
    }
    end(batch, returning);
  }

  /** What the handler's answer brings back; throws where the answer can't be meant. */
  function returningOf(batch: Batch<Body>, outcomes: readonly MessageOutcome[]): Returning<Body>[] {
    if (outcomes.length === 0) return [];
    const delayMsOf = new Map<string, number | null>(batch.messages.map(({ id }) => [id, null]));
    for (const outcome of outcomes) {
      const delayMs = outcome.outcome === 'retry' ? outcome.delayMs : null;
      if (!delayMsOf.has(outcome.id)) {
        throw new RangeError(
          `queue ${name}: the handler answered for ${outcome.id}, which is not in its batch`,
        );
      }
      if (delayMs !== null && !(delayMs >= 0 && delayMs <= visibilityMsMax)) {
        throw new RangeError(
          `queue ${name}: the handler asked for a retry in ${delayMs} ms; allowed is 0 to ${visibilityMsMax}`,
        );
      }
      delayMsOf.set(outcome.id, delayMs);
    }
    const returning: Returning<Body>[] = [];
    for (const message of batch.messages) {
      const delayMs = delayMsOf.get(message.id) ?? null;
      if (delayMs !== null && message.batch === batch) returning.push({ message, delayMs });
    }
    return returning;
  }

  function everyMessage(batch: Batch<Body>, delayMs: number): Returning<Body>[] {
    return batch.messages
      .filter((message) => message.batch === batch)
      .map((message) => ({ message, delayMs: Math.max(0, delayMs) }));
  }

  function onVisibilityOver(batch: Batch<Body>): void {
    report(new Error(`queue ${name}: the handler has not answered within ${visibilityMs} ms`), batch);
    end(batch, everyMessage(batch, 0));
  }

  function end(batch: Batch<Body>, returning: readonly Returning<Body>[]): void {
    if (!batch.isOpen) return;
    batch.isOpen = false;
    let count = 0;
    for (const message of batch.messages) {
      if (message.batch !== batch) continue;
      message.batch = null;
      count += 1;
    }
    messagesInFlight -= count;
    batchesInFlight -= 1;
    shelf.settle(batch.messages, returning);
    deadlines.ended();
    wake();
    tellWaiters();
  }

  function showAgainAfter(delayMs: number, batch: Batch<Body>, message: Message<Body> | undefined): void {
    later(delayMs, () => {
      if (message === undefined || message.batch !== batch) return;
      message.batch = null;
      messagesInFlight -= 1;
      shelf.settle([], [{ message, delayMs: 0 }]);
    });
  }

  function report(error: unknown, { messages }: Batch<Body>): void {
    settings.onHandlerError(error, { queue: name, messageIds: messages.map((message) => message.id) });
  }

  // ---- Dead letters

  function buryIfSpent(message: Message<Body>): boolean {
    if (message.receiveCount < receivesMax) return false;
    bury(message, 'received');
    return true;
  }

  function bury({ id, body, group, receiveCount }: Message<Body>, cause: DeadLetter<Body>['cause']): void {
    const letter = { queue: name, id, body, group, receiveCount, cause, at: clock.now() };
    deadLetters.push(letter);
    if (deadLetters.size() > deadLettersMax) deadLetters.shift();
    settings.onDeadLetter?.(letter);
  }

  function redrive(): number {
    const letters = deadLetters.items();
    deadLetters.clear();
    for (const letter of letters) {
      messagesMade += 1;
      shelf.add(newMessage(`${name}-${messagesMade}`, letter), 0);
    }
    return letters.length;
  }

  // ---- Waiting and ending

  /** Not in a closed queue: what comes back there would not be delivered, and the timer would hold up the process. */
  function later(delayMs: number, task: () => void): void {
    if (isClosed) return;
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      task();
      tellWaiters();
    });
    timers.add(cancel);
  }

  function isIdle(): boolean {
    return shelf.waiting() === 0 && messagesInFlight === 0;
  }

  function tellWaiters(): void {
    if (onceIdle.length > 0 && isIdle()) onceIdle = callAll(onceIdle);
    if (onceStopped.length > 0 && batchesInFlight === 0) onceStopped = callAll(onceStopped);
  }

  return {
    name,
    fifo,
    publish,
    consume,
    close() {
      isClosed = true;
      for (const cancel of timers) cancel();
      timers.clear();
      return new Promise((resolve) => {
        onceStopped.push(resolve);
        tellWaiters();
      });
    },
    depth: () => ({
      waiting: shelf.waiting(),
      inFlight: messagesInFlight,
      delayed: shelf.delayed(),
      deadLetters: deadLetters.size(),
    }),
    deadLetters: deadLetters.items,
    redrive,
    idle: () =>
      new Promise((resolve) => {
        onceIdle.push(resolve);
        tellWaiters();
      }),
  };
}

function callAll(callbacks: readonly (() => void)[]): [] {
  for (const callback of callbacks) callback();
  return [];
}

// ---- Checks

interface Bound {
  setting: 'visibilityMs' | 'receivesMax' | 'batchSizeMax' | 'concurrency';
  min: number;
  max: number;
}

function checkSettings<Body>(settings: QueueSettings<Body>): void {
  const bounds: Bound[] = [
    { setting: 'visibilityMs', min: 1, max: visibilityMsMax },
    { setting: 'receivesMax', min: 1, max: 1_000 },
    { setting: 'batchSizeMax', min: 1, max: settings.fifo ? fifoBatchSizeMax : standardBatchSizeMax },
    { setting: 'concurrency', min: 1, max: 1_000 },
  ];
  for (const { setting, min, max } of bounds) {
    const value = settings[setting];
    if (Number.isInteger(value) && value >= min && value <= max) continue;
    throw new RangeError(
      `queue ${settings.name}: ${setting} is ${value}; allowed is a whole number from ${min} to ${max}`,
    );
  }
}

function checkMessage<Body>(queue: { name: string; fifo: boolean }, message: OutgoingMessage<Body>): void {
  const { group, delayMs = 0 } = message;
  if (queue.fifo && !group) {
    throw new RangeError(`queue ${queue.name}: a message without a group; give one, as the queue is FIFO`);
  }
  if (queue.fifo && delayMs !== 0) {
    throw new RangeError(
      `queue ${queue.name}: a message with a delay of ${delayMs} ms; a FIFO queue has none: set a timer instead`,
    );
  }
  if (!(delayMs >= 0 && delayMs <= publishDelayMsMax)) {
    throw new RangeError(
      `queue ${queue.name}: a message with a delay of ${delayMs} ms; allowed is 0 to ${publishDelayMsMax}`,
    );
  }
}
