import type { Sweep } from '../../ports/jobs-table.ts';

/** The sweep to write when something happened at its subject; `null` where what is known says as much. */
export function sooner(known: Sweep | null, sweep: Sweep): Sweep | null {
  if (known === null) return sweep;
  if (sweep.nextAt >= known.nextAt && sweep.touchedAt <= known.touchedAt) return null;
  return {
    ...known,
    nextAt: Math.min(sweep.nextAt, known.nextAt),
    touchedAt: Math.max(sweep.touchedAt, known.touchedAt),
  };
}

/** The sweep to write after a look: what happened there while it was looked at is not forgotten. */
export function looked(known: Sweep | null, sweep: Sweep): Sweep {
  return { ...sweep, touchedAt: Math.max(sweep.touchedAt, known?.touchedAt ?? sweep.touchedAt) };
}
