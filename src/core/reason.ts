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

/** What a person may do about a job that gets no runner at all. */
export function refusalRemedy(code: RefusalCode): string {
  switch (code) {
    case 'noPool':
      return 'change runs-on in its workflow, or give a pool these labels in the configuration';
    case 'ownerNotAllowed':
      return "add its owner to allow.owners in the configuration, if the owner's jobs may run here";
    case 'repositoryNotAllowed':
      return "add it to the pool's repositories in the configuration, or change runs-on in its workflow";
    case 'publicRepository':
      return "anybody may propose what a public repository runs: if that is wanted, set publicRepositories: 'allow' on a pool of its own";
    default:
      return code satisfies never;
  }
}

/** Where a job runs, as far as it tells why GitHub may give it to no runner. */
interface HeldBack {
  repository: string;
  isPublic: boolean;
  route: { kind: 'refused' } | { kind: 'lane'; group: string; scope: { repository: string | null } };
}

/** Why GitHub keeps a job from an idle runner with all of its labels: the likely causes, the likeliest first. */
export function heldCause(job: HeldBack): string {
  const admitted = job.isPublic ? 'public repositories' : job.repository;
  const ofGroup = groupMayRefuse(job) ? [`runner group "${groupOf(job)}" does not admit ${admitted}`] : [];
  const ofWorkflow = ['max-parallel or concurrency in its workflow'];
  // A group admits no public repository unless it is told to. [GitHub: managing access to self-hosted runners using groups]
  const likely = job.isPublic ? [...ofGroup, ...ofWorkflow] : [...ofWorkflow, ...ofGroup];
  const causes = [...likely, 'its runner version is deprecated'];
  return `GitHub still calls it queued, but gives it to no idle runner: ${causes.join(', or ')}`;
}

export function heldRemedy(job: HeldBack): string {
  const group = groupMayRefuse(job)
    ? `if its workflow has neither max-parallel nor concurrency: let runner group "${groupOf(job)}" admit ${job.repository}${job.isPublic ? ', and public repositories' : ''} (settings of the organisation, Actions, Runner groups); else `
    : 'if its workflow has neither max-parallel nor concurrency: ';
  return `${group}see that the runner on the machine is no older than a month`;
}

/** A runner that is registered at a repository serves that one, whatever groups there are. */
function groupMayRefuse({ route }: HeldBack): boolean {
  return route.kind === 'lane' && route.scope.repository === null;
}

function groupOf({ route }: HeldBack): string {
  return route.kind === 'lane' ? route.group : 'default';
}

/** Texts from outside are cut to this before they are kept: a reason is read by people. */
const textLengthMax = 300;

/** Printable, on one line, and no longer than a reason may be. */
export function readable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out.
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ');
  return plain.length > textLengthMax ? `${plain.slice(0, textLengthMax - 1)}…` : plain;
}
