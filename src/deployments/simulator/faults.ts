// Everything that may go wrong, by kind, with the share of occasions at which it does. A profile is a set of kinds:
// each alone, all of them together, and `pressure`, which shows races faster. Shrinking a failure switches kinds off.

import type { SeededRandom } from '../../adapters/clock/virtual/random.ts';

interface FaultTerms {
  says: string;
  /** Share of occasions, alone and among all the others. */
  alone: number;
  together: number;
  /** Handlers stop in the middle, launches are refused: repaired within five minutes, all others within two. */
  isHeavy?: true;
  /** What has to happen besides, for this one to find its occasions when it is alone. */
  beside?: Readonly<Record<string, number>>;
}

export const faultKinds = {
  // Webhooks, per delivery.
  webhookNeverSent: { says: 'a webhook that is never sent', alone: 0.1, together: 0.02 },
  webhookFailed: { says: 'a webhook that fails, and can be sent again', alone: 0.15, together: 0.03 },
  webhookLate: { says: 'a webhook up to 5 minutes late', alone: 0.2, together: 0.03 },
  webhookTwice: { says: 'a webhook that comes twice', alone: 0.3, together: 0.05 },
  webhookReordered: { says: 'webhooks that overtake one another', alone: 0.5, together: 0.1 },
  // GitHub.
  theft: { says: 'a job that fits runners of other pools too', alone: 0.5, together: 0.15 },
  foreignRunner: { says: "a stranger's runner that takes jobs, per minute", alone: 0.5, together: 0.1 },
  answerLost: { says: 'a request to GitHub whose answer is lost', alone: 0.1, together: 0.01 },
  mintLost: { says: 'a just-in-time configuration whose answer is lost', alone: 0.2, together: 0.05 },
  gitHubUnavailable: { says: 'a request to GitHub answered 502', alone: 0.1, together: 0.02 },
  gitHubLimited: { says: 'a request to GitHub refused for its limits', alone: 0.01, together: 0.002 },
  staleRead: { says: "a job's state read as it was before", alone: 0.3, together: 0.05 },
  hiddenRunner: { says: "a runner missing in a page of GitHub's list", alone: 0.4, together: 0.03 },
  idleKept: {
    says: 'a GitHub that leaves idle runners alone, as Enterprise Servers do',
    alone: 1,
    together: 0,
    beside: { cancel: 0.4, webhookNeverSent: 0.1 },
  },
  idleDrop: { says: 'idle runners that GitHub drops after one to two minutes', alone: 1, together: 0 },
  deprecated: { says: 'a runner too old to be given a job', alone: 0.05, together: 0.01 },
  gitHubDown: {
    says: 'GitHub answers nothing for minutes, per minute',
    alone: 0.06,
    together: 0.01,
    isHeavy: true,
  },
  notAdmitted: { says: 'a job that no runner group admits', alone: 0.08, together: 0.02 },
  // People.
  cancel: { says: 'a run that is cancelled, in any phase', alone: 0.3, together: 0.1 },
  cancelIgnored: {
    says: 'a job that goes on though it is cancelled',
    alone: 0.5,
    together: 0.1,
    beside: { cancel: 0.4 },
  },
  // The table.
  indexLag: { says: 'an index that lags up to 10 s', alone: 0.5, together: 0.3 },
  conflict: { says: 'a transaction that meets another', alone: 0.1, together: 0.02 },
  // Queues, per message.
  messageTwice: { says: 'a message that comes twice', alone: 0.2, together: 0.03 },
  messageLate: { says: 'a message up to 60 s late', alone: 0.2, together: 0.03 },
  messageLost: { says: 'a message among the dead letters', alone: 0.05, together: 0.01 },
  messageEarly: {
    says: 'a message that is delivered again while its handler works',
    alone: 0.2,
    together: 0.03,
  },
  // Handlers.
  slow: { says: 'a step that takes up to 5 s', alone: 0.1, together: 0.02 },
  crash: { says: 'a handler that dies at a step', alone: 0.05, together: 0.01, isHeavy: true },
  stall: { says: 'a handler that sleeps up to 90 s at a step', alone: 0.1, together: 0.02, isHeavy: true },
  restart: { says: 'the whole process is killed, per minute', alone: 0.15, together: 0.03, isHeavy: true },
  // Hosts.
  noCapacity: {
    says: 'a host refuses all launches for minutes, per minute',
    alone: 0.06,
    together: 0.01,
    isHeavy: true,
  },
  launchRefused: {
    says: 'a launch refused for want of capacity',
    alone: 0.15,
    together: 0.03,
    isHeavy: true,
  },
  launchThrottled: {
    says: 'a launch refused for too many calls',
    alone: 0.05,
    together: 0.01,
    isHeavy: true,
  },
  launchUnanswered: { says: 'a launch that takes effect, unanswered', alone: 0.1, together: 0.02 },
  launchFailed: { says: 'a launch that comes to nothing, unanswered', alone: 0.1, together: 0.02 },
  launchLate: { says: 'a launch that takes effect after it was given up', alone: 0.1, together: 0.02 },
  bootNever: { says: 'a machine that never registers', alone: 0.05, together: 0.01 },
  claimLost: { says: 'a claim, or its answer, lost on the way', alone: 0.15, together: 0.04 },
  vanish: { says: 'a machine that dies', alone: 0.08, together: 0.02 },
  vanishSilently: { says: 'a machine that dies, and no event tells', alone: 0.06, together: 0.02 },
  interrupted: {
    says: 'a machine that its platform takes back, two minutes after it said so',
    alone: 0.15,
    together: 0.01,
  },
  interruptedUntold: {
    says: 'a machine that its platform takes back without a word',
    alone: 0.15,
    together: 0.01,
  },
  hang: { says: 'a machine that does not end after its job', alone: 0.1, together: 0.02 },
  terminateFailed: {
    says: 'a call to end a machine that fails',
    alone: 0.2,
    together: 0.05,
    beside: { hang: 0.3 },
  },
  terminateUnanswered: {
    says: 'a call to end a machine, unanswered',
    alone: 0.2,
    together: 0.05,
    beside: { hang: 0.3 },
  },
  terminateSlow: {
    says: 'a machine that takes two minutes to end',
    alone: 0.1,
    together: 0.02,
    beside: { hang: 0.3 },
  },
  listStale: { says: 'a list of machines that is old', alone: 0.8, together: 0.3 },
  listFailed: { says: 'a list of machines that fails, or knows nothing', alone: 0.15, together: 0.03 },
  eventLost: { says: "a machine's death that is never told", alone: 0.4, together: 0.05 },
  eventLate: { says: "a machine's death told up to a minute late", alone: 0.3, together: 0.05 },
  eventTwice: { says: "a machine's death told twice", alone: 0.3, together: 0.05 },
} as const satisfies Record<string, FaultTerms>;

