// What travels with each function as a file beside its code: the configuration, checked and complete, and what is
// fixed about its hosts. So no function needs the registry of hosts, nor a parameter store, to know it, and a new
// configuration is a new version of the code.

import { readFileSync } from 'node:fs';
import type { Configuration } from '../../core/configuration.ts';
import type { HostTraits } from '../../ports/host.ts';

export interface Bundled {
  configuration: Configuration;
  /** By the host's name. */
  traits: Readonly<Record<string, HostTraits>>;
}

export const bundledFile = 'configuration.json';

/** In a bundle all code is one file, and this one lies beside it. Our own, so it is not checked again. */
export function readBundled(): Bundled {
  return JSON.parse(readFileSync(new URL(bundledFile, import.meta.url), 'utf8')) as Bundled;
}
