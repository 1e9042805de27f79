// The alarms, as a list. Each says what it means and names the section of the guide that says what to do.
//
// Whoever is told of too much listens to nothing. So one failed run, which the queue repeats, is no alarm; functions,
// which fail together when something beneath them does, tell by one composite alarm; and what has no data is in order,
// but for the age of the oldest waiting job: it is told each minute, so its silence means that nobody looks any more.

import {
  Alarm,
  type AlarmBase,
  AlarmRule,
  AlarmState,
  ComparisonOperator,
  CompositeAlarm,
  type IAlarmAction,
  type IMetric,
  MathExpression,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Duration } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { metrics as images } from '../../../../adapters/hosts/ec2/image-builder/metrics.ts';
import { metrics as publisher } from '../../../../flow/publisher/metrics.ts';
import { metrics as reconciler } from '../../../../flow/reconciler/metrics.ts';
import { type FunctionKind, functions } from '../../functions.ts';
import type { ObservabilityProps, WatchedFunction } from '../observability-stack.ts';
import { most, ofApi, ofFunction, ofQueue, told, total } from './measures.ts';

/** The guide; each section is the heading in lower case with hyphens. */
export const guide = 'docs/guides/operate-on-aws.md';

interface AlarmTerms {
  /** Construct id: a contract, since alarms are named by it. */
  id: string;
  says: string;
  /** Of the guide. */
  section: string;
  metric: IMetric;
  /** From this on it is wrong. */
  threshold: number;
  /** Wrong in so many of so many periods. */
  periods: readonly [wrong: number, of: number];
  missing?: TreatMissingData;
}

/** Failed runs of one function in five minutes. A single one is repeated by its queue, and harms nothing. */
const errorsMax = 3;
/** Of its time-out. Beyond it a function that works is nearly killed. */
const timeoutShare = 0.8;
/** Calls that Lambda refused in five minutes: a burst meets a few, and comes back. */
const throttlesMax = 10;
/** A change is told within a second; a minute late means that the stream is stuck. */
const iteratorAgeMsMax = 60_000;
/** An event may cross the look-up that finds its job anyway. */
const untoldPerHour = 3;
const stepFailuresMax = 5;
/** A build that fails once is tried again an hour later, and mostly succeeds. */
const failedBuildsMax = 2;
/** Runs of the hourly look at images that fail one after the other. GitHub's page may be away for an hour. */
const failedImageRunsMax = 6;
const apiErrorsMax = 3;
/** The rule of a composite alarm has 10,240 characters at most, and each alarm in it some 150. */
const childrenMax = 50;

const minuteMs = 60_000;
const hourMinutes = 60;

export function createAlarms(
  scope: Construct,
  props: ObservabilityProps,
  actions: readonly IAlarmAction[],
): readonly AlarmBase[] {
  const direct = [
    ...[...deadLetters(props), ...flow(props), ...perHost(props), ...doors(props)],
    ...builtImages(props),
  ].map((terms) => telling(createAlarm(scope, terms), actions));
  const quiet = new Construct(scope, 'Functions');
  const children = [...props.functions.flatMap(ofOneFunction), ...throttled(props.functions)].map((terms) =>
    createAlarm(quiet, terms),
  );
  return [...direct, ...composites(scope, children, actions)];
}

function createAlarm(scope: Construct, terms: AlarmTerms): Alarm {
  const [datapointsToAlarm, evaluationPeriods] = terms.periods;
  return new Alarm(scope, terms.id, {
    alarmDescription: `${terms.says} What to do: ${guide}#${terms.section}`,
    metric: terms.metric,
    threshold: terms.threshold,
    comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
    datapointsToAlarm,
    evaluationPeriods,
    treatMissingData: terms.missing ?? TreatMissingData.NOT_BREACHING,
  });
}

/** When it goes off, and when it is over. */
function telling<One extends AlarmBase>(alarm: One, actions: readonly IAlarmAction[]): One {
  alarm.addAlarmAction(...actions);
  alarm.addOkAction(...actions);
  return alarm;
}

// ---- What is lost unless somebody looks

