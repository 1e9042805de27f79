// What a machine carries, for this system and for itself: a machine reads its tags from its metadata, which shows them
// to every process on it. So nothing in them is secret: a name, an address, a time.
//
//   runners:name      the runner's name; a spare's is replaced when it is activated
//   runners:former    the last names that it had before, separated by blanks
//   runners:prefix    the deployment's; what has another one is a stranger's
//   runners:host      our name for the host, since a deployment may have several on EC2
//   runners:pool      for people, and for their bills
//   runners:attempt   of the launch
//   runners:claim     where it asks for its configuration
//   runners:lifetime  seconds after which it ends itself, whatever happens
//   runners:trace     W3C trace context
//   runners:stack     of the deployment, by the launch template: permissions ask for it
//   runners:wanted    on a dedicated host: when a launch last waited for it
//
// The metadata service shows only keys of letters, digits and + - = . , _ : @. [EC2: Instance tags in metadata]

import type { Tag } from '@aws-sdk/client-ec2';
import { type PoolName, parseRunnerName, type RunnerName } from '../../../core/ids.ts';
import type { LaunchRequest } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';

export const tagKeys = {
  name: 'runners:name',
  former: 'runners:former',
  prefix: 'runners:prefix',
  host: 'runners:host',
  pool: 'runners:pool',
  attempt: 'runners:attempt',
  claim: 'runners:claim',
  lifetime: 'runners:lifetime',
  trace: 'runners:trace',
  stack: 'runners:stack',
  wanted: 'runners:wanted',
  /** What consoles show. */
  shown: 'Name',
} as const;

/** A tag's value has 256 characters at most, a name 57. A machine that is used again had more. [EC2: Tag restrictions] */
const formerNamesMax = 4;
const tagValueLengthMax = 256;

export function launchTags(context: HostContext, request: LaunchRequest): Tag[] {
  const { configuration } = request;
  if (configuration.kind !== 'claimed')
    throw new Error(
      `runner ${request.name}: a machine on EC2 claims its configuration, it is not handed over`,
    );
  if (configuration.url.length > tagValueLengthMax)
    throw new Error(`the address at which machines claim has more than ${tagValueLengthMax} characters`);
  return tagList({
    [tagKeys.shown]: request.name,
    [tagKeys.name]: request.name,
    [tagKeys.prefix]: request.deployment,
    [tagKeys.host]: context.host,
    [tagKeys.pool]: request.pool,
    [tagKeys.attempt]: String(request.attempt),
    [tagKeys.claim]: configuration.url,
    [tagKeys.lifetime]: String(Math.ceil(request.lifetimeMsMax / 1000)),
    [tagKeys.trace]: request.traceparent,
  });
}

/** What a dedicated host carries that is allocated for a pool. */
export function dedicatedHostTags({ deployment, host, made }: HostContext, pool: PoolName): Tag[] {
  return tagList({
    [tagKeys.shown]: `${deployment}-${host}-${pool}`,
    [tagKeys.prefix]: deployment,
    [tagKeys.host]: host,
    [tagKeys.pool]: pool,
    [tagKeys.stack]: made.stack,
  });
}

/** What changes when a spare goes on under a new name. */
export function activationTags(tags: Tags, request: LaunchRequest): Tag[] {
  const former = [tags.name, ...tags.former].slice(0, formerNamesMax);
  return tagList({
    [tagKeys.shown]: request.name,
    [tagKeys.name]: request.name,
    [tagKeys.former]: former.join(' '),
    [tagKeys.trace]: request.traceparent,
  });
}

export interface Tags {
  /** As it stands there: a stranger's may be anything. */
  name: string;
  former: readonly string[];
  prefix: string;
  host: string;
  pool: string;
  attempt: string;
}

export function readTags(tags: readonly Tag[] | undefined): Tags {
  const value = (key: string): string => tags?.find((tag) => tag.Key === key)?.Value ?? '';
  return {
    name: value(tagKeys.name),
    former: value(tagKeys.former)
      .split(' ')
      .filter((name) => name !== ''),
    prefix: value(tagKeys.prefix),
    host: value(tagKeys.host),
    pool: value(tagKeys.pool),
    attempt: value(tagKeys.attempt),
  };
}

export function isOwn({ deployment, host }: Pick<HostContext, 'deployment' | 'host'>, tags: Tags): boolean {
  return tags.prefix === deployment && tags.host === host;
}

/**
 * Whether the name is of before what the machine is called now. Names that are given to one machine are made one after
 * another, and end in the time at which they were made: so this holds for more of them than a tag has room for.
 */
export function isOlder(name: RunnerName, tags: Tags): boolean {
  const [then, now] = [parseRunnerName(name), parseRunnerName(tags.name)];
  return tags.former.includes(name) || (then !== null && now !== null && then.ulid < now.ulid);
}

function tagList(values: Record<string, string>): Tag[] {
  return Object.entries(values).map(([Key, Value]) => ({ Key, Value }));
}