export type FaultKind = keyof typeof faultKinds;

export type Rates = Readonly<Partial<Record<FaultKind, number>>>;

const kinds = Object.keys(faultKinds) as FaultKind[];

/** Many races: invocations that stall, short boots are the host's own, people cancel often. */
const pressure: Rates = {
  ...together(),
  idleDrop: 1,
  stall: 0.3,
  crash: 0.02,
  cancel: 0.4,
  slow: 0.1,
  messageTwice: 0.15,
  messageEarly: 0.15,
  launchUnanswered: 0.08,
  launchLate: 0.08,
  conflict: 0.1,
};

/** Launches, claims and endings that overtake one another, and little else: what is rare elsewhere is common here. */
const races: Rates = {
  stall: 0.6,
  slow: 0.5,
  launchLate: 0.3,
  launchUnanswered: 0.15,
  listStale: 0.8,
  messageTwice: 0.2,
  messageEarly: 0.2,
  claimLost: 0.1,
  cancel: 0.7,
};

export type ProfileName = 'calm' | 'all' | 'pressure' | 'races' | FaultKind;

export const profileNames: readonly ProfileName[] = ['calm', ...kinds, 'all', 'pressure', 'races'];

/** Most seeds have all kinds at once, which finds most; each kind has its turn alone, by which its cost is seen. */
export function profileOfSeed(seed: number): ProfileName {
  const singles: readonly ProfileName[] = ['calm', ...kinds];
  switch (seed % 4) {
    case 0:
      return seed % 8 === 0 ? 'races' : 'pressure';
    case 1:
      return singles[Math.floor(seed / 4) % singles.length] ?? 'calm';
    default:
      return 'all';
  }
}

