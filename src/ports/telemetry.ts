// What the system says about itself while it runs. Never in the way: nothing here waits, throws or decides.

export type Labels = Readonly<Record<string, string>>;
export type Fields = Readonly<Record<string, string | number | boolean | null>>;

export interface Telemetry {
  /** Counts up; labels have few values each (pool, host, cause), never a job's or runner's id. */
  count(metric: string, labels?: Labels, by?: number): void;
  /** One value of a distribution, in the unit that the metric's name ends in. */
  observe(metric: string, value: number, labels?: Labels): void;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Fields): void;
}
