// Time that passes only when it is told to. It stands still while anything runs: between two timers every promise
// continuation is run to its end, so that a handler built of promises happens wholly at one instant, unless it
// sleeps. The same timers in the same order give the same run.
//
// How "to its end" is known: Node empties its queues of ticks and microtasks between two immediates of one turn
// of the event loop. So each step is one immediate, and many are set at a time, which saves the turn that each
// would cost alone (4 times faster than a turn for every step). What waits for the outside world (a
// socket, a file, a worker) is not waited for: it has no place in virtual time.

import type { Clock, EpochMs } from '../../../ports/clock.ts';
import { createTimers } from './timers.ts';

export interface VirtualClock extends Clock {
  /**
   * Runs timer after timer until none is left, or until the next is due after `untilMs`; then it is `untilMs`.
   * `afterStep` is called at each stand-still: after each timer and all that followed from it. Gives the number
   * of timers that ran. A throw of a timer's task or of `afterStep` ends the run and rejects.
   */
  run(untilMs?: EpochMs, afterStep?: () => void): Promise<number>;
  /** Runs the next timer and all that follows from it at its instant; false where none was left. */
  step(): Promise<boolean>;
  /** Lets `ms` pass: `run` until then. */
  advance(ms: number): Promise<number>;
  /** Timers that are set. */
  pending(): number;
  /** When the next timer is due; `null` where none is set. */
  nextAt(): EpochMs | null;
}

/** Steps of one turn of the event loop: beyond 64 it gets no faster, and the turn lets the process do its own work. */
const stepsPerTurnMax = 64;

export function createVirtualClock(startMs: EpochMs): VirtualClock {
  const timers = createTimers();
  let nowMs = Math.floor(startMs);
  let isRunning = false;

  function after(delayMs: number, task: () => void) {
    if (!Number.isFinite(delayMs)) {
      throw new RangeError(`a delay of ${delayMs} ms: give a finite number of milliseconds, 0 or more`);
    }
    // Time is in whole milliseconds, as fractions of so large a number do not add up.
    return timers.add(nowMs + Math.max(0, Math.ceil(delayMs)), task);
  }

  /** False where nothing is due until then. */
  function fireNext(untilMs: EpochMs): boolean {
    const at = timers.nextAt();
    if (at === null || at > untilMs) return false;
    nowMs = at;
    timers.take()?.();
    return true;
  }

  function run(untilMs: EpochMs = Number.POSITIVE_INFINITY, afterStep?: () => void): Promise<number> {
    let steps = 0;
    return drive(() => {
      if (steps > 0) afterStep?.();
      if (fireNext(untilMs)) {
        steps += 1;
        return null;
      }
      if (Number.isFinite(untilMs)) nowMs = Math.max(nowMs, Math.floor(untilMs));
      return steps;
    });
  }

  function step(): Promise<boolean> {
    let fired: boolean | null = null;
    return drive(() => {
      if (fired !== null) return fired;
      fired = fireNext(Number.POSITIVE_INFINITY);
      return null;
    });
  }

  /** Calls `turn` at one stand-still after another until it gives a result. */
  function drive<Result>(turn: () => Result | null): Promise<Result> {
    if (isRunning) {
      return Promise.reject(
        new Error(
          'the virtual clock runs already: let its run end first, and never run it from a timer or a handler',
        ),
      );
    }
    isRunning = true;
    return new Promise((resolve, reject) => {
      let stepsPerTurn = 2;
      const takeTurn = (): void => {
        if (!isOpen) return;
        try {
          const result = turn();
          if (result === null) return;
          resolve(result);
        } catch (error) {
          reject(error);
        }
        isOpen = false;
        isRunning = false;
      };
      const setTurns = (): void => {
        if (!isOpen) return;
        for (let i = 0; i < stepsPerTurn; i += 1) setImmediate(takeTurn);
        setImmediate(setTurns);
        stepsPerTurn = Math.min(stepsPerTurn * 2, stepsPerTurnMax);
      };
      let isOpen = true;
      setTurns();
    });
  }

  return {
    now: () => nowMs,
    after,
    sleep: (delayMs) =>
      new Promise((resolve) => {
        after(delayMs, resolve);
      }),
    run,
    step,
    advance: (ms) => run(nowMs + ms),
    pending: timers.size,
    nextAt: timers.nextAt,
  };
}
