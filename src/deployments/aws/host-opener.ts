// How a function comes by its hosts: each type of host that can be deployed has a file `hosts/<type>.ts`, which is the
// opener itself: it exports `open`, `readEvent` and `traits`, each by its name, so that the bundler leaves out of a
// function what it does not use (one that reads events needs no SDK of the host's). A function is given exactly the
// openers that it needs.

import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { HostSettings, PoolSettings } from '../../core/configuration.ts';
import type { DeploymentPrefix, MachineId } from '../../core/ids.ts';
import type { Clock, EpochMs, Random } from '../../ports/clock.ts';
import type { Host, HostEvent, HostTraits } from '../../ports/host.ts';

export interface HostOpener {
  /** Once in each environment of a function. */
  open(given: OpenHost): Host;
  /** An event of EventBridge's, as this host tells of a machine's end; `null` where it tells of something else. */
  readEvent(event: unknown, settings: HostSettings): HostEvent | null | Promise<HostEvent | null>;
  /**
   * Where its machines have documents that their platform signs: the machine that this one is about. A host whose
   * machines are given tokens leaves it out.
   */
  identify?(identity: string, given: Identifying): Identified;
  /** What is fixed about the host: asked when the functions are bundled, and carried by all of them. */
  traits(settings: HostSettings): HostTraits;
}

/** `why`: for people, where it proves nothing. */
type Identified = { machine: MachineId } | { why: string };

interface Identifying {
  settings: HostSettings;
  pools: readonly PoolSettings[];
  /** Where this deployment is: machines of other accounts and regions are strangers. */
  account: string;
  region: string;
  now: EpochMs;
}

/** A table with the one client that its function has. */
export interface Store {
  client: DynamoDBDocumentClient;
  tableName: string;
}

interface OpenHost {
  settings: HostSettings;
  deployment: DeploymentPrefix;
  /** The deployment's table, for what the host remembers in it. */
  store: Store;
  clock: Clock;
  random: Random;
  environment: Readonly<Record<string, string | undefined>>;
}

/** By type. A function has those that its host, or every host of the configuration, needs. */
export type HostOpeners = Readonly<Record<string, Pick<HostOpener, 'open'>>>;
export type Identifiers = Readonly<Record<string, Required<Pick<HostOpener, 'identify'>>>>;
export type EventReaders = Readonly<Record<string, Pick<HostOpener, 'readEvent'>>>;
