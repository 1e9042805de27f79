import process from 'node:process';
import type { Clock } from '../../ports/clock.ts';

/** What a shell reports of a program that Ctrl-C has ended. */
const interruptedStatus = 130;

/**
 * Who ends a whole group of processes tells `make`, which tells us, and us: that is one wish. A person needs longer
 * for a second one.
 */
const sameWishMs = 500;

/** As much of `process` as it takes. */
export interface Program {
  on(signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP', listener: () => void): unknown;
  exit(status: number): void;
}

/**
 * Ctrl-C, SIGTERM or the end of its terminal ends it cleanly; a second one at once. Answers how to wish the same from
 * within.
 */
export function stopOnSignals(
  deps: { clock: Clock; stop: () => Promise<void>; say: (text: string) => void },
  program: Program = process,
): () => void {
  const { clock, stop, say } = deps;
  let stoppingSince: number | null = null;
  const onSignal = () => {
    if (stoppingSince !== null) {
      if (clock.now() >= stoppingSince + sameWishMs) program.exit(interruptedStatus);
      return;
    }
    stoppingSince = clock.now();
    say('Stopping. Once more ends it at once.');
    stop().then(
      () => program.exit(0),
      (error: unknown) => {
        say(`It did not stop cleanly, and ends all the same: ${String(error)}`);
        program.exit(1);
      },
    );
  };
  program.on('SIGINT', onSignal);
  program.on('SIGTERM', onSignal);
  program.on('SIGHUP', onSignal);
  return onSignal;
}
