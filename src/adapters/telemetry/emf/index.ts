// Telemetry of a function: lines of JSON on its output, which CloudWatch keeps as its log. Lines in the embedded metric
// format are made into metrics by CloudWatch itself, so telling costs no request.
// [CloudWatch: Specification: Embedded metric format]
//
// Counts, values and gauges are added up while an event is handled and written when it ends (`flush`), one line for each
// set of labels. Each series of CloudWatch's is paid by the month, so a metric goes there by the labels that its meaning
// names, and by no others; all of its labels stand in the line beside it, where Logs Insights finds them.

import type { Clock } from '../../../ports/clock.ts';
import type { Fields, Labels, Metric, Telemetry } from '../../../ports/telemetry.ts';
import { printable } from '../printable.ts';
import { createRedact } from './redact.ts';

export interface EmfOptions {
  /** Takes one line, its end included. */
  write: (line: string) => void;
  /** Of the metrics: one for each deployment, so that two in one account stay apart. */
  namespace: string;
  /** The meaning of each metric by its name; one that is not in it gets no series. */
  metrics: ReadonlyMap<string, Metric>;
  clock: Clock;
  /** Logs below it are not written. */
  level: Level;
  /** In every line about trouble, and in those of metrics: which function says it. */
  fields?: Fields;
  /** What must not be written whatever happens, as it is known by now. */
  secrets?: () => readonly string[];
}

export interface EmfTelemetry extends Telemetry {
  /** An event comes in: lines about trouble, and those of metrics, carry its request from now on. */
  begin(requestId: string): void;
  /** Writes what was added up. When an event was handled, whatever became of it. */
  flush(): void;
}

type Level = Parameters<Telemetry['log']>[0];

const levels: readonly Level[] = ['debug', 'info', 'warn', 'error'];
/** Allowed are 100 in a directive; with half of them, each full of values, a line stays below 256 KB. */
const metricsPerLineMax = 50;
/** More values than this of one metric in a line are an error. */
const valuesMax = 100;
/** Sets of labels that are kept at a time. Labels have few values each: more than these is a mistake, and costs lines alone. */
const setsMax = 500;
/** Allowed are 1,024 characters; names of hosts and pools are far shorter. */
const dimensionLengthMax = 250;
const fieldsMax = 50;
/** A quarter of what an event of a log may have, so that no escape sequence makes it too long. */
const logLengthMax = 64 * 1024;

/** Members of a line that are ours: a field of such a name is written beside it. */
const reserved = new Set(['_aws', 'time', 'level', 'message', 'requestId']);

/** What was told of one metric: a sum, the values of a distribution, or a gauge's latest. */
interface Told {
  kind: Metric['kind'];
  values: number[];
}

interface LabelSet {
  labels: Labels;
  metrics: Map<string, Told>;
}

