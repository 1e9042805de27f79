// Why a job waits, or why a runner ends: codes that the metrics count, each with a sentence that a person can act on.

/** Why a job gets no runner at all. */
export type RefusalCode = 'noPool' | 'ownerNotAllowed' | 'repositoryNotAllowed' | 'publicRepository';

/** Why a runner ends: a failure is a reason, not a state. */
export type EndingCode =
  | 'surplus' // more coming than jobs waiting, for the idle time
  | 'giveWay' // its place is wanted by a waiting lane
  | 'uncertain' // its launch was never answered
  | 'interrupted' // its platform takes the machine back
  | 'outdated' // a spare of an older image or template
  | 'reused' // its machine goes on as a spare, cleaned
  | 'expired' // nobody began to launch it in time
  | 'bootDeadline' // launched, never online
  | 'unregistered' // its registration is gone before it had a job
  | 'jobDone' // its job has ended
  | 'jobTime' // its job ran longer than the pool allows
  | 'poolGone' // the configuration no longer has its pool
  | 'activated' // a spare whose machine goes on under a new name
  | 'refused' // the host refused every attempt
  | 'throttled' // the host takes no more calls just now
  | 'invalid' // the host can't launch this pool as configured
  | 'mintRefused' // GitHub refuses to register such a runner
  | 'ended' // the machine ended, by its own word or the host's
  | 'lost'; // the machine is no longer there

/** Evidence about the pool, which the circuit breaker counts: never our own lost answers, limits or outages. */
export function speaksAgainstPool(code: EndingCode): boolean {
  switch (code) {
    case 'bootDeadline':
    case 'refused':
    case 'invalid':
    case 'mintRefused':
      return true;
    case 'surplus':
    case 'giveWay':
    case 'uncertain':
    case 'interrupted':
    case 'outdated':
    case 'reused':
    case 'expired':
    case 'unregistered':
    case 'jobDone':
    case 'jobTime':
    case 'poolGone':
    case 'activated':
    case 'throttled':
    case 'ended':
    case 'lost':
      return false;
    default:
      return code satisfies never;
  }
}

/** Texts from outside are cut to this before they are kept: a reason is read by people. */
const textLengthMax = 300;

/** Printable, on one line, and no longer than a reason may be. */
export function readable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out.
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
  return plain.length > textLengthMax ? `${plain.slice(0, textLengthMax - 1)}…` : plain;
}
