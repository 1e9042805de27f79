// Read, decide, write on the version that was read; decide again where somebody else was faster. A put that is refused
// brings what it found, so only the first try reads.

import { type Access, rowId } from './access.ts';
import type { Row, RowKey } from './schema.ts';

export type RowDecision<Answer> = { row: null; answer: Answer } | { row: Row; answer: Answer };

/**
 * Of n writers at once one wins each round, so it bounds how many may meet: GitHub's, the host's and the machine's word,
 * the Publisher's and the Reconciler's are five.
 */
const attemptsMax = 60;

export interface OptimisticWrite<Answer> {
  key: RowKey;
  /** Most likely it is not there: the first try is a write without a read. */
  probablyNew: boolean;
  decide: (found: Row | null) => RowDecision<Answer>;
}

export async function writeOptimistically<Answer>(
  access: Access,
  { key, probablyNew, decide }: OptimisticWrite<Answer>,
): Promise<Answer> {
  const wrote = access.makeToken();
  let found = probablyNew ? null : await access.get(key);
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const decision = decide(found);
    if (decision.row === null) return decision.answer;
    const answer = await access.put({ ...decision.row, wrote }, found?.version ?? null);
    if (answer.done) return decision.answer;
    // It was deleted meanwhile, or the answer did not tell.
    found = answer.found ?? (await access.get(key));
    // A guess that was wrong met nobody.
    if (!probablyNew || attempt > 1) await access.pause(attempt);
  }
  throw new Error(
    `table ${access.tableName}: item ${rowId(key)} was changed by others at each of ${attemptsMax} tries; nothing was written`,
  );
}
