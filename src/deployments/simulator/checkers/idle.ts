// P6: cost follows work. A runner that no job at GitHub could use is not kept idle for longer than its pool's idle time
// and the time in which a fault may be repaired.

import type { PoolSettings } from '../../../core/configuration.ts';
import { ownRunnerName, type RunnerName } from '../../../core/ids.ts';
import { deploymentOf } from '../landscape.ts';
import type { Checker, Scene } from './checker.ts';

const repairMsMax = 5 * 60_000;
/** Where nothing fails: one timer, one plan, two messages; and a removal that was answered 422 is not tried again for so long. */
const promptMsMax = 20_000;

export function createIdleChecker(scene: Scene): Checker {
  const since = new Map<RunnerName, number>();
  const { prefix } = deploymentOf(0);

  return {
    look() {
      const now = scene.clock.now();
      const labelsWanted = labelsOfQueuedJobs();
      for (const name of since.keys())
        if (scene.gitHubRunners.get(name)?.phase !== 'idle') since.delete(name);
      for (const runner of scene.gitHubRunners.values()) {
        const name = ownRunnerName(prefix, runner.name);
        const record = name ? scene.truth.runners.get(name) : undefined;
        const pool = scene.configuration.pools.find((one) => one.name === record?.pool);
        if (!name || !pool || runner.phase !== 'idle') continue;
        if (!since.has(name) || labelsWanted.some((labels) => fits(labels, pool))) since.set(name, now);
        const idleMs = now - (since.get(name) ?? now);
        const wasAssigned = record?.assignedAt !== null;
        const mostMs = pool.idleMs + (scene.isCalm && !wasAssigned ? promptMsMax : repairMsMax);
        if (idleMs > mostMs) {
          const text = `runner ${name} idles for ${Math.round(idleMs / 1_000)} s, and no job could use it`;
          scene.fail('idle', text, [name]);
        }
      }
    },
  };

  function labelsOfQueuedJobs(): (readonly string[])[] {
    const found = new Map<string, readonly string[]>();
    for (const account of scene.world.state.accounts.values())
      for (const repository of account.repositories.values())
        for (const run of repository.activeRuns.values())
          for (const job of run.jobs) if (job.status === 'queued') found.set(job.labelsKey, job.labels);
    return [...found.values()];
  }
}

function fits(labels: readonly string[], pool: PoolSettings): boolean {
  return labels.every((label) => pool.labels.includes(label.toLowerCase()));
}
