// What costs by the month, whether there is work or not, beside what the tick asks for.

import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { awsSchema } from '../../src/config/aws.ts';
import type { HostName } from '../../src/core/ids.ts';
import { type FunctionKind, functionKinds } from '../../src/deployments/aws/functions.ts';
import { ObservabilityStack } from '../../src/deployments/aws/infrastructure/observability-stack.ts';
import { allMetrics } from '../../src/deployments/metrics.ts';
import type { Usage } from './prices.ts';

export const minutesPerMonth = (365.25 * 24 * 60) / 12;

/**
 * Lambda reads a standard queue with five pollers at least, each of which asks and waits for up to 20 s.
 * [AWS: Using Lambda with Amazon SQS; SQS: short and long polling] A FIFO queue is taken to have as many.
 */
const pollersPerQueue = 5;
const pollSeconds = 20;

/** Stations' queues that are there once, and those of each host and system. */
const queuesOnce = 3;
const queuesOfSystem = 2;

/** Series by metric that are told each minute, and those that are told while there is work. */
const outcomesSeen = 2;

export function standing(hostsMany: number): { usage: Usage; alarms: number; series: number } {
  const { usage: alarms, count } = alarmUsage(hostsMany);
  const series = seriesOf(hostsMany);
  const pollsPerQueue = (minutesPerMonth * 60 * pollersPerQueue) / pollSeconds;
  return {
    alarms: count,
    series,
    usage: {
      ...alarms,
      metricMonths: series,
      secretMonths: 2,
      sqsRequests: pollsPerQueue * (queuesOnce + queuesOfSystem * hostsMany),
      sqsFifoRequests: pollsPerQueue,
    },
  };
}

/** Those that a deployment at work has; what counts only when something is wrong has none. */
function seriesOf(hostsMany: number): number {
  let series = 0;
  for (const { series: labels, zeroIsSilent } of allMetrics.values()) {
    // Those of a pool are told while it has jobs, and only then.
    if (labels === null || labels.length === 0 || labels.includes('pool') || zeroIsSilent) continue;
    series += labels.reduce((all, label) => all * (label === 'host' ? hostsMany : outcomesSeen), 1);
  }
  return series;
}

/** As the stack has them. An alarm is paid by the metrics that it looks at. */
function alarmUsage(hostsMany: number): { usage: Usage; count: number } {
  const names = Array.from({ length: hostsMany }, (_, i) => `host${i + 1}`);
  const once = functionKinds.filter((kind) => kind !== 'launcher' && kind !== 'terminator');
  const stations: [FunctionKind, string][] = [
    ...once.map((kind): [FunctionKind, string] => [kind, kind]),
    ...names.flatMap((name): [FunctionKind, string][] => [
      ['launcher', `launcher-${name}-linux`],
      ['terminator', `terminator-${name}-linux`],
    ]),
  ];
  const queues = [
    ...['publisher', 'timer', 'steps', 'asks'],
    ...names.flatMap((name) => [`launch-${name}-linux`, `terminate-${name}-linux`]),
  ];
  const queue = (queueName: string) => ({ queueName });
  const stack = new ObservabilityStack(new App({ analyticsReporting: false }), 'observability', {
    settings: awsSchema.parse({}),
    encryptionKey: null,
    hosts: names.map((name) => ({ name: name as HostName, limit: 20 })),
    functions: stations.map(([kind, name]) => ({ kind, name, function: { functionName: name } })),
    queues: queues.map((name) => ({ name, queue: queue(name), deadLetters: queue(`${name}-dead`) })),
    streamFailures: queue('stream-failures'),
    tableName: 'runs',
    apiId: 'api',
    stepsLogGroupName: '/steps',
  });
  const template = Template.fromStack(stack);
  const alarms = Object.values(template.findResources('AWS::CloudWatch::Alarm'));
  const looks = alarms.reduce((all, { Properties }) => {
    const metrics = (Properties.Metrics ?? [{ MetricStat: {} }]) as { MetricStat?: object }[];
    return all + metrics.filter(({ MetricStat }) => MetricStat).length;
  }, 0);
  const composites = Object.keys(template.findResources('AWS::CloudWatch::CompositeAlarm')).length;
  return {
    usage: { alarmMetricMonths: looks, compositeAlarmMonths: composites },
    count: alarms.length + composites,
  };
}
