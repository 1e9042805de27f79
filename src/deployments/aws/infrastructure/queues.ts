// Queues, each with one for its dead letters. All are encrypted and speak TLS alone.

import type { IKey } from 'aws-cdk-lib/aws-kms';
import { DeduplicationScope, FifoThroughputLimit, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Duration, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { type FunctionKind, functions, publisherVisibilitySeconds, type QueueKind } from '../functions.ts';

export interface QueueWithDeadLetters {
  queue: Queue;
  deadLetters: Queue;
}

export interface QueueProps {
  kind: QueueKind;
  /** The function whose queue it is. */
  of: FunctionKind;
  encryptionKey: IKey | null;
}

/** The most that SQS keeps a message for: time for people to look. */
const deadLetterDays = 14;

/** A message stays unseen while its function may still be at it, or wait for its turn. [AWS: Lambda with SQS] */
const visibilityPerTimeout = 6;

/** Five is the least that AWS advises with Lambda: a throttled call counts as a try. */
const receivesMax = 5;

/** The Publisher's come back sooner, so as many tries again last as long; what is dropped is still marked in the table. */
const publisherReceivesMax = 8;

export function createQueue(scope: Construct, { kind, of, encryptionKey }: QueueProps): QueueWithDeadLetters {
  const fifo = kind === 'publisher';
  const deadLetters = createPlainQueue(scope, 'DeadLetters', { fifo, encryptionKey, days: deadLetterDays });
  const { timeoutSeconds } = functions[of];
  const queue = new Queue(scope, 'Queue', {
    ...protection(encryptionKey),
    // A group for each host, each with its own order and its own pace; ids of messages name their host.
    ...(fifo && highThroughput),
    visibilityTimeout: Duration.seconds(
      fifo ? publisherVisibilitySeconds : visibilityPerTimeout * timeoutSeconds,
    ),
    deadLetterQueue: { queue: deadLetters, maxReceiveCount: fifo ? publisherReceivesMax : receivesMax },
  });
  return { queue, deadLetters };
}

/** Where the stream's records go that could not be handled: pointers to them, since a stream keeps the records. */
export function createFailureQueue(scope: Construct, encryptionKey: IKey | null): Queue {
  const queue = createPlainQueue(scope, 'Failures', { fifo: false, encryptionKey, days: deadLetterDays });
  Validations.of(queue).acknowledge({
    id: 'AwsSolutions-SQS3',
    reason: 'It is a dead-letter queue itself, of a stream: no function reads it, so nothing fails there.',
  });
  return queue;
}

function createPlainQueue(
  scope: Construct,
  id: string,
  { fifo, encryptionKey, days }: { fifo: boolean; encryptionKey: IKey | null; days: number },
): Queue {
  return new Queue(scope, id, {
    ...protection(encryptionKey),
    ...(fifo && { fifo }),
    retentionPeriod: Duration.days(days),
  });
}

const highThroughput = {
  fifo: true,
  deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
  fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
};

function protection(encryptionKey: IKey | null) {
  return {
    enforceSSL: true,
    ...(encryptionKey
      ? {
          encryption: QueueEncryption.KMS,
          encryptionMasterKey: encryptionKey,
          dataKeyReuse: Duration.hours(1),
        }
      : { encryption: QueueEncryption.SQS_MANAGED }),
  };
}
