// P1: at each birth, what is really alive on the host is within the limits of pool and host.

import type { Checker, Scene } from './checker.ts';

export function createLimitsChecker(scene: Scene): Checker {
  const hostLimits = new Map(scene.configuration.hosts.map((host) => [host.name, host.limit]));
  const poolLimits = new Map(scene.configuration.pools.map((pool) => [pool.name, pool.limit]));

  return {
    born(host, machine) {
      const census = scene.grounds.get(host)?.census();
      if (!census) return;
      const inPool = census.byPool.get(machine.pool) ?? 0;
      const hostLimit = hostLimits.get(host) ?? 0;
      const poolLimit = poolLimits.get(machine.pool) ?? 0;
      if (census.alive > hostLimit) {
        scene.fail('limits', `host ${host} has ${census.alive} machines alive, its limit is ${hostLimit}`, [
          machine.name,
        ]);
      }
      if (inPool > poolLimit) {
        scene.fail('limits', `pool ${machine.pool} has ${inPool} machines alive, its limit is ${poolLimit}`, [
          machine.name,
        ]);
      }
    },
  };
}
