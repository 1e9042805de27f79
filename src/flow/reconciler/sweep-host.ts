// The host's machines against our runners: a machine that nobody knows is ended, a runner whose machine is no longer
// there is gone. Dead in a list counts at once; absent only in one that was asked late enough.

import { absenceProvesFrom } from '../../core/deadline.ts';
import type { HostName } from '../../core/ids.ts';
import type { Runner } from '../../core/runner.ts';
import type { Host, ListedMachine } from '../../ports/host.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
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
  if (machines === 'unknown') return { afterMs: deps.configuration.timing.hostListMs };

  const listed = new Map<string, ListedMachine>();
  // Two machines of one name are a lost launch and its repeat: the one that lives counts.
  for (const machine of machines) if (!listed.get(machine.name)?.alive) listed.set(machine.name, machine);
  const runners = await deps.table.runnersOfHost(hostName);
  for (const runner of runners) {
    // Until its activation took effect, the machine goes by the spare's name.
    const machine =
      listed.get(runner.name) ?? (runner.activates ? listed.get(runner.activates.spare) : null) ?? null;
    await guarded(deps.telemetry, 'hostList', () => compare(deps, host, runner, machine, askedAt));
  }
  const known = new Set<string>(
    runners.flatMap((runner) => [runner.name, ...(runner.activates ? [runner.activates.spare] : [])]),
  );
  for (const machine of listed.values()) {
    if (machine.alive && !known.has(machine.name))
      await guarded(deps.telemetry, 'hostList', () => endStray(deps, hostName, host, machine));
  }
  await guarded(deps.telemetry, 'hostTend', async () => host.tend?.());
  return { afterMs: deps.configuration.timing.hostListMs };
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
  if (runner && runner.state !== 'gone') return;
  const successor = runner?.activatedAs ? await deps.table.readRunner(runner.activatedAs) : null;
  if (successor && successor.state !== 'gone') return;
  deps.telemetry.count(metrics.strays, { host: hostName, at: 'host' });
  deps.telemetry.log('warn', 'a machine without a live record is ended', {
    host: hostName,
    runner: own.name,
  });
  if (runner && (await unregister(deps.github, runner)) === 'busy') return;
  await host.terminate({ name: own.name, machine: machine.machine });
}
