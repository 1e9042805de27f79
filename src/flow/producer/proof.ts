// How a machine that asks proves which runner's it is: by the token that it was given, or by a document that its
// platform has signed. A token is one runner's. A document says which machine asks, so it counts only for the runner
// whose machine that is known to be.

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { HostName, MachineId, RunnerName } from '../../core/ids.ts';
import type { OwnRunner } from '../../core/plan/count.ts';
import type { ClaimTokens } from '../claim-token.ts';

/** The machine of this host that the signed document is about; `null` where it proves nothing. */
export type Identify = (host: HostName, identity: string) => MachineId | null;

export interface ProofDeps {
  own: OwnRunner;
  tokens: ClaimTokens;
  /** Where a host's machines have documents. */
  identify?: Identify | undefined;
}

export interface Proof {
  name: RunnerName;
  /** Where the proof is a machine's: it is good for no runner but that machine's. */
  machine: MachineId | undefined;
  /** Of the key that the machine made before its first job, where it is one that works for several. */
  keyHash: string | undefined;
  /** The machine has had the job of this runner, and asks what it is to do next. */
  next: boolean;
}

/** EC2's document with its signature has some 3 KB. */
const identityLengthMax = 8_192;

/** 32 bytes, base64url. Shorter ones could be guessed. */
const key = z
  .string()
  .regex(/^[\w-]{43}$/)
  .optional();

const next = z.boolean().default(false);

const schema = z.union([
  z.object({ runner: z.string().max(64), key, next, token: z.string().max(200) }),
  z.object({ runner: z.string().max(64), key, next, identity: z.string().max(identityLengthMax) }),
]);

/** `null` where it is no good, whatever is wrong with it. */
export function prove(body: unknown, { own, tokens, identify }: ProofDeps): Proof | null {
  const { success, data } = schema.safeParse(body);
  const runner = success ? own(data.runner) : null;
  if (!success || !runner) return null;
  const { name, host } = runner;
  const keyHash = data.key && createHash('sha256').update(data.key).digest('base64url');
  if ('token' in data)
    return tokens.check(name, data.token) === null
      ? null
      : { name, machine: undefined, keyHash, next: data.next };
  const machine = identify?.(host, data.identity) ?? null;
  return machine && { name, machine, keyHash, next: data.next };
}
