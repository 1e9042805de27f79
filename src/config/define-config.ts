// The types of what is written in runners.config.ts. `defineConfig` does nothing but lend them: an editor completes
// keys, the names of hosts, and a pool's machine by the type of its host; the check at start is the same.

import type { z } from 'zod';
import type { HostType, hostTypes } from '../adapters/hosts/index.ts';
import type { configurationSchema, hostSchema, poolSchema } from './schema.ts';

/** The type of each host, by its name: what `hosts` says. */
export type HostTypesByName = Readonly<Record<string, HostType>>;

type OptionsOf<T extends HostType> = z.input<(typeof hostTypes)[T]['options']>;
type MachineOf<T extends HostType> = z.input<(typeof hostTypes)[T]['machine']>;

export type HostInput<T extends HostType> = T extends HostType
  ? Omit<z.input<typeof hostSchema>, 'type' | 'options'> & { type: T; options?: OptionsOf<T> }
  : never;

/** `command` is short for the machine's, where the machine has one. */
type ShortCommand<T extends HostType> = 'command' extends keyof MachineOf<T>
  ? { command?: MachineOf<T>['command'] }
  : unknown;

/** A pool of one of the hosts: whatever the host's type allows. */
export type PoolInput<H extends HostTypesByName> = {
  [Name in keyof H & string]: Omit<z.input<typeof poolSchema>, 'host' | 'machine' | 'command'> & {
    host: Name;
    machine?: MachineOf<H[Name]>;
  } & ShortCommand<H[Name]>;
}[keyof H & string];

export type ConfigurationInput<H extends HostTypesByName = HostTypesByName> = Omit<
  z.input<typeof configurationSchema>,
  'hosts' | 'pools'
> & {
  hosts: { [Name in keyof H]: HostInput<H[Name]> };
  pools: Readonly<Record<string, PoolInput<NoInfer<H>>>>;
};

/** Gives back what it is given: `export default defineConfig({ … })`. */
export function defineConfig<const H extends HostTypesByName>(
  configuration: ConfigurationInput<H>,
): ConfigurationInput<H> {
  return configuration;
}
