// Items of the table in a few words, for the timeline.

import type { Job } from '../../core/job.ts';
import type { Lane } from '../../core/ledger.ts';
import type { Runner } from '../../core/runner.ts';

export function wordsOfJob({ phase, counted, ask, confirmed, dirty, version }: Job): string {
  return [
    `v${version} ${phase}`,
    counted && `counted ${counted.class}`,
    ask && `to ask (${ask.purpose})`,
    confirmed && `confirmed (${confirmed.purpose})`,
    dirty && `to count at ${dirty.host}`,
  ]
    .filter(Boolean)
    .join(', ');
}

export function wordsOfRunner({
  state,
  counted,
  removing,
  removedAt,
  lease,
  dirty,
  version,
}: Runner): string {
  return [
    `v${version} ${state}`,
    counted && `counted ${counted}`,
    lease && state === 'ordered' && 'leased',
    removing && `removing (${removing.code})`,
    removedAt !== null && 'removed at GitHub',
    dirty && 'to count',
  ]
    .filter(Boolean)
    .join(', ');
}

export function wordsOfLane(lane: Lane): string {
  const { fresh, ordered, orphaned, held, coming, busy, ending } = lane;
  return `fresh ${fresh}, ordered ${ordered}, orphaned ${orphaned}, held ${held}; coming ${coming}, busy ${busy}, ending ${ending}`;
}
