import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** Ticks the Reconciler until it is told to stop; one tick at a time. Answers how to stop. */
export function startTicking(deps: {
  clock: Clock;
  tickMs: number;
  tick: () => Promise<void>;
  telemetry: Telemetry;
}): () => Promise<void> {
  const { clock, tickMs, tick, telemetry } = deps;
  let isStopped = false;
  let running: Promise<void> = Promise.resolve();

  const schedule = () =>
    clock.after(tickMs, () => {
      if (isStopped) return;
      running = tick()
        .catch((error: unknown) =>
          telemetry.log('error', 'a tick failed; the next one comes', { error: String(error) }),
        )
        .then(() => {
          if (!isStopped) cancel = schedule();
        });
    });
  let cancel = schedule();

  return async () => {
    isStopped = true;
    cancel();
    await running;
  };
}
