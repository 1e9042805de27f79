// What travels with each function as a file beside its code: the configuration, checked and complete, and what is
// fixed about its hosts. So no function needs the registry of hosts, nor a parameter store, to know it, and a new
// configuration is a new version of the code.

import type { Configuration } from '../../core/configuration.ts';
import type { HostTraits } from '../../ports/host.ts';

export interface Bundled {
  configuration: Configuration;
  /** By the host's name. */
  traits: Readonly<Record<string, HostTraits>>;
}

export const bundledFile = 'configuration.json';
