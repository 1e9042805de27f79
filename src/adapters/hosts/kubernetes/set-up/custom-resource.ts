// What CloudFormation calls to have a namespace set up, as a resource of its stack. It asks by an event, and is answered
// by a request to an address in it; without an answer its stack would wait, so there is one whatever happens.
// [CloudFormation: Custom resource reference]

import { z } from 'zod';
import type { Clock, EpochMs } from '../../../../ports/clock.ts';
import { type ObjectList, objectList } from './apply.ts';

const properties = z.object({
  cluster: z.string().min(1).max(100),
  principal: z.string().max(2048),
  policy: z.string().max(2048),
  /** As text: CloudFormation turns numbers and booleans into strings. */
  objects: z
    .string()
    .max(50_000)
    .transform((text, context): ObjectList => {
      const read = objectList.safeParse(parsed(text));
      if (read.success) return read.data;
      context.addIssue({ code: 'custom', message: z.prettifyError(read.error) });
      return z.NEVER;
    }),
});
export type SetUpProperties = z.output<typeof properties>;

const event = z.object({
  RequestType: z.enum(['Create', 'Update', 'Delete']),
  ResponseURL: z.url(),
  StackId: z.string(),
  RequestId: z.string(),
  LogicalResourceId: z.string(),
  PhysicalResourceId: z.string().optional(),
  ResourceProperties: z.unknown(),
});
type SetUpEvent = z.output<typeof event>;

export interface SetUpDeps {
  clock: Clock;
  apply(given: SetUpProperties, madeBy: string): Promise<void>;
  remove(given: SetUpProperties, madeBy: string, until: EpochMs): Promise<void>;
  /** A PUT of text. */
  put(url: string, text: string): Promise<void>;
  onStep(says: string): void;
}

/** For the answer, and for laying rights down, before the function is stopped. */
const reservedMs = 30_000;
/** An answer is 4,096 bytes at most. */
const reasonLengthMax = 1_500;
const putTriesMax = 5;
const putAgainMs = 1_000;

export function createSetUp(deps: SetUpDeps): (input: unknown, leftMs: number) => Promise<void> {
  const { clock, onStep } = deps;

  return async (input, leftMs) => {
    const until = clock.now() + leftMs - reservedMs;
    // What is no event of CloudFormation's has no address to be answered at.
    const asked = event.parse(input);
    try {
      const physicalId = await act(asked, until);
      await answer(asked, { Status: 'SUCCESS', PhysicalResourceId: physicalId });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      onStep(`${asked.RequestType} failed: ${reason}`);
      const PhysicalResourceId = asked.PhysicalResourceId ?? neverMade;
      await answer(asked, { Status: 'FAILED', PhysicalResourceId, Reason: reason.slice(0, reasonLengthMax) });
    }
  };

  async function act(asked: SetUpEvent, until: EpochMs): Promise<string> {
    const { RequestType, StackId } = asked;
    // A Create that failed is deleted again; if even its properties were wrong, it made nothing.
    const read = properties.safeParse(asked.ResourceProperties);
    if (!read.success && RequestType === 'Delete') return asked.PhysicalResourceId ?? neverMade;
    if (!read.success)
      throw new Error(`what is to be set up can not be read: ${z.prettifyError(read.error)}`);
    const given = read.data;
    onStep(`${RequestType} in cluster ${given.cluster}`);
    if (RequestType === 'Delete') {
      await deps.remove(given, StackId, until);
      return asked.PhysicalResourceId ?? idOf(given);
    }
    await deps.apply(given, StackId);
    return idOf(given);
  }

  async function answer(asked: SetUpEvent, given: Readonly<Record<string, string>>): Promise<void> {
    const { StackId, RequestId, LogicalResourceId } = asked;
    const text = JSON.stringify({ StackId, RequestId, LogicalResourceId, ...given });
    for (let tries = 1; ; tries += 1) {
      try {
        return await deps.put(asked.ResponseURL, text);
      } catch (error) {
        if (tries >= putTriesMax) throw error;
      }
      await clock.sleep(putAgainMs * tries);
    }
  }
}

const neverMade = 'nothing';

/** Another cluster or namespace is another resource: CloudFormation has the old one deleted afterwards. */
function idOf({ cluster, objects: { items } }: SetUpProperties): string {
  const names = items
    .filter(({ kind }) => kind === 'Role' || kind === 'Namespace')
    .map(({ metadata }) => metadata.name);
  return [cluster, ...names].join('/');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
