// Runners as processes of this computer, Linux or macOS. Each has a keeper, a small process that outlives us: so an
// orchestrator can be stopped, updated or killed while its runners go on, and the next one adopts them.

import type { DeploymentPrefix, HostName } from '../../../core/ids.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Host, HostEvent } from '../../../ports/host.ts';
import type { LocalContext } from './context.ts';
import { describe } from './describe.ts';
import { type BaseEnvironment, defaultBaseEnvironment } from './environment.ts';
import { openDataFolders } from './folders.ts';
import { launch } from './launch.ts';
import { list } from './list.ts';
import { openMachines } from './machines.ts';
import type { LocalHostOptions } from './options.ts';
import { invalid } from './prepare.ts';
import { createProcessTable } from './processes/index.ts';
import { createRecords } from './records.ts';
import { terminate } from './terminate.ts';
import { createTurns } from './turns.ts';

export type { BaseEnvironment } from './environment.ts';
export { type DataDirectoryLock, takeDataDirectory } from './lock.ts';

export interface LocalHost extends Host {
  /** Stops watching. The runners go on: the next instance on this data directory adopts them. */
  close(): void;
}

export interface LocalHostDeps {
  deployment: DeploymentPrefix;
  host: HostName;
  options: LocalHostOptions;
  /** Held by the caller, see `takeDataDirectory`. */
  dataDirectory: string;
  clock: Clock;
  /** Of what this process was started in, what runners may have too. */
  base?: BaseEnvironment;
  /** Told again until it resolves; across a restart it may be told twice. */
  onEvent: (event: HostEvent) => Promise<void>;
  /** For the person who runs this: one sentence, said once. */
  onWarning: (text: string) => void;
}

/** What a call does here it does at once; a keeper that was not heard in time is killed before the call gives up. */
const callEffectMs = 5000;

/** Adopts the runners of earlier instances before it resolves. */
export async function createLocalHost(deps: LocalHostDeps): Promise<LocalHost> {
  const { options, clock, onWarning } = deps;
  const folders = openDataFolders(deps.dataDirectory);
  const records = createRecords(folders.machines);
  const processes = createProcessTable();
  const machines = await openMachines({ ...deps, folders, records, processes });
  const warned = new Set<string>();
  const context: LocalContext = {
    options,
    clock,
    folders,
    records,
    machines,
    base: deps.base ?? defaultBaseEnvironment,
    inTurn: createTurns(),
    warn: (key, text) => {
      if (!warned.has(key)) onWarning(text);
      warned.add(key);
    },
  };

  return {
    traits: {
      configuration: 'handedOver',
      standby: false,
      endGraceMs: options.endGraceMs,
      listStalenessMs: 0,
      callEffectMs,
    },
    launch: (request) => context.inTurn(request.name, () => launch(context, request)),
    activate: async () => invalid('a local host has no machines that stand by'),
    terminate: (target) => context.inTurn(target.name, () => terminate(context, target)),
    describe: (target) => describe(context, target),
    list: () => list(context),
    close: () => machines.close(),
  };
}
