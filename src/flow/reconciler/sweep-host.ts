// The host's machines against our runners: a machine that nobody knows is ended, a runner whose machine is no longer
// there is gone. Dead in a list counts at once; absent only in one that was asked late enough.

import { absenceProvesFrom } from '../../core/deadline.ts';
import type { HostName, MachineId } from '../../core/ids.ts';
import { readable } from '../../core/reason.ts';
import { isMarked, isReady, machineOf, type Runner, runnerClass } from '../../core/runner.ts';
import type { Host, ListedMachine } from '../../ports/host.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import { followMachine } from '../goes-on.ts';
import { factsOfHost, itsHost } from '../host-word.ts';
import { unregister } from '../registration.ts';
import type { ReconcilerDeps } from './deps.ts';
import { guarded } from './guarded.ts';
import { metrics } from './metrics.ts';
import type { Next } from './next.ts';

export async function sweepHost(deps: ReconcilerDeps, sweep: Sweep): Promise<Next> {
  const hostName = sweep.subject as HostName;
  const host = deps.hosts.get(hostName);
  if (!host) return lookAfterLost(deps, hostName);
  const askedAt = deps.clock.now();
  const machines = await host.list();
  if (machines === 'unknown') {
    await describeEach(deps, hostName, host);
    return { afterMs: deps.configuration.timing.hostListMs };
  }

  const listed = new Map<string, ListedMachine>();
  // Two machines of one name are a lost launch and its repeat: the one that lives counts.
  for (const machine of machines) if (!listed.get(machine.name)?.alive) listed.set(machine.name, machine);
  const byId = new Map(machines.map((machine) => [machine.machine, machine]));
  const runners = await deps.table.runnersOfHost(hostName);
  for (const runner of runners) {
    // A machine that goes on under another name is listed under a former one until its activation took effect.
    const machine = byId.get(machineOf(runner) ?? nobody) ?? listed.get(runner.name) ?? null;
    await guarded(deps.telemetry, 'hostList', () => compare(deps, host, runner, machine, askedAt));
  }
  const known = new Set<string>(runners.flatMap((runner) => [runner.name, machineOf(runner) ?? nobody]));
  for (const machine of listed.values()) {
    if (machine.alive && !known.has(machine.name) && !known.has(machine.machine))
      await guarded(deps.telemetry, 'hostList', () => endStray(deps, hostName, host, machine));
  }
  await renewOutdated(deps, runners, byId);
  await guarded(deps.telemetry, 'hostTend', async () => host.tend?.());
  return { afterMs: deps.configuration.timing.hostListMs };
}

/** No machine has this id. */
const nobody = '' as MachineId;

/**
 * A spare of an older image or template goes, and the plan orders another: one of a pool with each look, and none while
 * one that is to follow has not come to stand by, so that there are always some ready.
 */
async function renewOutdated(
  deps: ReconcilerDeps,
  runners: readonly Runner[],
  byId: ReadonlyMap<MachineId, ListedMachine>,
): Promise<void> {
  const spares = runners.filter((runner) => runnerClass(runner) === 'standby');
  for (const pool of new Set(spares.map((spare) => spare.pool))) {
    const ofPool = spares.filter((spare) => spare.pool === pool);
    const outdated = ofPool.find((spare) => byId.get(machineOf(spare) ?? nobody)?.outdated && isReady(spare));
    if (!outdated || !ofPool.every(isReady)) continue;
    const why = 'its image or its launch template is no longer the newest';
    await guarded(deps.telemetry, 'hostList', async () => {
      const fact = { kind: 'removing', code: 'outdated', why } as const;
      await deps.table.recordRunner(outdated.name, [fact], deps.clock.now());
    });
  }
}

/**
 * What a look may take that asks for one runner after another. A host that answers by itself is done with thousands; of
 * one that is out of reach for now, or asked too much already, few are asked, and nothing else waits for long.
 */
const describeMsMax = 10_000;

/**
 * A host that can't list: each of its runners is asked for by itself. Nothing is found that way which nobody knows, so
 * such a host's machines end by themselves. From another one on each time, so that in the end all are asked for.
 */
