// The page docs/reference/metrics.md, from what is said beside each metric's name.

import type { Metric } from '../ports/telemetry.ts';
import { allMetrics } from './metrics.ts';

export function metricsReference(): string {
  const rows = [...allMetrics].map(
    ([name, metric]) => `| \`${name}\` | ${metric.kind} | ${metric.says} | ${seriesOf(metric)} |`,
  );
  return [
    '# Metrics',
    '',
    '<!-- Written by `make reference` from the metrics.ts of each station: change it there. -->',
    '',
    'What the system tells about itself: to a Prometheus that asks at `GET /metrics` where it runs as one process, and in lines of its logs on AWS. What ends in `_ms` is in milliseconds, all else is a number. The last column says what has a series of its own in CloudWatch, by which labels; what has none is in the logs with all of its labels (see [Operate on AWS](../guides/operate-on-aws.md)).',
    '',
    'For Grafana there is [a dashboard](grafana-dashboard.json) of all of them, by a Prometheus: import the file, and choose the data source.',
    '',
    '| metric | kind | what it tells | series in CloudWatch |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function seriesOf({ series, zeroIsSilent }: Metric): string {
  if (series === null) return 'none';
  const by = series.length === 0 ? 'one' : `by ${series.join(', ')}`;
  return zeroIsSilent ? `${by}, while it is not 0` : by;
}