export function createEmfTelemetry(options: EmfOptions): EmfTelemetry {
  const { write, namespace, metrics, clock, fields = {}, secrets = () => [] } = options;
  const lowest = levels.indexOf(options.level);
  const redact = createRedact(secrets);
  const sets = new Map<string, LabelSet>();
  let requestId: string | null = null;

  return {
    count: (metric, labels, by = 1) =>
      tell(
        metric,
        'count',
        labels,
        ({ values }) => {
          values[0] = (values[0] ?? 0) + by;
        },
        by,
      ),
    observe: (metric, value, labels) =>
      tell(metric, 'distribution', labels, ({ values }) => values.push(value), value),
    gauge: (metric, value, labels) =>
      tell(
        metric,
        'gauge',
        labels,
        ({ values }) => {
          values[0] = value;
        },
        value,
      ),
    log(level, message, given = {}) {
      if (levels.indexOf(level) >= lowest) writeLog(level, message, given);
    },
    begin(id) {
      requestId = id;
    },
    flush,
  };

  function tell(
    metric: string,
    kind: Metric['kind'],
    labels: Labels = {},
    add: (told: Told) => void,
    value: number,
  ): void {
    if (!Number.isFinite(value) || (kind === 'count' && value === 0)) return;
    const key = keyOf(labels);
    const set = sets.get(key) ?? newSet(key, labels);
    const told = set.metrics.get(metric) ?? { kind, values: [] };
    set.metrics.set(metric, told);
    add(told);
    if (told.values.length < valuesMax) return;
    writeMetrics({ labels, metrics: new Map([[metric, told]]) });
    set.metrics.delete(metric);
  }

  function newSet(key: string, labels: Labels): LabelSet {
    if (sets.size >= setsMax) flush();
    const set = { labels, metrics: new Map<string, Told>() };
    sets.set(key, set);
    return set;
  }

  function flush(): void {
    for (const set of sets.values()) {
      const told = [...set.metrics];
      for (let at = 0; at < told.length; at += metricsPerLineMax)
        writeMetrics({ labels: set.labels, metrics: new Map(told.slice(at, at + metricsPerLineMax)) });
    }
    sets.clear();
  }

  function writeMetrics({ labels, metrics: told }: LabelSet): void {
    const directives = directivesOf(labels, told);
    const values = [...told].map(([name, { kind, values }]) => [
      name,
      kind === 'distribution' ? values : values[0],
    ]);
    writeLine({
      ...(directives.length > 0 && { _aws: { Timestamp: clock.now(), CloudWatchMetrics: directives } }),
      time: timeOf(clock),
      ...fields,
      ...(requestId !== null && { requestId }),
      ...Object.fromEntries(Object.entries(labels).map(([name, value]) => [memberOf(name), cleaned(value)])),
      ...Object.fromEntries(values),
    });
  }

  /** One for each set of dimensions. Members that no directive names are text of the log, and no series. */
  function directivesOf(labels: Labels, told: ReadonlyMap<string, Told>): object[] {
    const byDimensions = new Map<string, { Namespace: string; Dimensions: string[][]; Metrics: object[] }>();
    for (const [name, { values }] of told) {
      const meaning = metrics.get(name);
      if (!meaning || meaning.series === null || (meaning.zeroIsSilent && values[0] === 0)) continue;
      const dimensions = [...meaning.series].sort();
      if (!dimensions.every((label) => isDimension(labels[label]))) continue;
      const key = dimensions.join(' ');
      const directive = byDimensions.get(key) ?? {
        Namespace: namespace,
        Dimensions: [dimensions.map(memberOf)],
        Metrics: [],
      };
      directive.Metrics.push({ Name: name, Unit: unitNames[meaning.unit] });
      byDimensions.set(key, directive);
    }
    return [...byDimensions.values()];
  }

  function writeLog(level: Level, message: string, given: Fields): void {
    const line: Record<string, unknown> = {
      level,
      time: timeOf(clock),
      message: cleaned(message),
      ...(isTrouble(level) && { ...fields, ...(requestId !== null && { requestId }) }),
    };
    let length = JSON.stringify(line).length;
    for (const [name, value] of Object.entries(given).slice(0, fieldsMax)) {
      const member = memberOf(cleaned(name));
      const shown = typeof value === 'string' ? cleaned(value) : value;
      length += JSON.stringify([member, shown]).length;
      if (length > logLengthMax) break;
      line[member] = shown;
    }
    writeLine(line);
  }

  /** What goes well is told of jobs, by their ids, in a log of the function's own: to say who says it would be a third of it. */
  function isTrouble(level: Level): boolean {
    return levels.indexOf(level) > levels.indexOf('info');
  }

  function memberOf(name: string): string {
    return reserved.has(name) || Object.hasOwn(fields, name) ? `field_${name}` : name;
  }

  /** A secret is looked for first: what is left of it after a cut would not be found. */
  function cleaned(text: string): string {
    return printable(redact(text));
  }

  function writeLine(line: object): void {
    write(`${JSON.stringify(line)}\n`);
  }
}

const unitNames: Readonly<Record<Metric['unit'], string>> = { count: 'Count', ms: 'Milliseconds' };

function isDimension(value: string | undefined): boolean {
  return (
    value !== undefined &&
    /^[\x21-\x39\x3b-\x7e][\x20-\x7e]*$/.test(value) &&
    value.length <= dimensionLengthMax
  );
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function timeOf(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
