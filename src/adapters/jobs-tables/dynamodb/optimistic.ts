// Read, decide, write on the version that was read; decide again where somebody else was faster. What was last seen
// of the item is as good as a read, if only it is not the last word: a put that is refused brings what it found.

import { type Access, rowId } from './access.ts';
import type { Addition } from './late.ts';
import type { Row, RowKey } from './schema.ts';

export type RowDecision<Answer> = { row: null; answer: Answer } | { row: Row; answer: Answer };

/**
 * Of n writers at once one wins each round, so it bounds how many may meet: GitHub's, the host's and the machine's word,
 * the Publisher's and the Reconciler's are five.
 */
const attemptsMax = 60;

export interface OptimisticWrite<Answer> {
  key: RowKey;
  /** Most likely it is not there: where nothing is known of it, the first try is a write without a read. */
  probablyNew: boolean;
  decide: (found: Row | null) => RowDecision<Answer>;
  /** Tried first, where it is not given up: one call, whatever was seen of the item. */
  addition?: { what: Addition; answer: (row: Row) => Answer } | null;
}

export async function writeOptimistically<Answer>(
  access: Access,
  { key, probablyNew, decide, addition = null }: OptimisticWrite<Answer>,
): Promise<Answer> {
  const wrote = access.makeToken();
  let known = access.recent(key) ?? (probablyNew ? null : undefined);
  if (addition !== null) {
    const added = await access.add(addition.what);
    if (added.done) return addition.answer(added.row);
    // What stood in its way was read by the refusal; where the refusal did not tell, it has to be read.
    const refused = decideRefused(added.found, decide);
    if (refused !== null) return refused.answer;
    known = added.found ?? undefined;
  }
  let isGuess = known !== undefined;
  let found = known === undefined ? await access.get(key) : known;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    let decision = decide(found);
    if (decision.row === null && isGuess) {
      // That there is nothing to write is not decided on a guess.
      isGuess = false;
      found = await access.get(key);
      decision = decide(found);
    }
    if (decision.row === null) return decision.answer;
    const row = { ...decision.row, wrote };
    const answer = await access.put({ row, version: found?.version ?? null });
    if (answer.done) return decision.answer;
    if (answer.found === 'not tried') continue;
    // It was deleted meanwhile, or the answer did not tell.
    found = answer.found ?? (await access.get(key));
    // A guess that was wrong met nobody.
    if (!isGuess) await access.pause(attempt);
    isGuess = false;
  }
  throw new Error(
    `table ${access.tableName}: item ${rowId(key)} was changed by others at each of ${attemptsMax} tries; nothing was written`,
  );
}

/** `null`: there is something to write, or the refusal did not tell what it met. */
function decideRefused<Answer>(
  found: Row | null,
  decide: (found: Row | null) => RowDecision<Answer>,
): { answer: Answer } | null {
  if (found === null) return null;
  const decision = decide(found);
  return decision.row === null ? { answer: decision.answer } : null;
}
