import type { Scope } from '../../../core/scope.ts';

/** Where the runners of a scope are, as a route's template and its parameters. */
export interface ScopeRoute {
  /** `/orgs/{org}/actions/runners` or `/repos/{owner}/{repo}/actions/runners` */
  runners: string;
  parameters: Readonly<Record<string, string>>;
}

export function scopeRoute(scope: Scope): ScopeRoute {
  if (scope.repository === null) {
    return { runners: '/orgs/{org}/actions/runners', parameters: { org: scope.owner } };
  }
  return {
    runners: '/repos/{owner}/{repo}/actions/runners',
    parameters: { owner: scope.owner, repo: scope.repository },
  };
}

/** `owner/name` → the parameters of a repository's routes. */
export function repositoryParameters(fullName: string): { owner: string; repo: string } {
  const [owner, repo, ...rest] = fullName.split('/');
  if (!owner || !repo || rest.length > 0) {
    throw new Error(`not a repository's name: '${fullName}' (it must be owner/name)`);
  }
  return { owner, repo };
}
