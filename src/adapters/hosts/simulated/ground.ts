// The machines as they really are: their births, boots and deaths. Calls look at it through a host, which may be
// refused, late or stale; checkers look at it directly. Several hosts (deployments) may share one ground.
//
//   born → booting → running (its program) → dead
//                       ↕ standing by (→ settling → resting, where spares wait stopped)
//   `end` begins an ending, which takes its time; a machine counts as alive until it is dead.

import { createHash } from 'node:crypto';
import type { DeploymentPrefix, MachineId, PoolName, RunnerName } from '../../../core/ids.ts';
import type { Cancel, Clock, EpochMs } from '../../../ports/clock.ts';
import type { LaunchRequest, RunnerConfiguration } from '../../../ports/host.ts';

/** What runs on a machine once it has booted, and again, under its new name, once it was activated. */
export type SimulatedProgram = (machine: SimulatedMachine) => RunningProgram;

export interface RunningProgram {
  /** The machine died under it: it stops at once and says nothing more. */
  vanish(): void;
}

/** The machine as its program sees it. Once the machine is dead, or has another name, its calls do nothing. */
export interface SimulatedMachine {
  readonly machine: MachineId;
  readonly name: RunnerName;
  readonly pool: PoolName;
  readonly labels: readonly string[];
  readonly traceparent: string;
  readonly configuration: RunnerConfiguration;
  /** What it made at its first boot, where it works for one runner after another; a job can't read it. */
  readonly key: string | null;
  /** The machine ends by itself. */
  end(cause: string): void;
  /** It waits, unregistered, to be activated. */
  standBy(): void;
}

/** The machine as checkers and faults see it. */
export interface MachineView {
  readonly machine: MachineId;
  readonly name: RunnerName;
  readonly pool: PoolName;
  readonly deployment: DeploymentPrefix;
  readonly bornAt: EpochMs;
  readonly diedAt: EpochMs | null;
  /** Its platform does not take it back. */
  readonly steady: boolean;
}

export interface Machine extends MachineView {
  name: RunnerName;
  diedAt: EpochMs | null;
  isStandingBy: boolean;
  rest: 'none' | 'settling' | 'resting';
  key: string | null;
  isEnding: boolean;
  request: LaunchRequest;
  /** Names it had before, each until when. */
  formerNames: { name: RunnerName; until: EpochMs }[];
  program: SimulatedProgram;
  running: RunningProgram | null;
  timers: Set<Cancel>;
  /** Calls that are answered with this machine. */
  tokens: string[];
}

export interface BirthTerms {
  program: SimulatedProgram;
  reuses: boolean;
  /** `null`: it never boots. */
  bootMs: number | null;
}

export interface SimulatedObserver {
  born?(machine: MachineView): void;
  activated?(machine: MachineView, formerName: RunnerName): void;
  died?(machine: MachineView, cause: string): void;
}

export interface Census {
  alive: number;
  byPool: ReadonlyMap<PoolName, number>;
}

export type Death = { machine: MachineView; cause: string; silently: boolean };

/** Its platform takes the machine at `takenAt`. */
export type Notice = { machine: MachineView; takenAt: EpochMs };

/** Why a machine died that its platform took back. */
export const takenBack = 'its platform took it back';

export type SimulatedGround = ReturnType<typeof createSimulatedGround>;

/** A token is remembered for this long after its machine's death, as EC2 lists what is terminated: about an hour. */
const tombstoneMs = 3_600_000;

