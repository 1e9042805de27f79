// Watches each birth: never more machines alive than the limits of pool and host allow, whatever the
// books of the system say.

import type { Census, MachineView } from '../../../../adapters/hosts/simulated/index.ts';
import type { Configuration, HostSettings } from '../../../../core/configuration.ts';
import type { HostName, PoolName } from '../../../../core/ids.ts';

export interface LimitsWatch {
  observer(host: HostSettings, census: () => Census): { born(machine: Pick<MachineView, 'pool'>): void };
  /** A sentence for each birth that was one too many. */
  broken(): readonly string[];
  births(): number;
  /** Most machines alive at once so far. */
  mostOfHost(host: HostName): number;
  mostOfPool(pool: PoolName): number;
}

/** One mistake repeats itself at each birth: the first ones tell. */
const brokenMax = 100;

export function createLimitsWatch({ pools }: Pick<Configuration, 'pools'>): LimitsWatch {
  const most = new Map<HostName | PoolName, number>();
  const broken: string[] = [];
  let births = 0;

  function look(what: string, name: HostName | PoolName, alive: number, limit: number): void {
    most.set(name, Math.max(most.get(name) ?? 0, alive));
    if (alive > limit && broken.length < brokenMax)
      broken.push(`${what} ${name} has ${alive} machines alive, its limit is ${limit}`);
  }

  return {
    observer: (host, census) => ({
      born({ pool }) {
        births += 1;
        const { alive, byPool } = census();
        const poolLimit = pools.find(({ name }) => name === pool)?.limit ?? 0;
        look('host', host.name, alive, host.limit);
        look('pool', pool, byPool.get(pool) ?? 0, poolLimit);
      },
    }),
    broken: () => broken,
    births: () => births,
    mostOfHost: (host) => most.get(host) ?? 0,
    mostOfPool: (pool) => most.get(pool) ?? 0,
  };
}
