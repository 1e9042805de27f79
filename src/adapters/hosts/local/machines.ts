// The machines of this host, as this instance knows them: those it started and those it found when it began. It
// watches each until it is dead, which is when its end is on record: by its keeper, or, where the keeper was killed,
// by us, once nothing of the runner is left. Then it is told, and kept as a tombstone, so that a late call for its name
// starts nothing.

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import {
  type DeploymentPrefix,
  type HostName,
  type MachineId,
  ownRunnerName,
  parseRunnerName,
  type RunnerName,
} from '../../../core/ids.ts';
import type { Cancel, Clock, EpochMs } from '../../../ports/clock.ts';
import type { HostEvent } from '../../../ports/host.ts';
import { markOf } from './environment.ts';
import { type DataFolders, workFolders } from './folders.ts';
import { stopSignal } from './keeper-protocol.ts';
import type { LocalHostOptions } from './options.ts';
import { endKin } from './processes/end-kin.ts';
import { isRunning, type ProcessIdentity, type ProcessTable, signal } from './processes/index.ts';
import { pruneLogs } from './prune-logs.ts';
import type { MachineRecords, Records } from './records.ts';
import { removeTree } from './work-directory.ts';

export interface LocalMachine {
  name: RunnerName;
  machine: MachineId;
  /** `null`: it was revoked before anything started. */
  keeper: ProcessIdentity | null;
  /** `null`: alive. */
  diedAt: EpochMs | null;
  cause: string;
  isTold: boolean;
}

export interface MachinesDeps {
  deployment: DeploymentPrefix;
  host: HostName;
  options: LocalHostOptions;
  clock: Clock;
  folders: DataFolders;
  records: Records;
  processes: ProcessTable;
  onEvent: (event: HostEvent) => Promise<void>;
  onWarning: (text: string) => void;
}

export type Machines = Awaited<ReturnType<typeof openMachines>>;

/** Longer than any call for a name is repeated. */
const tombstoneMs = 3_600_000;
/** Keepers that we did not start ourselves tell us nothing when they end, so we look. A look costs a file read. */
const lookMs = 2000;
/** After the grace a keeper needs moments to tidy up; one that needs longer hangs, or was stopped by its own job. */
const keeperLateMs = 10_000;

