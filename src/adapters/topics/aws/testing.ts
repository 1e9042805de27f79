// SNS and SQS of MiniStack, for the port's contract: on handed-in time, each queue with a poller in Lambda's place.

import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Clock, EpochMs, Random } from '../../../ports/clock.ts';
import type { ContractBody, QueueFixture } from '../../../ports/queue.contract.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import { contentOf } from './body.ts';
import { handleSqsEvent } from './consume.ts';
import { createPoller, type Poller } from './poller.ts';
import { createSqsQueue } from './queue.ts';
import { createSnsTopic } from './topic.ts';

export interface Clients {
  sns: SNSClient;
  sqs: SQSClient;
  /** Calls that have not been answered. */
  inFlight(): number;
  /** Calls so far, by name. */
  calls: Map<string, number>;
  end(): void;
}

/** What an emulator asks for; it checks nothing. */
export const emulatorConfig = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

export function createClients(endpoint: string): Clients {
  const sns = new SNSClient({ ...emulatorConfig, endpoint });
  const sqs = new SQSClient({ ...emulatorConfig, endpoint });
  const calls = new Map<string, number>();
  let inFlight = 0;
  const counting =
    <Args, Answer>(next: (args: Args) => Promise<Answer>, { commandName = '' }: { commandName?: string }) =>
    async (args: Args): Promise<Answer> => {
      calls.set(commandName, (calls.get(commandName) ?? 0) + 1);
      inFlight += 1;
      try {
        return await next(args);
      } finally {
        inFlight -= 1;
      }
    };
  sns.middlewareStack.add(counting, { step: 'initialize', priority: 'high', name: 'counting' });
  sqs.middlewareStack.add(counting, { step: 'initialize', priority: 'high', name: 'counting' });
  return {
    sns,
    sqs,
    inFlight: () => inFlight,
    calls,
    end() {
      sns.destroy();
      sqs.destroy();
    },
  };
}

/** Time that passes only when it is told to: for this process, and set for the emulator too. */
interface TestTime extends Clock {
  run(untilMs: EpochMs): Promise<number>;
  nextAt(): EpochMs | null;
}

export interface FixtureSettings {
  clients: Clients;
  clock: TestTime;
  random: Random;
  telemetry: Telemetry;
  /** Of topics and queues: they stay. */
  prefix: string;
  /** Hands the emulator its time. */
  setTime(epochMs: number): void;
  /** Whether SNS delivers a message as it is, or in its envelope. */
  raw: boolean;
}

/** SQS counts visibility and delays in whole seconds, and so does the contract. */
const stepMs = 1_000;

/** No call of the contract is at work longer. */
const longestMs = 10 * 60_000;

/** Turns of the event loop without a call, after which nothing but time can bring one. */
const quietTurns = 4;

