// What EC2's error codes mean for a launch. A code says one of four things, wherever it stands: in the errors of a good
// answer (an instant fleet has them beside its instances), or as the answer itself.
//
//   nextOffer  this type has no room in this zone and market: ask for another
//   later      EC2 is asked too much, or has a bad moment: it says nothing about the pool
//   never      asked the same way it will be refused again: a person has to act
//   unknown    of no list: it is tried again after a while, and ends in a reason that a person reads
//
// [EC2: Error codes; which of them fall through to the next offer is as other launchers of fleets found it]

export type Meaning = 'nextOffer' | 'later' | 'never' | 'unknown';

const nextOffer: ReadonlySet<string> = new Set([
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'HostLimitExceeded',
  'InsufficientReservedInstanceCapacity',
  'InsufficientCapacityOnHost',
  'InsufficientFreeAddressesInSubnet',
  'UnfulfillableCapacity',
  'MaxSpotInstanceCountExceeded',
  'SpotMaxPriceTooLow',
  'VcpuLimitExceeded',
  'InstanceLimitExceeded',
  'MaxFleetCountExceeded',
  'ReservationCapacityExceeded',
  'Unsupported',
  'UnsupportedOperation',
]);

const later: ReadonlySet<string> = new Set([
  'RequestLimitExceeded',
  'RequestThrottled',
  'Throttling',
  'ThrottlingException',
  'ResourceCountExceeded',
  'EC2ThrottledException',
  'InternalError',
  'InternalFailure',
  'ServiceUnavailable',
  'Unavailable',
]);

const never: ReadonlySet<string> = new Set([
  'AuthFailure',
  'Blocked',
  'DryRunOperation',
  'ExpiredToken',
  'MissingParameter',
  'OptInRequired',
  'PendingVerification',
  'UnauthorizedOperation',
  'UnknownParameter',
  'ValidationError',
]);

/** Groups of codes: an image, a template or a parameter that is not there or not right. */
const neverPattern = /^Invalid|\.Malformed$|\.NotFound$|^Unknown|^AccessDenied/;

/** The type does not exist in that zone, which does not change in minutes. */
const lasting: ReadonlySet<string> = new Set(['Unsupported', 'UnsupportedOperation']);

export function meaningOf(code: string): Meaning {
  if (nextOffer.has(code)) return 'nextOffer';
  if (later.has(code)) return 'later';
  if (never.has(code) || neverPattern.test(code)) return 'never';
  return 'unknown';
}

/** The account's limit in this market: whatever else is asked for there is refused too. */
const ofMarket: ReadonlySet<string> = new Set([
  'InstanceLimitExceeded',
  'MaxFleetCountExceeded',
  'MaxSpotInstanceCountExceeded',
  'VcpuLimitExceeded',
]);

export function isOfMarket(code: string): boolean {
  return ofMarket.has(code);
}

export function isLasting(code: string): boolean {
  return lasting.has(code);
}

/** Too many calls, which is said before anything is done. EC2 answers so with 503, as it does faults of its own. */
export function isThrottle(code: string): boolean {
  return /RequestLimitExceeded|Throttl/.test(code);
}