export async function openMachines(deps: MachinesDeps) {
  const { clock, folders, records, processes, options, onWarning } = deps;
  const byName = new Map<RunnerName, LocalMachine>();
  /** Looked at from time to time. */
  const watched = new Set<LocalMachine>();
  const burials = new Map<LocalMachine, Promise<void>>();
  const tellings = new Map<LocalMachine, Promise<void>>();
  const backstops = new Map<LocalMachine, Cancel>();
  /** Their grace is over. */
  const forced = new Set<LocalMachine>();
  let nextLook: Cancel | null = null;
  let isClosed = false;

  function isOwn(name: string): name is RunnerName {
    return ownRunnerName(deps.deployment, name) !== null && parseRunnerName(name)?.host === deps.host;
  }

  async function adopt(): Promise<void> {
    for (const found of await records.readAll()) {
      if (!isOwn(found.order.name)) continue;
      const known = byName.get(found.order.name);
      const machine = await adoptOne(found.order.name, found);
      // An attempt that was refused, whose folder a crash has left: the later one counts.
      if (!known || known.diedAt !== null) byName.set(machine.name, machine);
    }
    await removeOrphans();
    for (const machine of byName.values()) {
      if (machine.diedAt === null || !machine.isTold) watched.add(machine);
    }
    // Soon, and not before we are there: what has ended meanwhile is told, and who is told may need us.
    scheduleLook(0);
  }

  async function adoptOne(name: RunnerName, found: MachineRecords): Promise<LocalMachine> {
    const { machine } = found.order;
    const why = 'the orchestrator ended before it had started it';
    // Its keeper may be about to record itself this moment: one of us comes first.
    const fence =
      found.fence ??
      ((await records.revoke(machine, why))
        ? { kind: 'revoked' as const, why }
        : await records.readFence(machine));
    const keeper = fence?.kind === 'keeper' ? { pid: fence.pid, startedAt: fence.startedAt } : null;
    const adopted: LocalMachine = {
      name,
      machine: machine as MachineId,
      keeper,
      diedAt: null,
      cause: '',
      isTold: found.toldAt !== null,
    };
    if (fence?.kind === 'revoked' && !found.end) await records.writeEnd(machine, { cause: fence.why });
    const end = found.end ?? (fence?.kind === 'revoked' ? { cause: fence.why } : null);
    if (end) {
      adopted.diedAt = found.toldAt ?? clock.now();
      adopted.cause = end.cause;
    }
    return adopted;
  }

  /** Work directories of runners that are not alive: an earlier try to remove them failed. */
  async function removeOrphans(): Promise<void> {
    for (const name of await readdir(folders.runners)) {
      if (isOwn(name) && byName.get(name)?.diedAt !== null) await removeWork(name);
    }
  }

  function watch(machine: LocalMachine): void {
    watched.add(machine);
    scheduleLook();
  }

  function scheduleLook(delayMs = lookMs): void {
    if (isClosed || nextLook || watched.size === 0) return;
    nextLook = clock.after(delayMs, () => {
      nextLook = null;
      look()
        .catch((error: unknown) => onWarning(`could not look after the runners: ${messageOf(error)}`))
        .finally(() => scheduleLook());
    });
  }

  function lookSoon(machine: LocalMachine): void {
    look([machine]).catch((error: unknown) => {
      onWarning(`could not see how ${machine.name} has ended, and look again: ${messageOf(error)}`);
      watch(machine);
    });
  }

  /** Brings all machines, or one, up to date. */
  async function look(machines: Iterable<LocalMachine> = watched): Promise<void> {
    const living: LocalMachine[] = [];
    for (const machine of machines) {
      if (machine.diedAt === null) living.push(machine);
      else if (!machine.isTold) void tell(machine);
    }
    const pids = living.flatMap((machine) => machine.keeper?.pid ?? []);
    const startTimes = await processes.startTimes(pids);
    for (const machine of living) {
      const { keeper } = machine;
      const runs = keeper !== null && startTimes.get(keeper.pid) === keeper.startedAt;
      // Read after the look at the keeper: what had ended by then has its end on record, if it could write one.
      const end = await records.readEnd(machine.machine);
      if (end) ended(machine, end.cause);
      else if (!runs) bury(machine);
    }
  }

  /** The keeper is dead and has recorded no end: it was killed. */
  function bury(machine: LocalMachine): void {
    const { keeper } = machine;
    if (!keeper || burials.has(machine)) return;
    watch(machine);
    const burial = (async () => {
      await endKin(processes, { keeper, mark: markOf(folders, machine.machine) }, clock.sleep, () =>
        forced.has(machine),
      );
      await removeWork(machine.name);
      const cause = 'its keeper was killed, and so was what was left of it';
      await records.writeEnd(machine.machine, { cause });
      ended(machine, cause);
    })();
    burials.set(machine, burial);
    burial
      .catch((error: unknown) =>
        onWarning(`could not end what is left of ${machine.name}: ${messageOf(error)}`),
      )
      .finally(() => burials.delete(machine));
  }

  function ended(machine: LocalMachine, cause: string): void {
    if (machine.diedAt !== null) return;
    machine.diedAt = clock.now();
    machine.cause = cause;
    backstops.get(machine)?.();
    backstops.delete(machine);
    forced.delete(machine);
    // Told until it was heard.
    watch(machine);
    tell(machine)
      .then(() => tidy(machine))
      .catch((error: unknown) => onWarning(`could not tidy up after ${machine.name}: ${messageOf(error)}`));
  }

  function tell(machine: LocalMachine): Promise<void> {
    const running = tellings.get(machine) ?? tellOnce(machine).finally(() => tellings.delete(machine));
    tellings.set(machine, running);
    return running;
  }

  async function tellOnce(machine: LocalMachine): Promise<void> {
    const { name, cause, diedAt } = machine;
    if (isClosed || diedAt === null || machine.isTold) return;
    try {
      await deps.onEvent({ name, machine: machine.machine, happened: 'gone', cause, at: diedAt });
      await markTold(machine);
    } catch (error) {
      onWarning(`the end of ${name} was not heard, and is told again: ${messageOf(error)}`);
    }
  }

  async function markTold(machine: LocalMachine): Promise<void> {
    await records.writeTold(machine.machine, machine.diedAt ?? clock.now());
    machine.isTold = true;
    watched.delete(machine);
  }

  async function tidy(machine: LocalMachine): Promise<void> {
    if (existsSync(workFolders(folders, machine.name).root)) await removeWork(machine.name);
    await pruneLogs(folders.logs, (name) => isOwn(name) && byName.get(name)?.diedAt === null, options);
  }

  async function removeWork(name: RunnerName): Promise<void> {
    const { root } = workFolders(folders, name);
    await removeTree(root, clock.sleep).catch((error: unknown) =>
      onWarning(`could not remove ${root}: ${messageOf(error)}. It is tried again at the next start.`),
    );
  }

  /** Signals the keeper, which ends the runner; sees to it that it does. False where it was dead already. */
  async function stop(machine: LocalMachine): Promise<boolean> {
    await look([machine]);
    const { keeper } = machine;
    if (machine.diedAt !== null || !keeper) return false;
    if (await isRunning(processes, keeper)) signal(keeper.pid, stopSignal);
    if (!backstops.has(machine)) {
      backstops.set(
        machine,
        clock.after(options.endGraceMs + keeperLateMs, () => void force(machine, keeper)),
      );
    }
    return true;
  }

  async function force(machine: LocalMachine, keeper: ProcessIdentity): Promise<void> {
    forced.add(machine);
    if (await isRunning(processes, keeper)) signal(keeper.pid, 'SIGKILL');
    watch(machine);
  }

  function forgetOld(): void {
    const before = clock.now() - tombstoneMs;
    for (const machine of byName.values()) {
      if (!machine.isTold || machine.diedAt === null || machine.diedAt > before) continue;
      byName.delete(machine.name);
      records
        .forget(machine.machine)
        .catch((error: unknown) => onWarning(`could not forget ${machine.name}: ${messageOf(error)}`));
    }
  }

  await adopt();

  return {
    isOwn,
    look,
    lookSoon,
    stop,
    all: (): Iterable<LocalMachine> => byName.values(),
    named: (name: string): LocalMachine | undefined => (isOwn(name) ? byName.get(name) : undefined),
    /** One that was just started; `watch` where its keeper is not our child and so ends unheard. */
    add: (machine: LocalMachine, how: 'watch' | 'heard'): void => {
      forgetOld();
      byName.set(machine.name, machine);
      if (how === 'watch') watch(machine);
    },
    /** A name that must never start. */
    addTombstone: async (machine: LocalMachine): Promise<void> => {
      byName.set(machine.name, machine);
      await markTold(machine);
    },
    forgetOld,
    close: (): void => {
      isClosed = true;
      nextLook?.();
      for (const cancel of backstops.values()) cancel();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
