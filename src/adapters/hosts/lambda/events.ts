// What a function's destinations say of an invocation that is over, through EventBridge. The record has the payload that
// it was invoked with, and so its runner. [Lambda: Retaining records of asynchronous invocations]
//
// An invocation whose claim was refused because another one has the runner says nothing about that one: neither does
// such a record here. An event that was never run, or whose program had no answer to its claim, may be the second of two
// that Lambda made of one: it is its runner's end only where no other has claimed. Every other end is its runner's.

import { z } from 'zod';
import type { HostEvent } from '../../../ports/host.ts';
import { payloadSchema } from './payload.ts';

const record = z.object({
  source: z.literal('lambda'),
  'detail-type': z.enum([
    'Lambda Function Invocation Result - Success',
    'Lambda Function Invocation Result - Failure',
  ]),
  time: z.iso.datetime(),
  detail: z.object({
    requestContext: z.object({ requestId: z.string().max(64), condition: z.string().max(64) }),
    requestPayload: payloadSchema.pick({ runner: true }),
    // None where it never ran.
    responsePayload: z.unknown().optional(),
  }),
});

/** Of the program in the image. A job that finds the Runtime API can write any other, about its own runner. */
const success = z.object({ outcome: z.string().max(64), why: z.string().default('') });
const failure = z.object({ errorType: z.string().default(''), errorMessage: z.string().default('') });

/** For people: a stack trace says no more to them. */
const saidLengthMax = 200;

export function readResult(event: unknown): HostEvent | null {
  const read = record.safeParse(event);
  if (!read.success) return null;
  const { time, detail } = read.data;
  const { requestId, condition } = detail.requestContext;
  const cause = condition === 'Success' ? endOf(detail.responsePayload) : faultOf(condition, detail);
  if (cause === null) return null;
  return {
    name: detail.requestPayload.runner,
    // The id has the hard end in it, which no record tells. A name is one runner's for ever.
    machine: null,
    happened: 'gone',
    ...(neverClaimed(condition, detail.responsePayload) && { neverClaimed: true }),
    cause: `${cause} (invocation ${requestId})`,
    at: Date.parse(time),
  };
}

/** `null`: it was another invocation's runner. */
function endOf(payload: unknown): string | null {
  const { outcome = 'ended', why = '' } = success.safeParse(payload).data ?? {};
  if (outcome === 'spent') return null;
  return why === '' ? 'its runner has ended' : why.slice(0, saidLengthMax);
}

/** A job that writes such an end has a runner that was claimed, so it ends nothing by it. */
function neverClaimed(condition: string, payload: unknown): boolean {
  const { errorType = '' } = failure.safeParse(payload).data ?? {};
  return condition === 'EventAgeExceeded' || /^Runner\.(BadEvent|Claim)/.test(errorType);
}

function faultOf(condition: string, { responsePayload }: { responsePayload?: unknown }): string {
  if (condition === 'EventAgeExceeded')
    return 'it waited in vain for a minute: Lambda had no concurrency left for it';
  const { errorType = '', errorMessage = '' } = failure.safeParse(responsePayload).data ?? {};
  const said = [errorType, errorMessage].filter(Boolean).join(': ').slice(0, saidLengthMax) || condition;
  const known = faults.find(([pattern]) => pattern.test(said))?.[1];
  return known === undefined ? `its function failed: ${said}` : `${known}: ${said}`;
}

const faults: readonly [pattern: RegExp, says: string][] = [
  [/timed out|Sandbox\.Timedout/i, 'Lambda stopped it at its time-out'],
  [/OutOfMemory|signal: killed/i, 'it took more memory than its function has'],
  [/InvalidEntrypoint|InvalidImage|exec format error/i, "its function's image can not be run"],
  [/^Runner\./, 'it could not become a runner'],
];
