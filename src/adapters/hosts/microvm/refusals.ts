// What the error codes of Lambda's MicroVMs mean for a call that starts or wakes one.
//
//   noRoom    no capacity, or the account's quota of memory is used up: evidence about the pool
//   later     it is asked too much, or has a bad moment: it says nothing about the pool
//   never     asked the same way it will be refused again: a person has to act
//   conflict  something is in another state than the call needs; after a launch, its token was used in other terms
//   unknown   of no list: it is tried again after a while, and ends in a reason that a person reads
//
// [the service's model, 2025-09-09: errors of RunMicrovm and ResumeMicrovm]

export type Meaning = 'noRoom' | 'later' | 'never' | 'conflict' | 'unknown';

const meanings: Readonly<Record<string, Meaning>> = {
  InsufficientCapacityException: 'noRoom',
  ServiceQuotaExceededException: 'noRoom',
  ThrottlingException: 'later',
  TooManyRequestsException: 'later',
  InternalServerException: 'later',
  ServiceException: 'later',
  AccessDeniedException: 'never',
  ExpiredTokenException: 'never',
  InvalidParameterValueException: 'never',
  InvalidSignatureException: 'never',
  ResourceNotFoundException: 'never',
  UnrecognizedClientException: 'never',
  ValidationException: 'never',
  ConflictException: 'conflict',
  ResourceConflictException: 'conflict',
};

export function meaningOf(code: string): Meaning {
  return Object.hasOwn(meanings, code) ? (meanings[code] ?? 'unknown') : 'unknown';
}

/** Too many calls, which is said before anything is done. */
export function isThrottle(error: unknown): boolean {
  return error instanceof Error && /^(ThrottlingException|TooManyRequestsException)$/.test(error.name);
}

export function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResourceNotFoundException';
}

export function isConflict(error: unknown): boolean {
  return error instanceof Error && meaningOf(error.name) === 'conflict';
}
