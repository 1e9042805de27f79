/** Milliseconds since 1970, by the clock that was handed in. */
export type EpochMs = number;

export type Cancel = () => void;

/**
 * Time. Nothing else in the system may ask what time it is or wait for it to pass, so that a simulated clock
 * replays a run exactly.
 *
 * - `now` never goes back.
 * - `after` runs `task` once, not before `delayMs` have passed, never synchronously; a cancelled task never runs.
 *   A task that throws is the caller's fault: tasks handle their own errors.
 * - `sleep` resolves when `delayMs` have passed.
 */
export interface Clock {
  now(): EpochMs;
  after(delayMs: number, task: () => void): Cancel;
  sleep(delayMs: number): Promise<void>;
}

/** Chance: a number in [0, 1), from the system or from a seed. */
export type Random = () => number;
