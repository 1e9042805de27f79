// What GitHub grants: so many requests an hour to each installation, and so many points a minute on each endpoint
// (a GET is 1 point, anything else 5). What is over is refused and costs nothing.

import type { Clock, EpochMs } from '../../../ports/clock.ts';
import type { Refusal } from './refusal.ts';
import type { Settings } from './settings.ts';

const hourMs = 3_600_000;
const minuteMs = 60_000;
const pointsOfRead = 1;
const pointsOfWrite = 5;

/** As the rate headers tell it. */
export interface RateView {
  limit: number;
  used: number;
  remaining: number;
  resetsAt: EpochMs;
}

interface Window {
  endsAt: EpochMs;
  used: number;
}

export function createLimits(clock: Clock, settings: Settings) {
  const hours = new Map<number, Window>();
  const minutes = new Map<string, Window>();

  const openWindow = <Key>(windows: Map<Key, Window>, key: Key, lengthMs: number): Window => {
    const found = windows.get(key);
    if (found && found.endsAt > clock.now()) return found;
    const opened = { endsAt: clock.now() + lengthMs, used: 0 };
    windows.set(key, opened);
    return opened;
  };

  return {
    /** `caller` is an installation's id, or 0 for the App. Null where the request is granted. */
    take(caller: number, method: string, route: string): Refusal | null {
      const hour = openWindow(hours, caller, hourMs);
      if (hour.used >= settings.requestsPerHour) {
        const message = `API rate limit exceeded for installation ID ${caller}.`;
        return { outcome: 'refused', status: 403, message, isPrimaryLimit: true };
      }
      const points = method === 'GET' ? pointsOfRead : pointsOfWrite;
      const minute = openWindow(minutes, `${caller} ${route}`, minuteMs);
      if (minute.used + points > settings.pointsPerMinute) return secondaryLimit(minute.endsAt - clock.now());
      hour.used += 1;
      minute.used += points;
      return null;
    },
    view(caller: number): RateView {
      const { used, endsAt } = openWindow(hours, caller, hourMs);
      const limit = settings.requestsPerHour;
      return { limit, used, remaining: limit - used, resetsAt: endsAt };
    },
  };
}

export type Limits = ReturnType<typeof createLimits>;

export function secondaryLimit(waitMs: number): Refusal {
  return {
    outcome: 'refused',
    status: 403,
    message:
      'You have exceeded a secondary rate limit. Please wait a few minutes before you try again. For more on ' +
      'scraping GitHub and how it may affect your rights, please review our Terms of Service.',
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1_000)),
  };
}
