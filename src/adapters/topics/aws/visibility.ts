import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Clock, EpochMs } from '../../../ports/clock.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import { retryMsMax } from './outcomes.ts';

/** A message in hand and the time until it shall be seen again, from now on. */
export interface Returning {
  receiptHandle: string;
  delayMs: number;
}

export interface VisibilityDeps {
  client: SQSClient;
  queueUrl: string;
  queue: string;
  clock: Clock;
  telemetry: Telemetry;
}

const messagesPerCallMax = 10;

/**
 * The twelve hours count from the receive, which is before the function began: by no more than the mapping's window
 * and Lambda's own way, for which a minute is ample.
 */
const receivedBeforeMsMax = 60_000;

/**
 * Lets messages be seen again when their delay is over, instead of when the queue's visibility time is. It never
 * throws: what could not be changed comes back at the visibility time.
 */
export async function seenAgain(
  deps: VisibilityDeps,
  beganAt: EpochMs,
  returning: readonly Returning[],
): Promise<void> {
  const secondsMax = Math.floor((retryMsMax - receivedBeforeMsMax - (deps.clock.now() - beganAt)) / 1_000);
  const calls: Promise<void>[] = [];
  for (let from = 0; from < returning.length; from += messagesPerCallMax) {
    calls.push(changeBatch(deps, returning.slice(from, from + messagesPerCallMax), secondsMax));
  }
  await Promise.all(calls);
}

async function changeBatch(
  { client, queueUrl, queue, telemetry }: VisibilityDeps,
  batch: readonly Returning[],
  secondsMax: number,
): Promise<void> {
  const entries = batch.map(({ receiptHandle, delayMs }, index) => ({
    Id: String(index),
    ReceiptHandle: receiptHandle,
    VisibilityTimeout: Math.max(0, Math.min(Math.ceil(delayMs / 1_000), secondsMax)),
  }));
  try {
    const { Failed = [] } = await client.send(
      new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
    );
    for (const { Code = 'unknown', Message = '' } of Failed) tell(`${Code}: ${Message}`);
  } catch (error) {
    tell(String(error));
  }

  function tell(reason: string): void {
    telemetry.log('warn', 'a retry comes at the visibility time, not at its own', { queue, reason });
  }
}
