// A runner without a job whose machine its platform takes back: GitHub is to give it none any more. So it is ended now,
// and not when its deadline passes; the same plan orders another in its place.

import type { Draft } from './draft.ts';
import { pushTerminate } from './release.ts';

export function endInterrupted(draft: Draft): void {
  for (const runner of draft.runnersTouched()) {
    const { removing, state, terminatedAt } = runner;
    if (removing?.code !== 'interrupted' || state === 'gone' || terminatedAt !== null) continue;
    pushTerminate(draft, runner);
  }
}
