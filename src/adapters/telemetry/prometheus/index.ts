// Counters, gauges and histograms for a Prometheus that asks at `GET /metrics`, in its text format 0.0.4. A state that
// is known at any time (how long the queues are) is handed in when it asks.

import type { Labels, Telemetry } from '../../../ports/telemetry.ts';

export interface Gauge {
  metric: string;
  labels: Labels;
  value: number;
}

export interface Prometheus extends Telemetry {
  text(gauges?: readonly Gauge[]): string;
}

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

/** Labels have few values each, so this is many more than there are; what is beyond is left out and counted. */
const seriesMax = 5_000;
/** Who tells of one in another order of labels makes a second entry, and what is beyond is looked up by its print. */
const toldMax = 2 * seriesMax;
const leftOutMetric = 'telemetry_series_left_out_total';

/** 1 ms to an hour: from one write to a long job or a long queue, each about twice the one before. */
const bucketsMs = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000],
];
const bucketsPlain = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000];

interface Histogram {
  buckets: readonly number[];
  /** Values in each bucket alone; the text adds them up. */
  counts: number[];
  sum: number;
  count: number;
}

interface Metrics<Series> {
  /** Series of each metric by their labels, as they are printed. */
  all: Map<string, Map<string, Series>>;
  /** The same by metric and labels as they were told: to print the labels of each value costs more than all else. */
  told: Map<string, Series>;
}

export function createPrometheus(): Prometheus {
  const counters: Metrics<{ sum: number }> = newMetrics();
  const gauges: Metrics<{ labels: Labels; value: number }> = newMetrics();
  const histograms: Metrics<Histogram> = newMetrics();
  let seriesCount = 0;
  let leftOut = 0;

  function seriesOf<Series>(metrics: Metrics<Series>, metric: string, labels: Labels, make: () => Series) {
    const asTold = toldKey(metric, labels);
    const known = metrics.told.get(asTold);
    if (known) return known;
    const found = find(metrics, metric, labels, make);
    if (found && metrics.told.size < toldMax) metrics.told.set(asTold, found);
    return found;
  }

  function find<Series>(metrics: Metrics<Series>, metric: string, labels: Labels, make: () => Series) {
    const name = nameOf(metric);
    const key = labelsOf(labels);
    const known = metrics.all.get(name)?.get(key);
    if (known) return known;
    if (seriesCount >= seriesMax) {
      leftOut += 1;
      return null;
    }
    seriesCount += 1;
    const made = make();
    const all = metrics.all.get(name) ?? new Map<string, Series>();
    all.set(key, made);
    metrics.all.set(name, all);
    return made;
  }

  return {
    count(metric, labels = {}, by = 1) {
      const series = seriesOf(counters, metric, labels, () => ({ sum: 0 }));
      if (series) series.sum += by;
    },
    gauge(metric, value, labels = {}) {
      const series = seriesOf(gauges, metric, labels, () => ({ labels, value }));
      if (series) series.value = value;
    },
    observe(metric, value, labels = {}) {
      const histogram = seriesOf(histograms, metric, labels, () => newHistogram(metric));
      if (!histogram) return;
      const at = histogram.buckets.findIndex((bound) => value <= bound);
      const bucket = at < 0 ? histogram.buckets.length : at;
      histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
      histogram.sum += value;
      histogram.count += 1;
    },
    log: () => {},
    text(given = []) {
      const told = [...gauges.all].flatMap(([metric, series]) =>
        [...series.values()].map(({ labels, value }): Gauge => ({ metric, labels, value })),
      );
      const lines: string[] = [];
      for (const [name, series] of counters.all) {
        lines.push(`# TYPE ${name} counter`);
        for (const [labels, { sum }] of series) lines.push(`${name}${braced(labels)} ${sum}`);
      }
      for (const [name, series] of histograms.all) {
        lines.push(`# TYPE ${name} histogram`);
        for (const [labels, histogram] of series) lines.push(...histogramLines(name, labels, histogram));
      }
      for (const [name, same] of Map.groupBy([...told, ...given], (gauge) => nameOf(gauge.metric))) {
        lines.push(`# TYPE ${name} gauge`);
        for (const { labels, value } of same) lines.push(`${name}${braced(labelsOf(labels))} ${value}`);
      }
      if (leftOut > 0) lines.push(`# TYPE ${leftOutMetric} counter`, `${leftOutMetric} ${leftOut}`);
      return lines.length > 0 ? `${lines.join('\n')}\n` : '';
    },
  };
}

function newMetrics<Series>(): Metrics<Series> {
  return { all: new Map(), told: new Map() };
}

/** In the order of its labels, and with the length of each value, so that no value can look like two. */
function toldKey(metric: string, labels: Labels): string {
  let key = metric;
  for (const name in labels) {
    const value = labels[name] ?? '';
    key += `,${name}=${value.length}:${value}`;
  }
  return key;
}

function newHistogram(metric: string): Histogram {
  const buckets = metric.endsWith('_ms') ? bucketsMs : bucketsPlain;
  return { buckets, counts: new Array<number>(buckets.length + 1).fill(0), sum: 0, count: 0 };
}

function histogramLines(name: string, labels: string, { buckets, counts, sum, count }: Histogram): string[] {
  const bucket = (bound: string, value: number) =>
    `${name}_bucket${braced([labels, `le="${bound}"`].filter((part) => part !== '').join(','))} ${value}`;
  let upTo = 0;
  const lines = buckets.map((bound, index) => {
    upTo += counts[index] ?? 0;
    return bucket(String(bound), upTo);
  });
  return [
    ...lines,
    bucket('+Inf', count),
    `${name}_sum${braced(labels)} ${sum}`,
    `${name}_count${braced(labels)} ${count}`,
  ];
}

function nameOf(metric: string): string {
  return metric.replace(/[^a-zA-Z0-9_:]/g, '_').replace(/^(?=\d)/, '_');
}

function labelsOf(labels: Labels): string {
  return Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${nameOf(name).replaceAll(':', '_')}="${escaped(value)}"`)
    .join(',');
}

/** The format knows three escapes; every other control character would be sent as it is. */
function escaped(value: string): string {
  return value
    .toWellFormed()
    .replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
    .replace(/\p{Cc}/gu, '�');
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`;
}
