// P1: at each birth, what is really alive on the host is within the limits of pool and host: those that were in force
// when the runner was ordered, since a lowered limit takes no order back.

import type { HostName, PoolName } from '../../../core/ids.ts';
import type { Checker, Scene } from './checker.ts';

export function createLimitsChecker(scene: Scene): Checker {
  return {
    born(host, machine) {
      const census = scene.grounds.get(host)?.census();
      if (!census) return;
      const inPool = census.byPool.get(machine.pool) ?? 0;
      const orderedAt = scene.truth.runners.get(machine.name)?.orderedAt ?? scene.clock.now();
      const { hosts, pools } = scene.configurationAt(orderedAt);
      const hostLimit = hosts.find(({ name }) => name === host)?.limit ?? 0;
      const poolLimit = pools.find(({ name }) => name === machine.pool)?.limit ?? 0;
      if (census.alive > hostLimit) {
        const text = `host ${host} has ${census.alive} machines alive, its limit is ${hostLimit}`;
        scene.fail('limits', text, [machine.name, ...placeless(host, () => true)]);
      }
      if (inPool > poolLimit) {
        const text = `pool ${machine.pool} has ${inPool} machines alive, its limit is ${poolLimit}`;
        scene.fail('limits', text, [machine.name, ...placeless(host, (pool) => pool === machine.pool)]);
      }
    },
  };

  /** Machines that live though the books hold no place for them: those that explain it. */
  function placeless(host: HostName, isMeant: (pool: PoolName) => boolean): string[] {
    const names: string[] = [];
    for (const machine of scene.grounds.get(host)?.all() ?? []) {
      if (machine.diedAt !== null || !isMeant(machine.pool)) continue;
      const runner = scene.truth.runners.get(machine.name);
      if (runner === undefined || runner.counted === null) names.push(machine.name);
    }
    return names;
  }
}
