// What a Job and its pod carry, for this system and for people.
//
//   runners/prefix   the deployment's; what has another one is a stranger's
//   runners/host     our name for the host: a deployment may have several in one namespace
//   runners/pool     for people, and for their bills
//   runners/attempt  of the launch, as an annotation: nobody selects by it
//   runners/trace    W3C trace context, as an annotation

import { type DeploymentPrefix, type HostName, ownRunnerName, parseRunnerName } from '../../../core/ids.ts';
import type { LaunchRequest } from '../../../ports/host.ts';

const labelKeys = {
  prefix: 'runners/prefix',
  host: 'runners/host',
  pool: 'runners/pool',
  managedBy: 'app.kubernetes.io/managed-by',
} as const;

export const annotationKeys = { attempt: 'runners/attempt', trace: 'runners/trace' } as const;

export interface Owner {
  deployment: DeploymentPrefix;
  host: HostName;
}

export function labelsOf({ deployment, host }: Owner, pool: string): Record<string, string> {
  return {
    [labelKeys.prefix]: deployment,
    [labelKeys.host]: host,
    [labelKeys.pool]: pool,
    [labelKeys.managedBy]: 'ephemeral-runners',
  };
}

export function annotationsOf({ attempt, traceparent }: LaunchRequest): Record<string, string> {
  return { [annotationKeys.attempt]: String(attempt), [annotationKeys.trace]: traceparent };
}

/** What a list of ours asks for. */
export function selectorOf({ deployment, host }: Owner): string {
  return `${labelKeys.prefix}=${deployment},${labelKeys.host}=${host}`;
}

export function isOwn({ deployment, host }: Owner, labels: Readonly<Record<string, string>>): boolean {
  return labels[labelKeys.prefix] === deployment && labels[labelKeys.host] === host;
}

/** By its name alone, which every call asks by: nothing of another deployment or host is touched. */
export function isOwnName({ deployment, host }: Owner, name: string): boolean {
  return ownRunnerName(deployment, name) !== null && parseRunnerName(name)?.host === host;
}