function deadLetters({ queues, streamFailures }: ObservabilityProps): AlarmTerms[] {
  const waiting = 'ApproximateNumberOfMessagesVisible';
  return [
    ...queues.map(
      ({ name, deadLetters: queue }): AlarmTerms => ({
        id: `DeadLetters-${name}`,
        says: `Messages of the queue ${name} could not be handled in any of their tries, and lie among its dead letters for 14 days.`,
        section: 'dead-letters',
        metric: ofQueue(queue, waiting, most(1)),
        threshold: 1,
        periods: [1, 1],
      }),
    ),
    {
      id: 'StreamFailures',
      says: "Changes of the table could not be told to the Messenger in any of its tries; the Reconciler tells them again. Pointers to them lie in the stream's queue of failures.",
      section: 'stream-failures',
      metric: ofQueue(streamFailures, waiting, most(1)),
      threshold: 1,
      periods: [1, 1],
    },
  ];
}

// ---- The flow itself

function flow({ settings, functions: all }: ObservabilityProps): AlarmTerms[] {
  const own = (name: string, look: Parameters<typeof told>[3]) => told(settings.stackName, name, {}, look);
  return [
    ...all
      .filter(({ kind }) => functions[kind].trigger.kind === 'stream')
      .map(
        (station): AlarmTerms => ({
          id: station.kind === 'messenger' ? 'StreamIsLate' : 'GatheringIsLate',
          says: 'The Messenger reads changes of the table more than a minute after they were written, so jobs are late.',
          section: 'stream-is-late',
          metric: ofFunction(station.function, 'IteratorAge', most(1)),
          threshold: iteratorAgeMsMax,
          periods: [3, 3],
        }),
      ),
    {
      id: 'LedgerMismatch',
      says: 'A recount found counts in the books of a host that were wrong, and put them right. Limits hold, but this should never happen.',
      section: 'ledger-mismatch',
      metric: own(publisher.mismatches, total(5)),
      threshold: 1,
      periods: [1, 1],
    },
    {
      id: 'PublisherStopped',
      says: 'The Publisher woke itself again and again without anything to commit, and stopped. The next event or the next minute starts it again.',
      section: 'publisher-stopped',
      metric: own(publisher.stopped, total(5)),
      threshold: 1,
      periods: [1, 1],
    },
    {
      id: 'PublisherFails',
      says: 'Runs of the Publisher fail, so jobs of a host are not counted and no runner is ordered for them, until a later run does it.',
      section: 'publisher-fails',
      metric: own(publisher.failures, total(5)),
      threshold: 1,
      periods: [2, 3],
    },
    {
      id: 'NotificationsLost',
      says: 'Changes stay uncounted until the Reconciler finds them, so jobs start a minute late: the way from the table to the Publisher is broken.',
      section: 'notifications-lost',
      metric: own(reconciler.uncounted, total(5)),
      threshold: 1,
      periods: [3, 4],
    },
    {
      id: 'StepsFail',
      says: 'Steps of the Reconciler keep failing, so what goes wrong is not repaired.',
      section: 'steps-fail',
      metric: own(reconciler.failures, total(5)),
      threshold: stepFailuresMax,
      periods: [3, 3],
    },
    {
      id: 'BreakerOpen',
      says: 'The circuit breaker of a pool stays open: its runners keep failing, or are online and get no job, as with a runner version that GitHub no longer takes. None are ordered but one now and then.',
      section: 'breaker-open',
      metric: own(reconciler.breakerOpen, most(5)),
      threshold: 1,
      periods: [3, 3],
    },
  ];
}

function perHost({ settings, hosts }: ObservabilityProps): AlarmTerms[] {
  return hosts.map(
    ({ name }): AlarmTerms => ({
      id: `OldestWaiting-${name}`,
      says: `A job of host ${name} has waited for ${settings.alarmWaitMinutes} minutes, or nobody measures it any more.`,
      section: 'oldest-waiting',
      metric: told(settings.stackName, reconciler.oldestWaitingMs, { host: name }, most(5)),
      threshold: settings.alarmWaitMinutes * minuteMs,
      periods: [2, 2],
      missing: TreatMissingData.BREACHING,
    }),
  );
}

// ---- GitHub's way in

function doors({ settings, apiId }: ObservabilityProps): AlarmTerms[] {
  return [
    {
      id: 'DeliveriesFail',
      says: "GitHub's deliveries of events do not arrive, even when they are sent again.",
      section: 'deliveries-fail',
      metric: told(settings.stackName, reconciler.deliveriesFailed, {}, most(5)),
      threshold: 1,
      periods: [3, 3],
    },
    {
      id: 'JobsUntold',
      says: 'Jobs were found waiting that no event had told of: GitHub sends none, or not for their repositories.',
      section: 'jobs-untold',
      metric: told(settings.stackName, reconciler.jobsFound, {}, total(60)),
      threshold: untoldPerHour,
      periods: [1, 1],
    },
    {
      id: 'ApiErrors',
      says: "The HTTP API answers with errors of its own (5xx): webhooks fail until GitHub is asked to send them again, and machines' claims have to be repeated.",
      section: 'api-errors',
      metric: ofApi(apiId, '5xx', total(5)),
      threshold: apiErrorsMax,
      periods: [2, 3],
    },
  ];
}

