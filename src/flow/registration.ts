// Registering a runner at GitHub, by whoever owns its name: the launcher that holds its lease, or the claim that won.

import type { Runner } from '../core/runner.ts';
import type { Scope } from '../core/scope.ts';
import type { Budgets } from '../ports/budgets.ts';
import { type GitHub, GitHubError, type RunnerRegistration } from '../ports/github.ts';

export interface RegistrationDeps {
  github: GitHub;
  budgets: Budgets;
}

export type Registered =
  | { outcome: 'minted'; runnerId: number; jitConfig: string }
  | { outcome: 'refused'; reason: string }
  /** The name is registered and busy: a machine already runs with it. */
  | { outcome: 'taken' };

/**
 * One POST in the normal case. `mayBeRegistered`: an earlier answer was lost, so the name is freed first. A 409 means
 * the same: delete by name and mint again, once. Throws `GitHubError`.
 */
export async function register(
  deps: RegistrationDeps,
  runner: Runner,
  mayBeRegistered: boolean,
): Promise<Registered> {
  const { github } = deps;
  if (!runner.scope) return { outcome: 'refused', reason: 'a spare is not registered' };
  if (mayBeRegistered && !(await freeName(github, runner))) return { outcome: 'taken' };
  const first = await mint(deps, runner.scope, runner);
  if (first.outcome !== 'nameTaken') return first;
  if (!(await freeName(github, runner))) return { outcome: 'taken' };
  const second = await mint(deps, runner.scope, runner);
  return second.outcome === 'nameTaken' ? { outcome: 'taken' } : second;
}

/** GitHub's own word on its limit is heard by all: no order is made before it grants configurations again. */
async function mint({ github, budgets }: RegistrationDeps, scope: Scope, runner: Runner) {
  try {
    return await github.mintRunner(scope, registrationOf(runner));
  } catch (error) {
    if (error instanceof GitHubError && error.kind === 'limited' && error.retryAt !== null) {
      await budgets.block({ kind: 'github-mint', account: String(scope.installation) }, error.retryAt);
    }
    throw error;
  }
}

/** False where the runner of this name is busy. */
async function freeName(github: GitHub, runner: Runner): Promise<boolean> {
  if (!runner.scope) return true;
  const entry = await github.findRunner(runner.scope, runner.name);
  return entry === null || (await github.removeRunner(runner.scope, entry.id)) !== 'busy';
}

function registrationOf(runner: Runner): RunnerRegistration {
  return { name: runner.name, labels: runner.labels, group: runner.group, workFolder: '_work' };
}

/** Removes the runner's entry at GitHub, by id or by name. */
export async function unregister(github: GitHub, runner: Runner): Promise<'removed' | 'absent' | 'busy'> {
  if (!runner.scope) return 'absent';
  if (runner.gitHubId !== null) return github.removeRunner(runner.scope, runner.gitHubId);
  const entry = await github.findRunner(runner.scope, runner.name);
  return entry === null ? 'absent' : github.removeRunner(runner.scope, entry.id);
}

/** Could GitHub know of this runner? A machine that never claimed was never registered. */
export function mayBeRegistered(runner: Runner): boolean {
  return runner.gitHubId !== null || runner.claim !== null;
}
