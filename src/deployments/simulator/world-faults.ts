// The kinds of faults, as the hooks of the simulated GitHub, hosts and queues want them.

import type { Faults } from '../../adapters/github/simulated/world.ts';
import type { LifeFault, SimulatedFaults } from '../../adapters/hosts/simulated/index.ts';
import type { SimulatedHostOptions } from '../../adapters/hosts/simulated/options.ts';
import type { QueueFaults } from '../../adapters/topics/in-process/index.ts';
import type { HostName } from '../../core/ids.ts';
import type { Mischief } from './faults.ts';

const lateWebhookMsMax = 5 * 60_000;
const reorderedMsMax = 20_000;
const lateMessageMsMax = 60_000;
const vanishMsMax = 4 * 60_000;
const noticeMs = 2 * 60_000;
const interruptedMsMax = 6 * 60_000;
const slowEndingMs = 120_000;
const lateEventMsMax = 60_000;
const earlyMsMax = 10_000;

/** What holds for minutes. */
export interface Spells {
  isGitHubDown: boolean;
  /** Hosts that refuse every launch. */
  hostsFull: ReadonlySet<HostName>;
}

export function gitHubFaults(mischief: Mischief, spells: Spells): Faults {
  return {
    answer(route) {
      if (spells.isGitHubDown) return 'unavailable';
      const isMint = route.endsWith('/generate-jitconfig');
      if (mischief.happens('gitHubUnavailable')) return 'unavailable';
      if (mischief.happens('gitHubLimited')) return 'limited';
      if (isMint && mischief.happens('mintLost')) return 'lost';
      return mischief.happens('answerLost') ? 'lost' : null;
    },
    delivery({ redelivery }) {
      if (redelivery) return null;
      if (mischief.happens('webhookNeverSent')) return { lose: 'forever' };
      if (mischief.happens('webhookFailed')) return { lose: 'failed' };
      const delayMs =
        (mischief.happens('webhookLate') ? mischief.random('webhookLate').int(lateWebhookMsMax) : 0) +
        (mischief.happens('webhookReordered') ? mischief.random('webhookReordered').int(reorderedMsMax) : 0);
      return { delayMs, duplicates: mischief.happens('webhookTwice') ? 1 : 0 };
    },
    hidesRunner: () => mischief.happens('hiddenRunner'),
    isStale: () => mischief.happens('staleRead'),
  };
}

export function hostFaults(
  mischief: Mischief,
  spells: Spells,
  name: HostName,
  options: SimulatedHostOptions,
): SimulatedFaults {
  const taken = (kind: 'interrupted' | 'interruptedUntold', untold: boolean): LifeFault => {
    const afterMs = noticeMs + mischief.random(kind).int(interruptedMsMax - noticeMs);
    return { interrupted: { afterMs, noticeMs, untold } };
  };
  return {
    launch(_request, call) {
      if (spells.hostsFull.has(name))
        return {
          kind: 'refused',
          refusal: 'noCapacity',
          reason: 'no capacity for minutes',
          retryAfterMs: null,
        };
      if (mischief.happens('launchRefused')) {
        const retryAfterMs = mischief.random('launchRefused').chance(0.3) ? 500 : null;
        return { kind: 'refused', refusal: 'noCapacity', reason: 'no capacity', retryAfterMs };
      }
      if (mischief.happens('launchThrottled'))
        return { kind: 'refused', refusal: 'throttled', reason: 'too many calls', retryAfterMs: null };
      if (mischief.happens('launchUnanswered')) return { kind: 'answerLost' };
      if (mischief.happens('launchFailed')) return { kind: 'failed' };
      if (call === 'launch' && mischief.happens('launchLate'))
        return { kind: 'late', afterMs: mischief.random('launchLate').int(options.callEffectMs) };
      return undefined;
    },
    life({ steady }) {
      if (!steady && mischief.happens('interrupted')) return taken('interrupted', false);
      if (!steady && mischief.happens('interruptedUntold')) return taken('interruptedUntold', true);
      if (mischief.happens('bootNever')) return { boots: 'never' };
      if (mischief.happens('vanish'))
        return { vanishes: { afterMs: mischief.random('vanish').int(vanishMsMax), silently: false } };
      if (mischief.happens('vanishSilently'))
        return { vanishes: { afterMs: mischief.random('vanishSilently').int(vanishMsMax), silently: true } };
      return undefined;
    },
    terminate() {
      if (mischief.happens('terminateFailed')) return { kind: 'failed' };
      if (mischief.happens('terminateUnanswered')) return { kind: 'answerLost' };
      return mischief.happens('terminateSlow') ? { kind: 'slow', endingMs: slowEndingMs } : undefined;
    },
    list() {
      if (mischief.happens('listFailed'))
        return mischief.random('listFailed').chance(0.5) ? { kind: 'failed' } : { kind: 'unknown' };
      if (!mischief.happens('listStale')) return undefined;
      const chance = mischief.random('listStale');
      return { kind: 'stale', ageMs: () => chance.int(options.listStalenessMs + 1) };
    },
    event() {
      if (mischief.happens('eventLost')) return { kind: 'lost' };
      if (mischief.happens('eventLate'))
        return { kind: 'late', afterMs: mischief.random('eventLate').int(lateEventMsMax) };
      if (mischief.happens('eventTwice'))
        return { kind: 'twice', againAfterMs: mischief.random('eventTwice').int(lateEventMsMax) };
      return undefined;
    },
  };
}

export function queueFaults(mischief: Mischief): QueueFaults<unknown> {
  return {
    onPublish() {
      if (mischief.happens('messageLost')) return [];
      const delayMs = mischief.happens('messageLate')
        ? mischief.random('messageLate').int(lateMessageMsMax)
        : 0;
      if (!mischief.happens('messageTwice')) return [{ delayMs }];
      return [{ delayMs }, { delayMs: delayMs + mischief.random('messageTwice').int(lateMessageMsMax) }];
    },
    onReceive: () =>
      mischief.happens('messageEarly') ? 1 + mischief.random('messageEarly').int(earlyMsMax) : null,
  };
}