export function createEmulatorFixture(settings: FixtureSettings): QueueFixture {
  const { clients, clock, random, telemetry, prefix, raw } = settings;
  const { sns, sqs } = clients;
  const starting: Promise<Poller>[] = [];
  const pollers: Poller[] = [];
  let madeCount = 0;
  settings.setTime(clock.now());

  async function createQueue(name: string, attributes: Record<string, string>) {
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName: name, Attributes: attributes }),
    );
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
    );
    return { url: QueueUrl, arn: Attributes?.['QueueArn'] ?? '' };
  }

  /** Until every call is answered and what followed from the answers has been done. */
  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns; quiet += 1) {
      await turnOfEventLoop();
      if (clients.inFlight() > 0) quiet = -1;
    }
  }

  /** All that can be done without a further second. */
  async function doAllNow(): Promise<void> {
    pollers.push(...(await Promise.all(starting.splice(0))));
    for (let isDoing = true; isDoing; ) {
      await settle();
      const timersRun = await clock.run(clock.now());
      await settle();
      let received = 0;
      for (const poller of pollers) received += await receiveAll(poller);
      isDoing = timersRun + received > 0;
    }
  }

  return {
    now: clock.now,
    sleep: clock.sleep,
    async advance(ms) {
      const until = clock.now() + ms;
      await doAllNow();
      while (clock.now() < until) {
        const next = Math.min(until, clock.now() + stepMs, clock.nextAt() ?? until);
        settings.setTime(next);
        await clock.run(next);
        await doAllNow();
      }
    },
    async end() {
      const stopped = Promise.all(pollers.map((poller) => poller.stop()));
      // A handler that is still at work has its time to end.
      await clock.run(clock.now() + longestMs);
      await stopped;
    },
    async createTopic({ fifo }) {
      const suffix = fifo ? '.fifo' : '';
      const { TopicArn: topicArn = '' } = await sns.send(
        new CreateTopicCommand({
          Name: `${prefix}${suffix}`,
          ...(fifo ? { Attributes: { FifoTopic: 'true' } } : {}),
        }),
      );
      const topic = createSnsTopic<ContractBody>({ client: sns, topicArn, fifo, clock, random });
      return {
        publish: topic.publish,
        async subscribe({ visibilityMs, receivesMax, batchSizeMax, concurrency }, policy) {
          madeCount += 1;
          const name = `${prefix}-${madeCount}`;
          const kind: Record<string, string> = fifo ? { FifoQueue: 'true' } : {};
          const dead = await createQueue(`${name}-dead${suffix}`, kind);
          const { url: queueUrl, arn } = await createQueue(`${name}${suffix}`, {
            ...kind,
            VisibilityTimeout: String(visibilityMs / 1_000),
            RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: receivesMax }),
          });
          await sns.send(
            new SubscribeCommand({
              TopicArn: topicArn,
              Protocol: 'sqs',
              Endpoint: arn,
              Attributes: {
                RawMessageDelivery: String(raw),
                ...(policy ? { FilterPolicy: JSON.stringify(policy) } : {}),
              },
            }),
          );
          const queue = createSqsQueue<ContractBody>({ client: sqs, queueUrl, fifo, clock, random });
          return {
            publish: queue.publish,
            consume(handler) {
              const deps = { client: sqs, queueUrl, queue: name, clock, telemetry, parse: asContractBody };
              starting.push(
                createPoller({
                  ...{ client: sqs, queueUrl, batchSizeMax, concurrency, clock, random, onError: () => {} },
                  invoke: handleSqsEvent(deps, handler),
                }),
              );
            },
            async deadLetters() {
              return (await peek(sqs, dead.url)).map(bodyOf);
            },
            async redrive() {
              for (const message of await peek(sqs, dead.url)) {
                await queue.publish([{ body: bodyOf(message), ...(fifo ? { group: 'g' } : {}) }]);
                await sqs.send(
                  new DeleteMessageCommand({ QueueUrl: dead.url, ReceiptHandle: message.ReceiptHandle }),
                );
              }
            },
          };
        },
      };
    },
  };
}

async function receiveAll(poller: Poller): Promise<number> {
  let sum = 0;
  for (let count = await poller.receive(); count > 0; count = await poller.receive()) sum += count;
  return sum;
}

/** At most ten, and they stay. */
async function peek(sqs: SQSClient, queueUrl: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
  );
  return Messages;
}

/** Unchecked: a dead letter may be what could not be read. */
function bodyOf({ Body = '' }: Message): ContractBody {
  return contentOf(Body) as ContractBody;
}

function asContractBody(value: unknown): ContractBody {
  if (typeof value !== 'object' || value === null || !('n' in value))
    throw new TypeError('no body of the contract');
  return value as ContractBody;
}

/**
 * Answers a client's calls in AWS's place, after the SDK has checked them: for what an emulator does not do. An error
 * is thrown as AWS's would be when the SDK has given up.
 */
export function answerInstead(
  client: SNSClient | SQSClient,
  answer: (command: string, input: Readonly<Record<string, unknown>>) => Promise<object>,
): void {
  const answering =
    (_next: unknown, { commandName = '' }: { commandName?: string }) =>
    async ({ input }: { input: object }) => ({
      response: undefined,
      output: {
        ...(await answer(commandName, input as Readonly<Record<string, unknown>>)),
        $metadata: {},
      },
    });
  const at = { step: 'initialize', priority: 'low', name: 'answerInstead' } as const;
  if (client instanceof SNSClient) client.middlewareStack.add(answering, at);
  else client.middlewareStack.add(answering, at);
}

/**
 * Lets the next `count` calls of this name do their work and lose their answers on the way, as a broken connection
 * does: the SDK tries again.
 */
export function loseAnswers(
  client: SNSClient | SQSClient,
  command: string,
  count: number,
): { lost(): number } {
  let lost = 0;
  const losing =
    <Args, Answer>(next: (args: Args) => Promise<Answer>, { commandName }: { commandName?: string }) =>
    async (args: Args): Promise<Answer> => {
      const answer = await next(args);
      if (commandName !== command || lost === count) return answer;
      lost += 1;
      throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    };
  // Inside the SDK's tries.
  const at = { step: 'finalizeRequest', priority: 'low', name: 'loseAnswers' } as const;
  if (client instanceof SNSClient) client.middlewareStack.add(losing, at);
  else client.middlewareStack.add(losing, at);
  return { lost: () => lost };
}
