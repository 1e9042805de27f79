// Where runners live. Every call is idempotent by the runner's name and attempt: asked twice, it does the thing
// once. A host knows nothing of limits, of GitHub or of the table.

import type { DeploymentPrefix, MachineId, PoolName, RunnerName } from '../core/ids.ts';
import type { EpochMs } from './clock.ts';

export interface LaunchRequest {
  name: RunnerName;
  /** 1 for the first call of this name; a next one only after every earlier one was definitely refused. */
  attempt: number;
  deployment: DeploymentPrefix;
  pool: PoolName;
  labels: readonly string[];
  /** The pool's `machine`, in the host's own terms, already checked by the host's schema. */
  machine: unknown;
  /**
   * Until when the caller waits; the host gives up before. A call that only begins after it (its caller was stalled)
   * starts nothing and is an error: by then nobody expects it, and its place may be another's.
   */
  answerBefore: EpochMs;
  /** W3C trace context of this runner. */
  traceparent: string;
  /** Longest life that the machine may have, its own guard if this system is gone. */
  lifetimeMsMax: number;
  /** Asks for a machine that its platform will not take back: its job lost one to an interruption before. */
  steady?: boolean | undefined;
  configuration: RunnerConfiguration;
}

/** How the machine comes by its just-in-time configuration. */
export type RunnerConfiguration =
  | { kind: 'handedOver'; jitConfig: string }
  /** The machine asks `POST {url}` with this token, which can claim once and write notes about itself. */
  | { kind: 'claimed'; url: string; token: string };

export type LaunchAnswer =
  | { outcome: 'launched'; machine: MachineId }
  /**
   * Definite: this call started nothing and never will.
   */
  | { outcome: 'refused'; refusal: Refusal; reason: string; retryAfterMs: number | null };

/**
 * - `noCapacity`: no offer of the pool had room: evidence about the pool.
 * - `throttled`: too many calls: says nothing about the pool; later.
 * - `invalid`: the pool can't be launched as configured: evidence about the pool; a person has to act.
 */
export type Refusal = 'noCapacity' | 'throttled' | 'invalid';

export interface MachineRef {
  name: RunnerName;
  /** `null` where the launch was never answered: the host finds it by name. */
  machine: MachineId | null;
}

/** `gone`: it is not alive now and never will be again. `ending`: on its way; the host's list or event tells. */
export type TerminateAnswer = 'gone' | 'ending';

/** `absent` proves nothing before the call's latest effect plus the list's staleness; `unknown` keeps the place. */
export type MachineState = 'alive' | 'dead' | 'absent' | 'unknown';

export interface ListedMachine {
  /** As the host's tag says: a stranger's where it does not parse. */
  name: string;
  machine: MachineId;
  alive: boolean;
  /** A launch would be made from another template or image by now: where it stands by, it is renewed. */
  outdated?: boolean;
  /** Why it is not up yet, from a host that can see it: as its events tell it, where nobody hears them. */
  trouble?: Pick<HostEvent, 'cause'> & { happened: 'failed' | 'waits' };
}

/**
 * - `waits`: it stands by as its pool wants it: running, stopped or hibernated.
 * - `settling`: on its way there.
 * - `notNow`: it can't yet (too young to hibernate, not listed yet): ask again.
 */
export type StandByAnswer = 'waits' | 'settling' | 'notNow';

export interface HostTraits {
  /** Who brings the configuration: the launcher, with the launch, or the machine, by claim. */
  configuration: 'handedOver' | 'claimed';
  /** A machine of this host can stand by, launched and unregistered. */
  standby: boolean;
  /** After `completed`, how long a machine may take to end by itself. */
  endGraceMs: number;
  /** A list may be this old. */
  listStalenessMs: number;
  /** A call may still take effect this long after it was given up. */
  callEffectMs: number;
}

export interface Host {
  readonly traits: HostTraits;
  /** Throws where it is not known whether something started: the name is then in doubt. */
  launch(request: LaunchRequest): Promise<LaunchAnswer>;
  /** Puts a machine that stands by to work under a new name; as `launch`, but never a new machine. */
  activate(request: LaunchRequest, machine: MachineId): Promise<LaunchAnswer>;
  /**
   * A machine that has said that it stands by is put to rest, as its pool's `machine` settings want it. Asked again
   * until it `waits`; before that it is not activated. Nothing is begun after `before`: by then it may be at work. A
   * host without it leaves such machines as they are.
   */
  standBy?(machine: MachineId, settings: unknown, before: EpochMs): Promise<StandByAnswer>;
  /**
   * "It is already gone" is success. A machine given by its id is meant under any name but one that it had before: a
   * runner that is to go on with a spare's machine may be ended before its activation took effect. Of a name alone,
   * whose launch may still take effect, a host that can not rule that out says `ending`.
   */
  terminate(target: MachineRef): Promise<TerminateAnswer>;
  describe(target: MachineRef): Promise<MachineState>;
  /** Everything that carries this deployment's tag, all pages; `unknown` where the host can't tell. */
  list(): Promise<ListedMachine[] | 'unknown'>;
  /**
   * Looks after what costs though no machine runs on it, such as a dedicated host whose machine is gone: lets go of what
   * nothing wants any more. Called now and then, by several at once; it ends nothing that lives. A host where nothing
   * but machines costs leaves it out.
   */
  tend?(): Promise<void>;
}

/**
 * What a host says by itself, through the Producer's door.
 *
 * - `gone`: the machine is dead; the host's word frees its place.
 * - `failed`: its boot has failed for good, though it may still be there: it is ended as any other, and replaced.
 * - `interrupted`: its platform will take it back in a moment: without a job it is replaced at once.
 * - `waits`: a note, for people: why it takes so long.
 */
export interface HostEvent {
  name: string;
  machine: MachineId | null;
  happened: 'gone' | 'failed' | 'interrupted' | 'waits';
  /**
   * `interrupted`: when its platform takes it. With `gone` where that is why, and may not have been told before: the
   * earliest time at which that began.
   */
  takenAt?: EpochMs;
  /** With `gone`, of what has never claimed: a runner that was claimed has another machine, and this says nothing of it. */
  neverClaimed?: boolean;
  /** For people: exit status, signal, spot interruption … */
  cause: string;
  at: EpochMs;
}
