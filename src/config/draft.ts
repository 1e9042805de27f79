// What can be read of a configuration that may have mistakes: key by key, so that a mistake in one hides none in
// another, and the rules over the whole look at all the rest.

import type { z } from 'zod';
import type { HostTypeEntry, HostTypes } from './host-types.ts';
import type { Problem } from './problem.ts';
import { readPart } from './read-part.ts';
import {
  allowSchema,
  gitHubSchema,
  type HostWritten,
  hostSchema,
  type PoolWritten,
  poolSchema,
  timingSchema,
} from './schema.ts';

export interface Draft {
  hostTypes: HostTypes;
  /** `null`: not given, or not readable. */
  owners: readonly string[] | null;
  timing: Partial<z.output<typeof timingSchema>>;
  github: Partial<z.output<typeof gitHubSchema>>;
  hosts: ReadonlyMap<string, HostDraft>;
  /** In order of precedence. */
  pools: readonly PoolDraft[];
}

interface HostDraft {
  name: string;
  settings: Partial<HostWritten>;
  /** `null` where there is no such type. */
  type: HostTypeEntry | null;
}

export interface PoolDraft {
  name: string;
  settings: Partial<PoolWritten>;
  /** `null` where some of it can not be read. */
  whole: PoolWritten | null;
  /** `null` where there is no such host. */
  host: HostDraft | null;
}

export function draftOf(data: unknown, hostTypes: HostTypes): Draft {
  const hosts = Object.entries(partsOf(data, 'hosts')).map(([name, written]): [string, HostDraft] => {
    const settings = readable(hostSchema, written);
    const type = settings.type !== undefined && Object.hasOwn(hostTypes, settings.type);
    return [name, { name, settings, type: type ? (hostTypes[settings.type ?? ''] ?? null) : null }];
  });
  const byName = new Map(hosts);
  return {
    hostTypes,
    owners: readable(allowSchema, partOf(data, 'allow')).owners ?? null,
    timing: readable(timingSchema, partOf(data, 'timing')),
    github: readable(gitHubSchema, partOf(data, 'github')),
    hosts: byName,
    pools: Object.entries(partsOf(data, 'pools')).map(([name, written]): PoolDraft => {
      const settings = readable(poolSchema, written);
      const whole = readPart(poolSchema, written).value;
      return { name, settings, whole, host: byName.get(settings.host ?? '') ?? null };
    }),
  };
}

/** The keys that can be read, with their defaults where they are not written. */
function readable<S extends z.ZodObject>(schema: S, written: unknown): Partial<z.output<S>> {
  const values = Object.entries(schema.shape).flatMap(([key, part]) => {
    const result = (part as z.ZodType).safeParse(partOf(written, key));
    return result.success && result.data !== undefined ? [[key, result.data]] : [];
  });
  return Object.fromEntries(values) as Partial<z.output<S>>;
}

/** Options and machines as the types of their hosts read them, by name of the host or pool. */
export interface InTermsOfHosts {
  options: ReadonlyMap<string, unknown>;
  machines: ReadonlyMap<string, unknown>;
}

export function inTermsOfHosts(draft: Draft): InTermsOfHosts & { problems: Problem[] } {
  const problems: Problem[] = [];
  const options = new Map<string, unknown>();
  for (const { name, settings, type } of draft.hosts.values()) {
    if (!type) continue;
    const part = readPart(type.options, settings.options ?? {}, ['hosts', name, 'options']);
    problems.push(...part.problems);
    options.set(name, part.value);
  }
  const machines = new Map<string, unknown>();
  for (const { name, settings, host } of draft.pools) {
    if (!host?.type) continue;
    const { command, machine } = settings;
    const given = command === undefined ? machine : { ...machine, command };
    const part = readPart(host.type.machine, given ?? {}, ['pools', name, 'machine']);
    problems.push(...(command === undefined ? part.problems : part.problems.map(atShortForm)));
    machines.set(name, part.value);
  }
  return { options, machines, problems };
}

function partOf(data: unknown, key: string): unknown {
  const isObject = typeof data === 'object' && data !== null;
  return isObject && Object.hasOwn(data, key) ? (data as Record<string, unknown>)[key] : undefined;
}

function partsOf(data: unknown, key: string): Record<string, unknown> {
  const part = partOf(data, key);
  const isObject = typeof part === 'object' && part !== null && !Array.isArray(part);
  return isObject ? (part as Record<string, unknown>) : {};
}

/** What is wrong with a machine's command stands where it was written. */
function atShortForm(problem: Problem): Problem {
  return { ...problem, place: problem.place.replace(/^(pools\..*)\.machine\.command/, '$1.command') };
}
