// What Lambda answers when it does not take an event, and what that means for a launch.
//
//   later    too many calls, or the function is being changed: says nothing about the pool
//   never    asked the same way it will be refused again: a person has to act
//   unknown  a fault of Lambda's own, or no answer: whether the event is in its queue, nobody knows
//
// [Lambda: API reference, Invoke; its errors of 5xx about networks and file systems come with neither here]

export type Meaning = 'later' | 'never' | 'unknown';

const later: ReadonlySet<string> = new Set([
  'TooManyRequestsException',
  'ThrottlingException',
  'Throttling',
  'RequestLimitExceeded',
  'ServiceQuotaExceededException',
  'ResourceConflictException',
  'CodeArtifactUserPendingException',
  'ExpiredTokenException',
]);

export function meaningOf(error: unknown): Meaning {
  if (!(error instanceof Error) || !('$metadata' in error)) return 'unknown';
  const status = (error.$metadata as { httpStatusCode?: number }).httpStatusCode ?? 0;
  if (later.has(error.name) || status === 429) return 'later';
  return status >= 400 && status < 500 ? 'never' : 'unknown';
}

/** As long as Lambda says, within reason. */
const retrySecondsMax = 60;

export function retryAfterMsOf(error: unknown): number | null {
  const seconds = Number((error as { retryAfterSeconds?: unknown } | null)?.retryAfterSeconds ?? 0);
  return seconds > 0 ? Math.min(seconds, retrySecondsMax) * 1_000 : null;
}