// ---- Images

/** Where some are built. Both are told once an hour. */
function builtImages({ settings, functions: all }: ObservabilityProps): AlarmTerms[] {
  const keeper = all.find(({ kind }) => kind === 'images');
  if (!keeper) return [];
  return [
    {
      id: 'ImageBuildsFail',
      says: 'Builds of an image keep failing, so machines go on with an older runner: GitHub gives it no jobs any more 30 days after a newer one is out.',
      section: 'image-builds-fail',
      metric: told(settings.stackName, images.failing, {}, most(hourMinutes)),
      threshold: failedBuildsMax,
      periods: [1, 1],
    },
    {
      id: 'ImagesUnwatched',
      says: 'Nobody looks any more whether images are to be built: the function that does fails each time.',
      section: 'image-builds-fail',
      metric: ofFunction(keeper.function, 'Errors', total(hourMinutes)),
      threshold: 1,
      periods: [failedImageRunsMax, failedImageRunsMax],
    },
  ];
}

// ---- Functions

/** One that runs once an hour has its own alarm. */
function ofOneFunction({ kind, name, function: station }: WatchedFunction): AlarmTerms[] {
  if (kind === 'images') return [];
  const { timeoutSeconds } = functions[kind];
  return [
    {
      id: `Errors-${name}`,
      says: `The function ${name} keeps failing: an exception, or killed at its time-out.`,
      section: 'functions-in-trouble',
      metric: ofFunction(station, 'Errors', total(5)),
      threshold: errorsMax,
      periods: [2, 3],
    },
    {
      id: `NearTimeout-${name}`,
      says: `Runs of the function ${name} take more than ${timeoutShare * 100} % of its time-out of ${timeoutSeconds} s.`,
      section: 'functions-in-trouble',
      metric: ofFunction(station, 'Duration', most(5)),
      threshold: timeoutShare * timeoutSeconds * 1_000,
      periods: [2, 3],
    },
  ];
}

/**
 * No function has a concurrency of its own, so all are refused together, by the account's quota: one alarm on those
 * that are called first and most tells of it. Each metric of an alarm is paid for.
 */
function throttled(all: readonly WatchedFunction[]): AlarmTerms[] {
  const first = all.filter(({ kind }) => isCalledFirst(kind));
  const terms = first.map((one, n) => [`f${n}`, ofFunction(one.function, 'Throttles', total(5))] as const);
  return [
    {
      id: 'Throttles',
      says: `Lambda refuses calls of ${first.map(({ name }) => name).join(', ')}, and so of others: the account's concurrency is used up.`,
      section: 'functions-in-trouble',
      metric: new MathExpression({
        expression: terms.map(([id]) => `FILL(${id}, 0)`).join(' + '),
        usingMetrics: Object.fromEntries(terms),
        label: 'Throttles',
        period: Duration.minutes(5),
      }),
      threshold: throttlesMax,
      periods: [2, 3],
    },
  ];
}

/** The doors that people and machines wait at, and the two stations that every job passes. CloudWatch adds up ten at most. */
function isCalledFirst(kind: FunctionKind): boolean {
  const { trigger } = functions[kind];
  return trigger.kind === 'route' || trigger.kind === 'stream' || kind === 'publisher';
}

function composites(
  scope: Construct,
  children: readonly Alarm[],
  actions: readonly IAlarmAction[],
): CompositeAlarm[] {
  return chunksOf(children, childrenMax).map((chunk, n) =>
    telling(
      new CompositeAlarm(scope, `FunctionsInTrouble-${n}`, {
        alarmDescription: `Functions fail, are killed nearly, or are refused: which of them, the alarms beneath tell. What to do: ${guide}#functions-in-trouble`,
        alarmRule: AlarmRule.anyOf(...chunk.map((child) => AlarmRule.fromAlarm(child, AlarmState.ALARM))),
      }),
      actions,
    ),
  );
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) =>
    items.slice(n * size, (n + 1) * size),
  );
}
