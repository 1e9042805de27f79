// A host has no capacity while spares are made: the pool's breaker opens, and no job comes whose runner could close it.

import type { Scenario } from './scenario.ts';

const outageMinutes = 8;
/** The breaker's longest time, and one machine's boot after the other's. */
const wholeSeconds = 300 + 2 * 90;
const spares = 2;

export const sparesComeBack: Scenario = {
  name: 'spares-come-back',
  shows:
    'Spares are made whole after an outage of their host, though no job comes that would close the breaker',
  async play({ plot, until, clock, runners }) {
    const from = clock.now();
    const isOut = () => clock.now() < from + outageMinutes * 60_000;
    plot.onLaunch('ec2', () =>
      isOut() ? { kind: 'refused', refusal: 'noCapacity', reason: 'no capacity', retryAfterMs: null } : null,
    );
    await until('the host has capacity again', outageMinutes * 60 + 1, () => !isOut());
    await until('the spares stand by', wholeSeconds, () => {
      return runners('ready').filter(({ state }) => state === 'standby').length === spares;
    });
  },
};
