// From counts of the shipped pipeline to what AWS charges for. Counted are: runs of each station, requests of the SDK by
// operation, and capacity units. Assumed, since no account is asked, is how long a request takes, and with it a run.

import { type FunctionKind, functions } from '../../src/deployments/aws/functions.ts';
import type { Usage } from './prices.ts';

export interface Counts {
  /** Runs by station, as the pipeline names it. */
  invocations: ReadonlyMap<string, number>;
  /** Requests by station and operation. */
  calls: ReadonlyMap<string, ReadonlyMap<string, number>>;
  readUnits: number;
  writeUnits: number;
}

/** Which function runs the station. */
const kinds: Readonly<Record<string, FunctionKind>> = {
  producer: 'webhook',
  claim: 'claim',
  milestones: 'milestones',
  hostEvents: 'hostEvents',
  messenger: 'messenger',
  waker: 'waker',
  publisher: 'publisher',
  launcher: 'launcher',
  terminator: 'terminator',
  tick: 'tick',
  reconciler: 'steps',
  asks: 'asks',
};

/**
 * One after the other, as AWS says them for a region: DynamoDB in single-digit milliseconds; SNS and SQS in tens. To it
 * comes what the SDK does with a third of a processor.
 */
const tableMs = 8;
const sendMs = 25;
/** Reading the event, checking a signature, writing the logs; on the same third of a processor. */
const ownMs = 6;
/** What stations wait for beside AWS's own services: GitHub for a claim, the host for a launch or a list. */
const elsewhereMs: Partial<Readonly<Record<FunctionKind, number>>> = {
  claim: 300,
  launcher: 1_000,
  terminator: 500,
};

/** One or two lines of metrics (200 to 350 bytes each), and the three that Lambda writes about each run, with 26 for each. */
const logBytesPerRun = 900;
/** The access log of the HTTP API, a line for each request. */
const logBytesPerRequest = 350;

/** SQS, for a queue that Lambda reads: a batch is received once and deleted once; its sending is counted where it is sent. */
const requestsPerBatch = 2;

/** Deliveries of SNS to SQS cost nothing at SNS; SQS counts each as a request. */
const requestsPerDelivery = 1;

export function usageOf({ invocations, calls, readUnits, writeUnits }: Counts): Usage {
  let requests = 0;
  let gigabyteSeconds = 0;
  let httpRequests = 0;
  let sqs = 0;
  let sqsFifo = 0;
  for (const [station, runs] of invocations) {
    const kind = kinds[station];
    if (kind === undefined)
      throw new Error(`no function runs the station ${station}: name it in ${import.meta.url}`);
    const { memoryMb, trigger } = functions[kind];
    requests += runs;
    gigabyteSeconds += (runs * runMs(kind, runs, calls.get(station)) * memoryMb) / 1_024 / 1_000;
    if (trigger.kind === 'route') httpRequests += runs;
    if (trigger.kind === 'queue' && trigger.queue === 'publisher') sqsFifo += runs * requestsPerBatch;
    else if (trigger.kind === 'queue') sqs += runs * requestsPerBatch;
  }
  const sent = (what: string) => [...calls.values()].reduce((all, one) => all + (one.get(what) ?? 0), 0);
  const publisherTopic = sent('Publish (Publisher Topic)');
  const jobsTopic = sent('Publish (Jobs Topic)');
  sqs += sent('SendMessage (timer)') + sent('SendMessage (steps)') + jobsTopic * requestsPerDelivery;
  sqsFifo += publisherTopic * requestsPerDelivery;
  return {
    lambdaRequests: requests,
    lambdaGbSecondsArm: gigabyteSeconds,
    httpApiRequests: httpRequests,
    dynamoDbReadUnits: readUnits,
    dynamoDbWriteUnits: writeUnits,
    snsPublishes: jobsTopic,
    snsFifoPublishes: publisherTopic,
    sqsRequests: sqs,
    sqsFifoRequests: sqsFifo,
    logGigabytes: (requests * logBytesPerRun + httpRequests * logBytesPerRequest) / 1e9,
  };
}

/** Milliseconds of all functions, for the same counts. */
export function lambdaMs({ invocations, calls }: Counts): number {
  return [...invocations].reduce((all, [station, runs]) => {
    const kind = kinds[station];
    return kind === undefined ? all : all + runs * runMs(kind, runs, calls.get(station));
  }, 0);
}

/** Of one run, with its share of the station's requests one after the other: the worst that they can be. */
function runMs(
  kind: FunctionKind,
  runs: number,
  operations: ReadonlyMap<string, number> = new Map(),
): number {
  let waitMs = 0;
  for (const [operation, count] of operations)
    waitMs += count * (operation.startsWith('Publish') || operation.startsWith('Send') ? sendMs : tableMs);
  return ownMs + (elsewhereMs[kind] ?? 0) + waitMs / runs;
}
