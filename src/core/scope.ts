import type { LaneKey, PoolName } from './ids.ts';

/**
 * Where a runner registers, and so whose jobs it can take: an organisation (`repository` is null) or one
 * repository, reached through one installation of the App. Owner and repository are in lower case.
 */
export interface Scope {
  owner: string;
  repository: string | null;
  installation: number;
}

/** `acme` or `acme/app`. */
export function scopeName(scope: Scope): string {
  return scope.repository === null ? scope.owner : `${scope.owner}/${scope.repository}`;
}

export function sameScope(a: Scope, b: Scope): boolean {
  return scopeName(a) === scopeName(b) && a.installation === b.installation;
}

/** `group` is the runner group's name; `default` where the pool names none. */
export function laneKey(pool: PoolName, scope: Scope, group: string): LaneKey {
  return `${pool}#${scopeName(scope)}#${group}` as LaneKey;
}

export function poolOfLane(lane: LaneKey): PoolName {
  return lane.slice(0, lane.indexOf('#')) as PoolName;
}
