// GitHub's runners of a scope against ours. A list never ends anything by itself: what is missing twice starts a
// removal, whose DELETE decides; an entry of ours without a live record is deleted, unless it is at work.

import type { Runner, RunnerFact } from '../../core/runner.ts';
import { type Scope, sameScope } from '../../core/scope.ts';
import type { RunnerEntry } from '../../ports/github.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import { touchAgainMs } from '../publisher/touch.ts';
import type { ReconcilerDeps } from './deps.ts';
import { guarded } from './guarded.ts';
import { metrics } from './metrics.ts';
import type { Next } from './next.ts';

export async function sweepRunnerList(deps: ReconcilerDeps, sweep: Sweep): Promise<Next> {
  const { scope } = sweep.state as { scope: Scope };
  const askedAt = deps.clock.now();
  const entries = await deps.github.listRunners(scope);
  const ours = entries.filter((entry) => deps.sighting.own(entry.name) !== null);
  for (const entry of ours) await guarded(deps.telemetry, 'runnerList', () => compare(deps, scope, entry));
  const registered = new Set(ours.map((entry) => entry.name));
  const alive = await runnersOfScope(deps, scope);
  for (const runner of alive) {
    if (!registered.has(runner.name))
      await guarded(deps.telemetry, 'runnerList', () => missing(deps, runner, askedAt));
  }
  const { runnerListMs, runnerListIdleMs } = deps.configuration.timing;
  // An order does not say that its scope is in use again, where one did so shortly before.
  const mayBeUsed = sweep.touchedAt + touchAgainMs + runnerListMs > deps.clock.now();
  return { afterMs: alive.length + ours.length > 0 || mayBeUsed ? runnerListMs : runnerListIdleMs };
}

async function runnersOfScope(deps: ReconcilerDeps, scope: Scope): Promise<Runner[]> {
  const lists = await Promise.all(deps.configuration.hosts.map(({ name }) => deps.table.runnersOfHost(name)));
  return lists.flat().filter((runner) => runner.scope !== null && sameScope(runner.scope, scope));
}

async function compare(deps: ReconcilerDeps, scope: Scope, entry: RunnerEntry): Promise<void> {
  const { table, clock } = deps;
  const own = deps.sighting.own(entry.name);
  if (!own) return;
  const runner = await table.readRunner(own.name);
  if (!runner || runner.state === 'gone') {
    deps.telemetry.count(metrics.strays, { host: own.host, at: 'github' });
    await deps.github.removeRunner(scope, entry.id);
    return;
  }
  const facts = factsOf(runner, entry);
  if (facts.length > 0) await table.recordRunner(own.name, facts, clock.now());
}

function factsOf(runner: Runner, entry: RunnerEntry): RunnerFact[] {
  // The list is older than the registration that is in use: a claim was repeated since.
  if (runner.gitHubId !== null && runner.gitHubId !== entry.id) return [];
  if (entry.busy)
    return runner.state === 'busy' && runner.missing === 0
      ? []
      : [{ kind: 'busy', job: null, gitHubId: entry.id }];
  const isNew = runner.state === 'launched' || runner.state === 'claimed' || runner.state === 'launching';
  if (entry.status === 'online' && isNew) return [{ kind: 'online', gitHubId: entry.id }];
  return runner.missing === 0 ? [] : [{ kind: 'listed' }];
}

async function missing(deps: ReconcilerDeps, runner: Runner, askedAt: number): Promise<void> {
  const fact = {
    kind: 'missing',
    asked: askedAt,
    trustedAfterMs: deps.configuration.timing.missingMs,
  } as const;
  const before = runner.job;
  const recorded = await deps.table.recordRunner(runner.name, [fact], deps.clock.now());
  if (recorded.outcome !== 'recorded' || recorded.runner.removing?.code !== 'unregistered' || before) return;
  deps.telemetry.count(metrics.duties, { host: runner.host, duty: 'unregistered' });
}
