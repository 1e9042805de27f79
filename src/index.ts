// What a configuration file imports.

export type { ConfigurationInput, HostInput, HostTypesByName, PoolInput } from './config/define-config.ts';
export { defineConfig } from './config/define-config.ts';
