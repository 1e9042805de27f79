// How a function comes by its hosts: each type of host that can be deployed has a file in hosts/ that opens it, and the
// bundler puts exactly those into a function that it needs.

import type { HostSettings } from '../../core/configuration.ts';
import type { DeploymentPrefix } from '../../core/ids.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Host, HostEvent } from '../../ports/host.ts';

export interface HostOpener {
  open(given: {
    settings: HostSettings;
    deployment: DeploymentPrefix;
    clock: Clock;
    random: Random;
    environment: Readonly<Record<string, string | undefined>>;
  }): Host;
  /** An event of EventBridge's, as this host tells of a machine's end; `null` where it tells of something else. */
  readEvent(event: unknown, settings: HostSettings): HostEvent | null;
}

/** By type. A function has those that its host, or every host of the configuration, needs. */
export type HostOpeners = Readonly<Record<string, HostOpener>>;