async function describeEach(deps: ReconcilerDeps, hostName: HostName, host: Host): Promise<void> {
  const until = deps.clock.now() + describeMsMax;
  const runners = await deps.table.runnersOfHost(hostName);
  const first = Math.floor(deps.random() * runners.length);
  for (const runner of [...runners.slice(first), ...runners.slice(0, first)]) {
    if (deps.clock.now() >= until) return;
    await guarded(deps.telemetry, 'hostList', async () => {
      if (!isMarked(runner) && !runner.activates) return;
      const askedAt = deps.clock.now();
      const machine = machineOf(runner);
      const state = await host.describe({ name: runner.name, machine });
      if (state === 'alive' || state === 'unknown') return;
      const absent = absenceProvesFrom(runner, host.traits);
      if (state === 'absent' && (absent === null || askedAt <= absent)) return;
      const fact =
        state === 'dead'
          ? ({ kind: 'gone', code: 'ended', why: 'its host says that it has ended', machine } as const)
          : ({ kind: 'gone', code: 'lost', why: 'its host does not know it' } as const);
      await deps.table.recordRunner(runner.name, [fact], deps.clock.now());
    });
  }
}

/** A host that is no longer configured: whatever still lives there is out of reach, and a person has to know. */
async function lookAfterLost(deps: ReconcilerDeps, host: HostName): Promise<Next> {
  const left = await deps.table.runnersOfHost(host);
  if (left.length === 0) return null;
  deps.telemetry.log(
    'error',
    'a host is no longer configured, but has runners: bring it back with limit 0 until it is empty',
    {
      host,
      runners: left.length,
    },
  );
  return { afterMs: deps.configuration.timing.runnerListIdleMs };
}

async function compare(
  deps: ReconcilerDeps,
  host: Host,
  runner: Runner,
  machine: ListedMachine | null,
  askedAt: number,
): Promise<void> {
  const { table, clock } = deps;
  if (machine?.alive) {
    if (runner.machine === null)
      await table.recordRunner(runner.name, [{ kind: 'alive', machine: machine.machine }], clock.now());
    if (machine.trouble && (runner.machine ?? machine.machine) === machine.machine)
      await hearTrouble(deps, runner, machine.trouble);
    return;
  }
  // A list that names another machine under this name says nothing of this one.
  if (machine && (runner.machine === null || runner.machine === machine.machine)) {
    if (runner.markedAt === null && !runner.activates) return;
    await table.recordRunner(
      runner.name,
      [{ kind: 'gone', code: 'ended', why: 'its host lists it as ended' }],
      clock.now(),
    );
    return;
  }
  const provesFrom = absenceProvesFrom(runner, host.traits);
  if (provesFrom === null || askedAt <= provesFrom) return;
  await table.recordRunner(
    runner.name,
    [{ kind: 'gone', code: 'lost', why: 'its host no longer lists it' }],
    clock.now(),
  );
}

/** As by the host's own word at the door; of a machine that has come up it is old. */
async function hearTrouble(
  { table, clock }: ReconcilerDeps,
  runner: Runner,
  { happened, cause }: NonNullable<ListedMachine['trouble']>,
): Promise<void> {
  if (runner.removing || !isBooting(runner)) return;
  const why = readable(cause);
  const last = runner.timeline.findLast(({ what }) => what === itsHost);
  if (happened === 'waits' && last?.why === why) return;
  const facts = factsOfHost({ happened, cause, machine: null });
  await table.recordRunner(runner.name, facts, clock.now());
}

function isBooting({ state }: Runner): boolean {
  return state === 'launching' || state === 'launched';
}

/** It has a runner that is not gone: this one, or the one that its machine goes on as. */
async function hasLiveRunner(deps: ReconcilerDeps, runner: Runner): Promise<boolean> {
  const last = await followMachine<Runner | null>(
    runner,
    (seen) => seen?.activatedAs ?? null,
    (name) => deps.table.readRunner(name),
  );
  return last !== null && last.state !== 'gone';
}

/** Alive, with our tag, and no live record: removed at GitHub first, unless it is at work; then ended. */
async function endStray(
  deps: ReconcilerDeps,
  hostName: HostName,
  host: Host,
  machine: ListedMachine,
): Promise<void> {
  const own = deps.sighting.own(machine.name);
  if (own?.host !== hostName) return;
  // Read strongly: the list of runners may lag behind an order of this moment.
  const runner = await deps.table.readRunner(own.name);
  if (runner && (await hasLiveRunner(deps, runner))) return;
  deps.telemetry.count(metrics.strays, { host: hostName, at: 'host' });
  deps.telemetry.log('warn', 'a machine without a live record is ended', {
    host: hostName,
    runner: own.name,
  });
  if (runner && (await unregister(deps.github, runner)) === 'busy') return;
  await host.terminate({ name: own.name, machine: machine.machine });
}
