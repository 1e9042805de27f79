import { type Lane, waiting } from '../../core/ledger.ts';

/** Of those, the ones in which jobs wait or are held: first those that may hold the oldest. */
export function waitingLanes(lanes: Iterable<Lane>, limit: number): Lane[] {
  return [...lanes]
    .filter((lane) => waiting(lane) + lane.held > 0)
    .sort((a, b) => ageKey(a) - ageKey(b) || (a.key < b.key ? -1 : 1))
    .slice(0, limit);
}

/** Where jobs are held alone, none waits. */
function ageKey({ oldestAt }: Lane): number {
  return oldestAt ?? Number.MAX_SAFE_INTEGER;
}
