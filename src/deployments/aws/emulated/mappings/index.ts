// Lambda's event source mappings, run here: those of the deployed functions, as they were deployed. The emulator has a
// runner of its own, which handles one batch at a time over all queues, tries a stream's batch for ever and knows no
// partial failures; the deployer switches it off.

import type { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import {
  type EventSourceMappingConfiguration,
  type LambdaClient,
  paginateListEventSourceMappings,
} from '@aws-sdk/client-lambda';
import { GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { createPoller } from '../../../../adapters/topics/aws/index.ts';
import type { Clock, Random } from '../../../../ports/clock.ts';
import { invokeOf } from './invoke.ts';
import { type Mapping, mappingOf } from './settings.ts';
import { startTableStream } from './table-stream.ts';

export interface MappingsDeps {
  lambda: LambdaClient;
  sqs: SQSClient;
  streams: DynamoDBStreamsClient;
  clock: Clock;
  random: Random;
  onError(functionName: string, error: unknown): void;
  /** Batches of a queue at one time, where its mapping allows more: each is a process on this machine. */
  concurrencyMax: number;
}

export interface Mappings {
  /** Records of streams that are read and not done with; of queues, the queues know. */
  left(): number;
  /** Resolves when no call is at work. */
  stop(): Promise<void>;
}

/** Every mapping of the account and region: an emulator has one deployment. */
export async function startMappings(deps: MappingsDeps): Promise<Mappings> {
  const { lambda, sqs, streams, clock, random } = deps;
  const started = await Promise.all((await listMappings(lambda)).map(start));

  async function start(mapping: Mapping): Promise<{ left(): number; stop(): Promise<void> }> {
    const invoke = invokeOf(lambda, mapping.functionName);
    const onError = (error: unknown) => deps.onError(mapping.functionName, error);
    if (mapping.kind === 'stream') {
      return startTableStream({ mapping, streams, sqs, invoke, urlOf, clock, onError });
    }
    const { batchSizeMax } = mapping;
    const concurrency = Math.min(mapping.concurrency, deps.concurrencyMax);
    const queueUrl = await urlOf(mapping.queueArn);
    const poller = await createPoller({
      ...{ client: sqs, queueUrl, batchSizeMax, concurrency, invoke, clock, random, onError },
    });
    poller.start();
    return { left: () => 0, stop: poller.stop };
  }

  async function urlOf(queueArn: string): Promise<string> {
    const QueueName = queueArn.split(':').at(-1) ?? '';
    const { QueueUrl = '' } = await sqs.send(new GetQueueUrlCommand({ QueueName }));
    return QueueUrl;
  }

  return {
    left: () => started.reduce((sum, one) => sum + one.left(), 0),
    async stop() {
      await Promise.all(started.map((one) => one.stop()));
    },
  };
}

async function listMappings(client: LambdaClient): Promise<Mapping[]> {
  const found: EventSourceMappingConfiguration[] = [];
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client }, {})) {
    found.push(...EventSourceMappings);
  }
  return found.map(mappingOf);
}
