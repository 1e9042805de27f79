// From the written form to the one that the core knows: complete, in milliseconds, in one order, with its hash.

import { createHash } from 'node:crypto';
import type { Configuration, HostSettings, PoolSettings } from '../core/configuration.ts';
import type { HostName, PoolName } from '../core/ids.ts';
import type { InTermsOfHosts } from './draft.ts';
import { type HostTypeEntry, type HostTypes, usualBootSeconds } from './host-types.ts';
import type { ConfigurationWritten, PoolWritten } from './schema.ts';
import { millisecondsOf, timingOf, timings } from './timing.ts';

/** `written` has passed every rule. */
export function normalise(
  written: ConfigurationWritten,
  hostTypes: HostTypes,
  inTerms: InTermsOfHosts,
): Configuration {
  const typeOf = (host: string): HostTypeEntry | undefined => hostTypes[written.hosts[host]?.type ?? ''];
  const content: Omit<Configuration, 'version'> = {
    hosts: Object.entries(written.hosts)
      .map(
        ([name, host]): HostSettings => ({
          name: name as HostName,
          type: host.type,
          limit: host.limit,
          launchBurst: host.launchBurst ?? typeOf(name)?.launchBurst ?? 1,
          launchesPerSecond: host.launchesPerSecond ?? typeOf(name)?.launchesPerSecond ?? 1,
          options: inTerms.options.get(name) ?? {},
        }),
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    pools: Object.entries(written.pools).map(([name, pool]) =>
      poolOf(name, pool, written, typeOf(pool.host), inTerms.machines.get(name) ?? {}),
    ),
    allow: written.allow
      ? { kind: 'owners', owners: lowered(written.allow.owners) }
      : { kind: 'onlyInstallation' },
    timing: timingOf(written.timing),
    github: written.github,
  };
  return inOrder({ version: versionOf(content), ...content });
}

function poolOf(
  name: string,
  pool: PoolWritten,
  { timing }: ConfigurationWritten,
  type: HostTypeEntry | undefined,
  machine: unknown,
): PoolSettings {
  const usual = type ? usualBootSeconds(type, pool.os) : timings.bootMs.default;
  const bootSeconds = pool.bootSeconds ?? timing.bootSeconds ?? usual;
  return {
    name: name as PoolName,
    host: pool.host as HostName,
    os: pool.os,
    labels: lowered(pool.labels),
    limit: pool.limit,
    spares: pool.spares,
    spareChanges: pool.spareSchedule,
    reuseMs: type?.reuseMs?.(machine) ?? 0,
    rerunInterrupted: pool.rerunInterrupted,
    weight: pool.weight,
    priority: pool.priority,
    register: pool.register,
    group: pool.group,
    repositories: pool.repositories ? lowered(pool.repositories) : null,
    publicRepositories: pool.publicRepositories,
    overlap: pool.overlap,
    jobMsMax: millisecondsOf('jobMinutesMax', pool.jobMinutesMax),
    idleMs: millisecondsOf('idleSeconds', pool.idleSeconds ?? timing.idleSeconds),
    bootMs: millisecondsOf('bootSeconds', bootSeconds),
    machine,
  };
}

/** Names of GitHub's are compared without case; in one order, so that writing them in another changes nothing. */
function lowered(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => name.toLowerCase()))].sort();
}

/** Enough of a hash to tell any two configurations apart, and short enough to be read out. */
const versionLength = 16;

function versionOf(content: Omit<Configuration, 'version'>): string {
  return createHash('sha256')
    .update(JSON.stringify(inOrder(content)))
    .digest('hex')
    .slice(0, versionLength);
}

/** The same data with the keys of every object in alphabetical order. Lists stay as they are. */
function inOrder<T>(data: T): T {
  if (Array.isArray(data)) return data.map(inOrder) as T;
  if (typeof data !== 'object' || data === null) return data;
  const entries = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, value]) => [key, inOrder(value)])) as T;
}
