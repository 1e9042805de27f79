// Sends messages in as few calls as SNS and SQS allow: ten to a call, and 256 KiB.
//
// An answer of 200 may hold failures: each message has its own outcome, and what the answer does not name as sent was
// not sent. Failures that time may heal are tried again, a bounded number of times; those of the sender never. A call
// that fails as a whole was tried again by the SDK already. A message may have been sent though its answer was lost:
// it then comes twice, unless FIFO, where its deduplication id lets it in once.
//
// In FIFO, one call follows the other, so that order holds between calls; within a call a message that fails while a
// later one of its group does not comes after it. Who can not bear that sends one message at a time.

import type { Clock, Random } from '../../../ports/clock.ts';
import { type Outgoing, sizeBytesMax, type Target } from './outgoing.ts';

/** What the answer to one call said. Ids are the places in the call, from '0' on. */
interface BatchAnswer {
  Successful?: readonly { Id?: string | undefined }[] | undefined;
  Failed?:
    | readonly {
        Id?: string | undefined;
        Code?: string | undefined;
        Message?: string | undefined;
        SenderFault?: boolean | undefined;
      }[]
    | undefined;
}

export interface Sending {
  target: Target;
  clock: Clock;
  random: Random;
  /** One call, with at most ten messages. */
  call(batch: readonly Outgoing[]): Promise<BatchAnswer>;
}

const messagesPerCallMax = 10;

/** Calls at one time to a standard target: enough that a burst of a hundred orders waits for three calls, not ten. */
const callsAtOnceMax = 4;

/** Tries for a message: with the waits below it is over within 1.5 s, well inside a Publisher's 6 s. */
const triesMax = 4;
const waitMsMin = 100;
const waitMsMax = 800;

export async function sendAll(sending: Sending, messages: readonly Outgoing[]): Promise<void> {
  const batches = batchesOf(messages);
  const failures: Failure[] = [];
  const sendNext = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      failures.push(...(await sendBatch(sending, batch)));
      // What follows in FIFO must not overtake what failed.
      if (sending.target.fifo && failures.length > 0) return;
    }
  };
  const callsAtOnce = sending.target.fifo ? 1 : Math.min(callsAtOnceMax, batches.length);
  await Promise.all(Array.from({ length: callsAtOnce }, sendNext));
  const [first] = failures;
  if (first === undefined) return;
  const unsentCount = failures.length + batches.reduce((sum, batch) => sum + batch.length, 0);
  throw new Error(
    `${sending.target.name}: ${unsentCount} of ${messages.length} messages may not have been sent (${first.why}); ` +
      'send all again: who handles them bears repeats',
    { cause: first.cause },
  );
}

interface Failure {
  message: Outgoing;
  why: string;
  /** Trying again can not help. */
  isFinal: boolean;
  cause: unknown;
}

/** What could not be sent, after all tries. */
async function sendBatch(sending: Sending, batch: readonly Outgoing[]): Promise<Failure[]> {
  const final: Failure[] = [];
  let failed = await callOnce(sending, batch);
  for (let tries = 1; ; tries += 1) {
    final.push(...failed.filter(({ isFinal }) => isFinal));
    failed = failed.filter(({ isFinal }) => !isFinal);
    if (failed.length === 0 || tries === triesMax) return [...final, ...failed];
    await sending.clock.sleep(waitMs(tries, sending.random));
    failed = await callOnce(
      sending,
      failed.map(({ message }) => message),
    );
  }
}

async function callOnce(sending: Sending, batch: readonly Outgoing[]): Promise<Failure[]> {
  let answer: BatchAnswer;
  try {
    answer = await sending.call(batch);
  } catch (cause) {
    const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    return batch.map((message) => ({ message, why, isFinal: true, cause }));
  }
  const sent = new Set(answer.Successful?.map(({ Id }) => Id));
  return batch.flatMap((message, index): Failure[] => {
    const id = String(index);
    if (sent.has(id)) return [];
    const { Code = 'NotAnswered', Message, SenderFault } = answer.Failed?.find(({ Id }) => Id === id) ?? {};
    const why = Message ? `${Code}: ${Message}` : Code;
    // A key of KMS that is asked too often is the sender's fault in AWS's eyes, and passes.
    const isFinal = SenderFault === true && !/throttl/i.test(Code);
    return [{ message, why, isFinal, cause: undefined }];
  });
}

/** Doubling, and anywhere between nothing and that, so that those who failed together do not come together again. */
function waitMs(tries: number, random: Random): number {
  return random() * Math.min(waitMsMin * 2 ** tries, waitMsMax);
}

/** In order, each as full as it can be. */
function batchesOf(messages: readonly Outgoing[]): Outgoing[][] {
  const batches: Outgoing[][] = [];
  let batch: Outgoing[] = [];
  let sizeBytes = 0;
  for (const message of messages) {
    if (batch.length === messagesPerCallMax || sizeBytes + message.sizeBytes > sizeBytesMax) {
      batches.push(batch);
      batch = [];
      sizeBytes = 0;
    }
    batch.push(message);
    sizeBytes += message.sizeBytes;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
