// What all calls of one host share.

import type { OperatingSystem } from '../../../core/configuration.ts';
import type { DeploymentPrefix, HostName, PoolName, RunnerName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Api } from './api.ts';
import type { KubernetesHostOptions } from './options.ts';

export interface HostContext {
  deployment: DeploymentPrefix;
  host: HostName;
  options: KubernetesHostOptions;
  /** A pod has to say which system its image is of. */
  osOf: (pool: PoolName) => OperatingSystem;
  /** The registry where images of `ghcr.io` are pulled instead; `null`: there. */
  images: string | null;
  api: Api;
  clock: Clock;
  random: Random;
  /** Jobs that this instance ended by their name alone: that they are not there any more is then their end. */
  ended: EndedByName;
}

export interface EndedByName {
  add(name: RunnerName): void;
  has(name: RunnerName): boolean;
}

/** A launch without an answer is rare; what is forgotten here the host's list tells. */
const namesMax = 1_000;

export function createEndedByName(): EndedByName {
  const names = new Set<RunnerName>();
  return {
    add(name) {
      names.add(name);
      const [oldest] = names;
      if (names.size > namesMax && oldest !== undefined) names.delete(oldest);
    },
    has: (name) => names.has(name),
  };
}