export function createSimulatedGround(deps: { clock: Clock; observer?: SimulatedObserver }) {
  const { clock, observer = {} } = deps;
  const byToken = new Map<string, Machine>();
  const byId = new Map<MachineId, Machine>();
  /** One name has more than one machine only where a caller broke the rule of attempts: to be seen, not hidden. */
  const byName = new Map<string, Set<Machine>>();
  const aliveByPool = new Map<PoolName, number>();
  const deathListeners = new Set<(death: Death) => void>();
  const noticeListeners = new Set<(notice: Notice) => void>();
  /** In the order of their deaths. */
  const graves: Machine[] = [];
  let firstGrave = 0;
  let births = 0;
  let alive = 0;

  /** The machine of this token, or a new one. */
  function bear(request: LaunchRequest, terms: (machine: MachineView) => BirthTerms): Machine {
    forgetOldGraves();
    const token = tokenOf(request);
    const known = byToken.get(token);
    if (known) return known;
    births += 1;
    const machine: Machine = {
      machine: `sim-${births}` as MachineId,
      name: request.name,
      pool: request.pool,
      deployment: request.deployment,
      bornAt: clock.now(),
      diedAt: null,
      steady: request.steady ?? false,
      isStandingBy: false,
      rest: 'none',
      key: null,
      isEnding: false,
      request,
      formerNames: [],
      program: () => ({ vanish: () => {} }),
      running: null,
      timers: new Set(),
      tokens: [token],
    };
    byToken.set(token, machine);
    byId.set(machine.machine, machine);
    addName(machine, machine.name);
    count(machine.pool, 1);
    observer.born?.(machine);
    const { program, bootMs, reuses } = terms(machine);
    machine.program = program;
    machine.key = reuses ? createHash('sha256').update(machine.machine).digest('base64url') : null;
    if (bootMs !== null) later(machine, bootMs, () => boot(machine));
    later(machine, request.lifetimeMsMax, () => die(machine, 'its longest life has passed'));
    return machine;
  }

  function boot(machine: Machine): void {
    if (machine.isEnding) return;
    const { request } = machine;
    const { name } = request;
    const isCurrent = (): boolean => machine.diedAt === null && machine.name === name;
    machine.running = machine.program({
      machine: machine.machine,
      name,
      pool: machine.pool,
      labels: request.labels,
      traceparent: request.traceparent,
      configuration: request.configuration,
      key: machine.key,
      end: (cause) => {
        if (isCurrent()) die(machine, cause);
      },
      standBy: () => {
        if (isCurrent() && !machine.isEnding) machine.isStandingBy = true;
      },
    });
    // The program may have ended its machine at once.
    if (machine.diedAt !== null) machine.running = null;
  }

  /** What stands by stops: its program is over, and it may be activated again once it rests. */
  function rest(machine: Machine, settleMs: number): void {
    machine.rest = 'settling';
    machine.running?.vanish();
    machine.running = null;
    later(machine, settleMs, () => {
      if (machine.rest === 'settling') machine.rest = 'resting';
    });
  }

  /** Gives a machine that stands by its new name; after `startMs` its program runs anew. */
  function activate(machine: Machine, request: LaunchRequest, startMs: number): void {
    const former = machine.name;
    machine.formerNames.push({ name: former, until: clock.now() });
    machine.name = request.name;
    machine.request = request;
    machine.isStandingBy = false;
    machine.rest = 'none';
    machine.running?.vanish();
    machine.running = null;
    const token = tokenOf(request);
    machine.tokens.push(token);
    byToken.set(token, machine);
    addName(machine, request.name);
    observer.activated?.(machine, former);
    later(machine, startMs, () => boot(machine));
  }

  function end(machine: Machine, endingMs: number, cause: string): void {
    if (machine.diedAt !== null || machine.isEnding) return;
    machine.isEnding = true;
    machine.isStandingBy = false;
    later(machine, endingMs, () => die(machine, cause));
  }

  function die(machine: Machine, cause: string, silently = false): void {
    if (machine.diedAt !== null) return;
    machine.diedAt = clock.now();
    machine.isStandingBy = false;
    for (const cancel of machine.timers) cancel();
    machine.timers.clear();
    graves.push(machine);
    count(machine.pool, -1);
    const { running } = machine;
    machine.running = null;
    running?.vanish();
    observer.died?.(machine, cause);
    for (const listener of deathListeners) listener({ machine, cause, silently });
  }

  /** What runs on it goes on until then; `untold`: and nobody is told before. */
  function interrupt(machine: Machine, noticeMs: number, untold: boolean): void {
    if (machine.diedAt !== null) return;
    const takenAt = clock.now() + noticeMs;
    if (!untold) for (const listener of noticeListeners) listener({ machine, takenAt });
    later(machine, noticeMs, () => die(machine, takenBack));
  }

  function later(machine: Machine, delayMs: number, task: () => void): void {
    const cancel = clock.after(delayMs, () => {
      machine.timers.delete(cancel);
      task();
    });
    machine.timers.add(cancel);
  }

  function addName(machine: Machine, name: RunnerName): void {
    const named = byName.get(name);
    if (named) named.add(machine);
    else byName.set(name, new Set([machine]));
  }

  function count(pool: PoolName, change: 1 | -1): void {
    alive += change;
    aliveByPool.set(pool, (aliveByPool.get(pool) ?? 0) + change);
  }

  function forgetOldGraves(): void {
    const before = clock.now() - tombstoneMs;
    for (
      let grave = graves[firstGrave];
      grave?.diedAt != null && grave.diedAt < before;
      grave = graves[firstGrave]
    ) {
      firstGrave += 1;
      forget(grave);
    }
    // Cut off once it is worth the copy, so that each grave costs the same whatever their number.
    if (firstGrave > 1000 && firstGrave * 2 > graves.length) {
      graves.splice(0, firstGrave);
      firstGrave = 0;
    }
  }

  function forget(machine: Machine): void {
    byId.delete(machine.machine);
    for (const name of [machine.name, ...machine.formerNames.map((former) => former.name)]) {
      const named = byName.get(name);
      named?.delete(machine);
      if (named?.size === 0) byName.delete(name);
    }
    for (const token of machine.tokens) byToken.delete(token);
  }

  return {
    bear,
    rest,
    activate,
    end,
    die,
    interrupt,
    byToken: (request: LaunchRequest): Machine | undefined => byToken.get(tokenOf(request)),
    byId: (machine: MachineId): Machine | undefined => byId.get(machine),
    /** All that have or had this name, dead ones too for an hour. */
    named: (name: string): Iterable<Machine> => byName.get(name) ?? [],
    all: (): Iterable<Machine> => byId.values(),
    /** What is really alive now: two numbers kept as machines are born and die, so that to ask costs nothing. */
    census: (): Census => ({ alive, byPool: aliveByPool }),
    onNotice: (listener: (notice: Notice) => void): Cancel => {
      noticeListeners.add(listener);
      return () => noticeListeners.delete(listener);
    },
    onDeath: (listener: (death: Death) => void): Cancel => {
      deathListeners.add(listener);
      return () => deathListeners.delete(listener);
    },
  };
}

/** One token, one machine: what EC2 does with a client token. */
function tokenOf(request: LaunchRequest): string {
  return `${request.name}#${request.attempt}`;
}
