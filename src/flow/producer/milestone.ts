// The fourth door, for notes: what a machine says about itself, for its timeline. It never changes a count, frees a
// place or ends a runner.

import { z } from 'zod';
import { readable } from '../../core/reason.ts';
import { machineNotePrefix } from '../../core/runner.ts';
import type { Answer } from './answer.ts';
import { type ClaimDeps, prove } from './claim.ts';

const milestoneSchema = z.object({
  milestone: z.enum(['booted', 'registered', 'jobStarted', 'jobEnded']),
  detail: z.string().max(1_000).optional(),
});

/** A runner has four milestones; a job that found the token could write for ever. */
const machineNotesMax = 12;

export function createMilestoneDoor(
  deps: Pick<ClaimDeps, 'clock' | 'table' | 'own' | 'tokens'>,
): (body: unknown) => Promise<Answer> {
  const { clock, table } = deps;
  return async (body) => {
    const name = prove(body, deps);
    if (!name) return { status: 401, body: { message: 'the proof is not good' } };
    const parsed = milestoneSchema.safeParse(body);
    if (!parsed.success)
      return { status: 400, body: { message: 'milestone is booted, registered, jobStarted or jobEnded' } };
    const { milestone, detail } = parsed.data;
    const note = {
      kind: 'note',
      what: `${machineNotePrefix}${milestone}`,
      machineNotesMax,
      ...(detail ? { why: readable(detail) } : {}),
    } as const;
    const { outcome } = await table.recordRunner(name, [note], clock.now());
    if (outcome !== 'recorded') return { status: 410, body: { message: 'no more notes are taken' } };
    return { status: 202, body: { message: 'noted' } };
  };
}
