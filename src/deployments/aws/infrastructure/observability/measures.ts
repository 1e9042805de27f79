// The metrics that alarms and the dashboard look at: AWS's own, which cost nothing, and the few series that the
// functions tell (the `series` of each station's metrics.ts).

import { Metric, SearchExpression, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration } from 'aws-cdk-lib/core';
import { allMetrics } from '../../../metrics.ts';
import { metricsNamespace } from '../../metrics-namespace.ts';

export interface Look {
  statistic: string;
  minutes: number;
  label?: string;
}

/** The most in a period, the sum of one. */
export const most = (minutes: number, label?: string): Look => lookOf(Stats.MAXIMUM, minutes, label);
export const total = (minutes: number, label?: string): Look => lookOf(Stats.SUM, minutes, label);
export const percentile = (percent: number, minutes: number, label?: string): Look =>
  lookOf(Stats.p(percent), minutes, label);

export function ofFunction(station: Pick<IFunction, 'functionName'>, metricName: string, look: Look): Metric {
  return metric('AWS/Lambda', metricName, { FunctionName: station.functionName }, look);
}

export function ofQueue(queue: Pick<IQueue, 'queueName'>, metricName: string, look: Look): Metric {
  return metric('AWS/SQS', metricName, { QueueName: queue.queueName }, look);
}

export function ofApi(apiId: string, metricName: string, look: Look): Metric {
  return metric('AWS/ApiGateway', metricName, { ApiId: apiId }, look);
}

export function ofTable(tableName: string, metricName: string, look: Look): Metric {
  return metric('AWS/DynamoDB', metricName, { TableName: tableName }, look);
}

/** One of our own, by exactly the dimensions that its meaning names: any others would be a series that nobody tells. */
export function told(
  stackName: string,
  name: string,
  dimensions: Readonly<Record<string, string>>,
  look: Look,
): Metric {
  demandSeries(name, Object.keys(dimensions));
  return metric(metricsNamespace(stackName), name, dimensions, look);
}

/** Every series of one of our own, whatever its pools are called: CloudWatch looks for them when somebody looks. */
export function searched(
  stackName: string,
  name: string,
  dimensions: readonly string[],
  percent: number,
): SearchExpression {
  demandSeries(name, dimensions);
  const schema = [metricsNamespace(stackName), ...dimensions].map((part) => `"${part}"`).join(',');
  return new SearchExpression({
    expression: `SEARCH('{${schema}} MetricName="${name}"', '${Stats.p(percent)}', 300)`,
    period: Duration.minutes(5),
    // What tells the series apart is said behind it.
    label: `p${percent}`,
  });
}

function demandSeries(name: string, dimensions: readonly string[]): void {
  const series = allMetrics.get(name)?.series ?? null;
  const given = [...dimensions].sort().join(', ');
  if (series !== null && [...series].sort().join(', ') === given) return;
  throw new Error(
    `no series of the metric ${name} has the dimensions (${given}): its metrics.ts says ` +
      `${series === null ? 'that it has none' : `(${series.join(', ')})`}. Change one of the two.`,
  );
}

function metric(
  namespace: string,
  metricName: string,
  dimensionsMap: Readonly<Record<string, string>>,
  { statistic, minutes, label }: Look,
): Metric {
  return new Metric({
    namespace,
    metricName,
    ...(Object.keys(dimensionsMap).length > 0 && { dimensionsMap: { ...dimensionsMap } }),
    statistic,
    period: Duration.minutes(minutes),
    ...(label !== undefined && { label }),
  });
}

function lookOf(statistic: string, minutes: number, label: string | undefined): Look {
  return { statistic, minutes, ...(label !== undefined && { label }) };
}
