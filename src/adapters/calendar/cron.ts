// The moments of a schedule, as a crontab and a time zone say them, summer time included.

import { Cron } from 'croner';
import type { SpareChange } from '../../core/configuration.ts';
import type { MomentsAround } from '../../core/spares.ts';

const secondMs = 1_000;

/** Asked with each plan, so that what was found is kept for as long as it holds. */
export function createMomentsAround(): MomentsAround {
  const found = new Map<string, { since: number; last: number | null; next: number | null }>();
  return (change, now) => {
    const key = `${change.timeZone} ${change.cron}`;
    const known = found.get(key);
    if (known && known.since <= now && (known.next === null || now < known.next)) return known;
    const moments = { since: now, ...momentsAround(change, now) };
    found.set(key, moments);
    return moments;
  };
}

function momentsAround({ cron, timeZone }: SpareChange, now: number): ReturnType<MomentsAround> {
  const schedule = new Cron(cron, { mode: '5-part', timezone: timeZone });
  // What is asked for are the moments before a whole second; this very one counts as passed.
  const second = Math.floor(now / secondMs) * secondMs;
  const [last] = schedule.previousRuns(1, new Date(second + secondMs));
  const next = schedule.nextRun(new Date(second));
  return { last: last?.getTime() ?? null, next: next?.getTime() ?? null };
}
