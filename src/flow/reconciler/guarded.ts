import { GitHubError } from '../../ports/github.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { metrics } from './metrics.ts';

/**
 * Work of which a fault is said and counted, and stops nothing behind it: what is in the table says that it is due
 * again. Whatever is done for many items in turn is guarded for each, or one that fails would starve the rest for ever.
 */
export async function guarded(telemetry: Telemetry, step: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    telemetry.count(metrics.failures, { step });
    const level = error instanceof GitHubError ? 'warn' : 'error';
    telemetry.log(level, 'a step of the reconciler failed, and is tried again', {
      step,
      error: String(error),
    });
  }
}