/**
 * `all`, or `all:crash,stall` for these kinds alone, as often as they have it there; `cancel:messageLost=0.3,cancel` gives
 * a kind its own share of occasions, whether the profile has it or not.
 */
export type FaultsChoice = { profile: ProfileName; rates: Rates; text: string };

export function chooseFaults(text: string): FaultsChoice | { problem: string } {
  const [profile = '', only] = text.split(':');
  if (!isProfileName(profile)) {
    return { problem: `FAULTS is "${profile}"; it has to be one of ${profileNames.join(', ')}` };
  }
  const known = ratesOf(profile);
  if (only === undefined) return { profile, rates: known, text };
  const rates: Partial<Record<FaultKind, number>> = {};
  for (const part of only.split(',').filter((wanted) => wanted !== '')) {
    const [kind = '', share] = part.split('=');
    const rate = share === undefined ? known[kind as FaultKind] : Number(share);
    if (!(kind in faultKinds) || rate === undefined)
      return { problem: `FAULTS names "${kind}", which profile ${profile} does not have` };
    if (!(rate >= 0 && rate <= 1))
      return { problem: `FAULTS gives ${kind} the share "${share}"; it has to be a number from 0 to 1` };
    rates[kind as FaultKind] = rate;
  }
  return { profile, rates, text };
}

function isProfileName(text: string): text is ProfileName {
  return (profileNames as readonly string[]).includes(text);
}

export function ratesOf(profile: ProfileName): Rates {
  switch (profile) {
    case 'calm':
      return {};
    case 'all':
      return together();
    case 'pressure':
      return pressure;
    case 'races':
      return races;
    default:
      return { ...besides(profile), [profile]: faultKinds[profile].alone };
  }
}

function besides(kind: FaultKind): Rates {
  const terms: FaultTerms = faultKinds[kind];
  return terms.beside ?? {};
}

/** Is this kind one of those that may take five minutes to be repaired? */
export function isHeavy(kind: FaultKind): boolean {
  return 'isHeavy' in faultKinds[kind];
}

function together(): Rates {
  return Object.fromEntries(kinds.map((kind) => [kind, faultKinds[kind].together]));
}

/** Decides at each occasion. Each kind has a stream of chance of its own, so that one less does not move the others. */
export interface Mischief {
  happens(kind: FaultKind): boolean;
  /** Chance for the details of a fault of this kind: how late, at which step. */
  random(kind: FaultKind): SeededRandom;
  rate(kind: FaultKind): number;
  /** From now on all goes well. */
  stop(): void;
  injected(): ReadonlyMap<FaultKind, number>;
}

export function createMischief(rates: Rates, random: SeededRandom): Mischief {
  const streams = new Map<FaultKind, SeededRandom>();
  const counts = new Map<FaultKind, number>();
  let isOver = false;

  const streamOf = (kind: FaultKind): SeededRandom => {
    let stream = streams.get(kind);
    if (stream === undefined) {
      stream = random.fork(kind);
      streams.set(kind, stream);
    }
    return stream;
  };

  return {
    happens(kind) {
      const rate = rates[kind] ?? 0;
      if (isOver || rate === 0 || !streamOf(kind).chance(rate)) return false;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return true;
    },
    random: streamOf,
    rate: (kind) => (isOver ? 0 : (rates[kind] ?? 0)),
    stop() {
      isOver = true;
    },
    injected: () => counts,
  };
}
