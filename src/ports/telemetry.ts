// What the system says about itself while it runs. Never in the way: nothing here waits, throws or decides.

export type Labels = Readonly<Record<string, string>>;
export type Fields = Readonly<Record<string, string | number | boolean | null>>;

export interface Telemetry {
  /** Counts up; labels have few values each (pool, host, cause), never a job's or runner's id. */
  count(metric: string, labels?: Labels, by?: number): void;
  /** One value of a distribution, in the unit that the metric's name ends in. */
  observe(metric: string, value: number, labels?: Labels): void;
  /** What something is now: the latest value of these labels counts. */
  gauge(metric: string, value: number, labels?: Labels): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Fields): void;
}

/** What a metric means. Said once, beside its name, in the `metrics.ts` of whoever counts it. */
export interface Metric {
  kind: 'count' | 'distribution' | 'gauge';
  unit: 'count' | 'ms';
  /** For people. */
  says: string;
  /**
   * The labels by which a service that is paid by the series keeps it apart. `null`: it keeps no series of this
   * one, which is then in the log lines alone, with all of its labels.
   */
  series: readonly string[] | null;
  /** Of a gauge that is 0 nearly always: then it is told to no series, which costs nothing while nothing is wrong. */
  zeroIsSilent?: true;
}

/** For a `metrics.ts`: each of its names has a meaning. */
export type Meanings<Names extends Readonly<Record<string, string>>> = {
  readonly [Name in keyof Names]: Metric;
};
