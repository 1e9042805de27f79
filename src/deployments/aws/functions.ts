// Every function of the deployment, as data: what starts it, what it may touch, and how long it may take. The bundler,
// the infrastructure, the permissions and the tests all read this table, so that they can not differ.
//
//   doors         webhook, claim, milestones      routes of the HTTP API
//                 hostEvents                      rules of EventBridge, as the hosts want them
//   Messenger     messenger, gatherer             the table's stream: at once; what can wait a moment, together
//                 waker                           the timer's queue
//   Publisher     publisher                       FIFO queue of the Publisher Topic, a group for each host
//   Orchestrator  launcher, terminator            one for each host and operating system, each with a queue
//   Reconciler    tick, steps, asks               each minute; the queue of steps; orders to ask, of the Jobs Topic
//   traces        tracer                          the queue of spans, where traces are kept
//   images        images                          each hour, and each deploy, where a host has its images built
//   deploy        setUp                           CloudFormation, for hosts that have to be set up where it can not reach

import { calmWindowSeconds } from '../../adapters/jobs-tables/dynamodb/changes.ts';

export const functionKinds = [
  'webhook',
  'claim',
  'milestones',
  'hostEvents',
  'messenger',
  'gatherer',
  'waker',
  'publisher',
  'launcher',
  'terminator',
  'tick',
  'steps',
  'asks',
] as const;

/** Where traces are kept, and only there. */
export const tracingKinds = ['tracer'] as const;

/** Where a host has its images built, and only there. */
export const imageKinds = ['images'] as const;

/** For hosts that want one, and only there. */
export const setUpKinds = ['setUp'] as const;

export type FunctionKind =
  | (typeof functionKinds)[number]
  | (typeof tracingKinds)[number]
  | (typeof imageKinds)[number]
  | (typeof setUpKinds)[number];

/** Queues of the deployment; `launch` and `terminate` once for each host and operating system. */
export type QueueKind = 'publisher' | 'timer' | 'launch' | 'terminate' | 'steps' | 'asks' | 'traces';

type Trigger =
  | { kind: 'route'; method: 'POST'; path: string; ratePerSecond: number; burst: number }
  /** Changes that are `calm`, or those that are not; gathered for so long. */
  | { kind: 'stream'; calm: boolean; batchSizeMax: number; windowSeconds: number }
  | { kind: 'queue'; queue: QueueKind; batchSizeMax: number; concurrencyMax: number | null }
  | { kind: 'schedule'; everyMinutes: number }
  | { kind: 'events' }
  | { kind: 'deploy' };

export interface FunctionSpec {
  /** For people: the description of the function. */
  says: string;
  trigger: Trigger;
  memoryMb: number;
  timeoutSeconds: number;
  /** What it does to the table; an action on an index is `Query` on it. No function may `Scan`. */
  table: readonly TableAction[];
  /** What it sends to. */
  sends: readonly ('publisherTopic' | 'jobsTopic' | 'timer' | 'steps')[];
  /** Which secret it may read: the one that webhooks are signed with, or the App's key. */
  secret: 'webhook' | 'app' | null;
  /** Hosts that it calls: none, that of its queue, or every one. */
  hosts: 'none' | 'own' | 'all';
  /**
   * What Lambda does with an invocation that stands in the 16th round of functions which start one another by SNS and
   * SQS. `Allow` where rounds are the normal case, and something else bounds them; `Terminate`, its default, where there
   * are none, so that one is a mistake. [AWS: Use Lambda recursive loop detection]
   */
  recursiveLoop: 'Allow' | 'Terminate';
}

type TableAction = 'GetItem' | 'BatchGetItem' | 'Query' | 'PutItem' | 'UpdateItem' | 'DeleteItem';

/**
 * How long a batch of the publisher's queue is in hand before it comes back. Other queues have six times their
 * function's time, as AWS advises; here a killed run stands before its whole host, so it is as short as it may be for
 * a function of 10 s with room for a throttled start: the host waits 70 s at most.
 */
export const publisherVisibilitySeconds = 60;

/** Facts about single items, as doors and the Orchestrator write them. */
const facts: readonly TableAction[] = ['GetItem', 'BatchGetItem', 'PutItem', 'UpdateItem'];
const everything: readonly TableAction[] = [...facts, 'Query', 'DeleteItem'];

/**
 * A share of a virtual processor comes with the memory: 1,769 MB are a whole one. With less than 512 MB a function
 * spends longer on its start than on its work. [AWS: Configure Lambda function memory]
 */
const memoryMb = 512;

