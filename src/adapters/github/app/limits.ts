// What GitHub still grants, by its own word. Each caller (an installation, or the App itself) has limits of its
// own: a primary one by the hour (`x-ratelimit-*`) and secondary ones by points, time and number at once, which
// are only told when they refuse. GitHub: after a refusal nothing may be asked before `retry-after`, else before
// `x-ratelimit-reset`, else for a minute and then ever longer; going on may ban the App.
// docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api

import type { Clock, EpochMs } from '../../../ports/clock.ts';
import type { RateLeft } from '../../../ports/github.ts';

/** Who asks: an installation by its id, or the App itself. */
export type Caller = number | 'app';

export type Headers = Readonly<Record<string, string | number | undefined>>;

export interface Limits {
  /** Until when this caller must not ask, or `null` where it may. */
  pausedUntil(caller: Caller): EpochMs | null;
  /** Takes an answer in. Gives the time to ask again where the answer is a limit's refusal, else `null`. */
  note(caller: Caller, status: number, headers: Headers, message: string): EpochMs | null;
  rateLeft(caller: Caller): RateLeft | null;
}

/** A refusal that says no time: GitHub asks for "at least one minute", then for exponentially more. */
const unsaidPauseMs = 60_000;
/** GitHub's primary window is an hour, so asking once an hour is never too soon; a longer time is a mistake. */
const pauseMsMax = 3_600_000;
/** Times of one window's end, told by different servers of GitHub, may differ by a second or two. */
const windowSlackMs = 5_000;

export function createLimits(clock: Clock): Limits {
  const states = new Map<Caller, State>();

  function stateOf(caller: Caller): State {
    const state = states.get(caller) ?? { pausedUntil: 0, unsaidInARow: 0, rateLeft: null };
    states.set(caller, state);
    return state;
  }

  return {
    pausedUntil(caller) {
      const until = states.get(caller)?.pausedUntil ?? 0;
      return until > clock.now() ? until : null;
    },

    note(caller, status, headers, message) {
      const state = stateOf(caller);
      const now = clock.now();
      const left = rateLeftOf(headers);
      if (left !== null) state.rateLeft = lower(state.rateLeft, left);
      const told = refusalOf(status, headers, message, now);
      if (told === null) {
        // Answers to what was asked before a refusal say nothing about it.
        if (status < 400 && now >= state.pausedUntil) state.unsaidInARow = 0;
        // The last one that was granted: GitHub asks not to go on until the window's end.
        if (left?.remaining === 0) pause(state, left.resetsAt, now);
        return null;
      }
      // Requests that were on their way together are refused together, which is one refusal, not many.
      if (told === 'unsaid' && state.pausedUntil <= now) state.unsaidInARow += 1;
      const unsaidMs = unsaidPauseMs * 2 ** (Math.max(state.unsaidInARow, 1) - 1);
      pause(state, told === 'unsaid' ? now + unsaidMs : told, now);
      return state.pausedUntil;
    },

    rateLeft: (caller) => states.get(caller)?.rateLeft ?? null,
  };
}

interface State {
  pausedUntil: EpochMs;
  /** Refusals in a row that told no time. */
  unsaidInARow: number;
  rateLeft: RateLeft | null;
}

function pause(state: State, until: EpochMs, now: EpochMs): void {
  state.pausedUntil = Math.max(state.pausedUntil, Math.min(until, now + pauseMsMax));
}

function refusalOf(
  status: number,
  headers: Headers,
  message: string,
  now: EpochMs,
): EpochMs | 'unsaid' | null {
  if (status !== 403 && status !== 429) return null;
  const afterSeconds = count(headers['retry-after']);
  if (afterSeconds !== null) return now + afterSeconds * 1000;
  const resetSeconds = count(headers['x-ratelimit-reset']);
  if (count(headers['x-ratelimit-remaining']) === 0 && resetSeconds !== null) return resetSeconds * 1000;
  return status === 429 || /rate limit|abuse detection/i.test(message) ? 'unsaid' : null;
}

/** GitHub counts several resources apart; what this system asks is all `core`, which old servers do not name. */
function rateLeftOf(headers: Headers): RateLeft | null {
  if ((headers['x-ratelimit-resource'] ?? 'core') !== 'core') return null;
  const remaining = count(headers['x-ratelimit-remaining']);
  const limit = count(headers['x-ratelimit-limit']);
  const resetSeconds = count(headers['x-ratelimit-reset']);
  if (remaining === null || limit === null || resetSeconds === null) return null;
  return { remaining, limit, resetsAt: resetSeconds * 1000 };
}

/** Answers overtake one another: within one window the lowest count is the latest, and a later window wins. */
function lower(known: RateLeft | null, told: RateLeft): RateLeft {
  if (known === null || told.resetsAt > known.resetsAt + windowSlackMs) return told;
  if (told.resetsAt < known.resetsAt - windowSlackMs) return known;
  return told.remaining < known.remaining ? told : known;
}

function count(header: string | number | undefined): number | null {
  const text = String(header ?? '').trim();
  return /^\d{1,12}$/.test(text) ? Number(text) : null;
}
