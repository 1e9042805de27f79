// The fourth door, for notes: what a machine says about itself, for its timeline. It never changes a count, frees a
// place or ends a runner.

import { z } from 'zod';
import { readable } from '../../core/reason.ts';
import { machineNotePrefix } from '../../core/runner.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { Answer } from './answer.ts';
import { type ProofDeps, prove } from './proof.ts';

const milestoneSchema = z.object({
  milestone: z.enum(['booted', 'registered', 'jobStarted', 'jobEnded']),
  detail: z.string().max(1_000).optional(),
});

/** A runner has four milestones; a job that found the token could write for ever. */
const machineNotesMax = 12;

export function createMilestoneDoor(
  deps: ProofDeps & { clock: Clock; table: JobsTable },
): (body: unknown) => Promise<Answer> {
  const { clock, table } = deps;
  return async (body) => {
    const proof = prove(body, deps);
    if (!proof) return { status: 401, body: { message: 'the proof is not good' } };
    const parsed = milestoneSchema.safeParse(body);
    if (!parsed.success)
      return { status: 400, body: { message: 'milestone is booted, registered, jobStarted or jobEnded' } };
    const { milestone, detail } = parsed.data;
    const note = {
      kind: 'note',
      what: `${machineNotePrefix}${milestone}`,
      machineNotesMax,
      machine: proof.machine,
      ...(detail ? { why: readable(detail) } : {}),
    } as const;
    const { outcome } = await table.recordRunner(proof.name, [note], clock.now());
    if (outcome !== 'recorded') return { status: 410, body: { message: 'no more notes are taken' } };
    return { status: 202, body: { message: 'noted' } };
  };
}