export const functions: Readonly<Record<FunctionKind, FunctionSpec>> = {
  webhook: {
    says: "The Producer's first door: GitHub's webhook",
    // A matrix of 256 jobs makes as many events at once, and a large organisation has several.
    trigger: { kind: 'route', method: 'POST', path: '/webhooks/github', ratePerSecond: 500, burst: 1000 },
    memoryMb,
    // GitHub gives up after 10 s. [GitHub: Best practices for using webhooks]
    timeoutSeconds: 9,
    table: facts,
    sends: [],
    secret: 'webhook',
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  claim: {
    says: 'The door at which a machine asks for its just-in-time configuration',
    trigger: { kind: 'route', method: 'POST', path: '/runners/claim', ratePerSecond: 100, burst: 200 },
    memoryMb,
    timeoutSeconds: 25,
    table: facts,
    sends: [],
    secret: 'app',
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  milestones: {
    says: 'The door for what a machine says about itself',
    trigger: { kind: 'route', method: 'POST', path: '/runners/milestones', ratePerSecond: 100, burst: 200 },
    memoryMb,
    timeoutSeconds: 9,
    table: facts,
    sends: [],
    secret: null,
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  hostEvents: {
    says: 'The door for what hosts say about their machines, by EventBridge',
    trigger: { kind: 'events' },
    memoryMb,
    timeoutSeconds: 20,
    table: facts,
    sends: [],
    secret: null,
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  messenger: {
    says: 'Turns what changed in the table into notifications',
    trigger: { kind: 'stream', calm: false, batchSizeMax: 100, windowSeconds: 0 },
    memoryMb,
    timeoutSeconds: 20,
    table: [],
    sends: ['publisherTopic'],
    secret: null,
    hosts: 'none',
    // What it tells of may be what a run of the Publisher caused, for as long as a burst lasts.
    recursiveLoop: 'Allow',
  },
  gatherer: {
    says: 'The Messenger for changes that order nothing by themselves: it tells of those of a moment together',
    trigger: { kind: 'stream', calm: true, batchSizeMax: 500, windowSeconds: calmWindowSeconds },
    memoryMb,
    timeoutSeconds: 20,
    table: [],
    sends: ['publisherTopic'],
    secret: null,
    hosts: 'none',
    recursiveLoop: 'Allow',
  },
  waker: {
    says: 'Tells a host that its time has come',
    trigger: { kind: 'queue', queue: 'timer', batchSizeMax: 10, concurrencyMax: 2 },
    memoryMb,
    timeoutSeconds: 20,
    table: [],
    sends: ['publisherTopic', 'timer'],
    secret: null,
    hosts: 'none',
    // A timer may wake the Publisher, which arms the next, for days. Each waits for time to pass.
    recursiveLoop: 'Allow',
  },
  publisher: {
    says: 'Counts, plans, commits, and orders',
    // FIFO takes ten at most, and one batch of a group at a time. [AWS: Using Lambda with Amazon SQS]
    trigger: { kind: 'queue', queue: 'publisher', batchSizeMax: 10, concurrencyMax: null },
    memoryMb: 1024,
    // It stops by itself after 6 s. A killed one delays its host by this and the queue's 60 s.
    timeoutSeconds: 10,
    table: everything,
    sends: ['publisherTopic', 'jobsTopic', 'timer'],
    secret: null,
    hosts: 'none',
    // A long burst is paced by its own notifications; after a few without a commit between, it stops itself.
    recursiveLoop: 'Allow',
  },
  launcher: {
    says: 'Launches runners',
    trigger: { kind: 'queue', queue: 'launch', batchSizeMax: 10, concurrencyMax: 10 },
    memoryMb,
    // At least the lease, within which every call to the host ends.
    timeoutSeconds: 40,
    table: facts,
    sends: [],
    secret: 'app',
    hosts: 'own',
    recursiveLoop: 'Terminate',
  },
  terminator: {
    says: 'Ends runners: at GitHub first, then at their host',
    trigger: { kind: 'queue', queue: 'terminate', batchSizeMax: 10, concurrencyMax: 10 },
    memoryMb,
    timeoutSeconds: 40,
    table: facts,
    sends: [],
    secret: 'app',
    hosts: 'own',
    recursiveLoop: 'Terminate',
  },
  tick: {
    says: 'The Reconciler, each minute: says which steps there are to do',
    trigger: { kind: 'schedule', everyMinutes: 1 },
    memoryMb,
    timeoutSeconds: 20,
    table: ['GetItem', 'BatchGetItem', 'Query', 'PutItem'],
    sends: ['steps', 'publisherTopic'],
    secret: null,
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  steps: {
    says: "The Reconciler's steps: deadlines, and looks at what is really there",
    trigger: { kind: 'queue', queue: 'steps', batchSizeMax: 1, concurrencyMax: 4 },
    memoryMb,
    // A list of many runners takes a call for each hundred.
    timeoutSeconds: 60,
    table: [...facts, 'Query'],
    sends: ['publisherTopic', 'jobsTopic', 'steps'],
    secret: 'app',
    hosts: 'all',
    // A step may plant the next, at most one for each tick; what it writes may wake the Publisher.
    recursiveLoop: 'Allow',
  },
  asks: {
    says: 'Asks GitHub what became of a job',
    trigger: { kind: 'queue', queue: 'asks', batchSizeMax: 10, concurrencyMax: 4 },
    memoryMb,
    timeoutSeconds: 60,
    table: facts,
    sends: [],
    secret: 'app',
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  tracer: {
    says: 'Takes spans of traces to where they are looked at',
    trigger: { kind: 'queue', queue: 'traces', batchSizeMax: 10, concurrencyMax: 2 },
    memoryMb,
    // A back end that is slower than 8 s is asked again later.
    timeoutSeconds: 20,
    table: [],
    sends: [],
    secret: null,
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  images: {
    says: 'Keeps images of machines new: has them built when GitHub releases a runner, and when they are old',
    // GitHub releases a runner every few weeks, and takes days to hand it out: an hour is soon.
    trigger: { kind: 'schedule', everyMinutes: 60 },
    memoryMb,
    timeoutSeconds: 60,
    table: [],
    sends: [],
    secret: null,
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
  setUp: {
    says: 'Sets a host up at a deploy, and takes that back',
    trigger: { kind: 'deploy' },
    memoryMb,
    // What was just permitted is known everywhere after a minute or two, and a namespace may take some to end.
    timeoutSeconds: 600,
    table: [],
    sends: [],
    secret: null,
    hosts: 'none',
    recursiveLoop: 'Terminate',
  },
};
