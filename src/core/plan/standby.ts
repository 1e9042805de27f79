// Machines that stand by: what has just begun to is put to rest, and what is done with its job goes on as a spare where its
// pool wants it so, its place handed over in the same commit.

import { systemToEnd } from '../configuration.ts';
import { mergeRunner, type Runner } from '../runner.ts';
import { countNewRunner, countRunner } from './count.ts';
import type { Draft } from './draft.ts';
import { type Naming, orderedRunner } from './order.ts';

/** Counted in this plan, standing by, and not at rest: its host is told once the commit stands. */
export function putToRest(draft: Draft): void {
  for (const spare of draft.runnersTouched()) {
    if (spare.state !== 'standby' || spare.restedAt !== null || spare.removing !== null) continue;
    const os = systemToEnd(draft.configuration, draft.host, spare.pool);
    draft.orders.push({ status: 'standBy', host: draft.host, os, runner: spare.name });
  }
}

/**
 * Its job has ended by itself, it has a key that no job knows, and it is not too old: the machine is a spare of the same
 * scope from here on. It cleans itself before it asks for more; if it does not ask, its boot deadline ends it.
 */
export function reuseMachines(draft: Draft, naming: Naming): void {
  for (const runner of draft.runnersTouched()) {
    const settings = draft.settings(runner.pool);
    if (!settings || draft.room() < 1 || !mayBeReused(runner, settings.reuseMs, draft.now)) continue;
    const spare: Runner = {
      ...orderedRunner(draft, settings, naming),
      scope: runner.scope,
      state: 'launched',
      markedAt: draft.now,
      attempt: runner.attempt,
      machine: runner.machine,
      machineSince: sinceOf(runner),
      keyHash: runner.keyHash,
      launchedAt: draft.now,
      timeline: [{ at: draft.now, what: 'launched', why: `on the machine of ${runner.name}` }],
    };
    const why = `its machine goes on as ${spare.name}`;
    const merged = mergeRunner(runner, { kind: 'gone', code: 'jobDone', why }, draft.now);
    if (merged.outcome !== 'changed') continue;
    countRunner(draft, { ...merged.runner, activatedAs: spare.name });
    countNewRunner(draft, spare);
  }
}

function mayBeReused(runner: Runner, reuseMs: number, now: number): boolean {
  const { state, removing, machine, keyHash, doneAt, terminatedAt, interruptedAt } = runner;
  // Its end was begun, as at its pool's wall, or is its platform's: that its job has ended since saves no machine.
  if (terminatedAt !== null || interruptedAt !== null) return false;
  if (reuseMs === 0 || state !== 'ending' || doneAt === null || removing !== null) return false;
  return machine !== null && keyHash !== null && now < sinceOf(runner) + reuseMs;
}

function sinceOf({ machineSince, launchedAt, orderedAt }: Runner): number {
  return machineSince ?? launchedAt ?? orderedAt;
}
