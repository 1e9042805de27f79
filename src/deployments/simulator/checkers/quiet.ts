// P2, P3: when the work is done, every job that GitHub still holds has its reason, and nothing is left over: on hosts,
// at GitHub, in the table. What is alive is the spares.

import { jobDeadline } from '../../../core/deadline.ts';
import type { PoolName, RunnerName } from '../../../core/ids.ts';
import { ownRunnerName } from '../../../core/ids.ts';
import { aliveLane, type PoolBooks, waiting } from '../../../core/ledger.ts';
import { type Runner, runnerClass } from '../../../core/runner.ts';
import type { Deployment } from '../../../ports/jobs-table.ts';
import { routeOf } from '../routes.ts';
import type { Scene } from './checker.ts';
import { owedReruns } from './reruns.ts';

/** Whose machine it is by now: it may go on for one runner after another under its first name. */
function lastOn({ truth }: Scene, name: RunnerName): Runner | undefined {
  let runner = truth.runners.get(name);
  while (runner?.activatedAs) runner = truth.runners.get(runner.activatedAs);
  return runner;
}

/** Machines that are kept after their jobs, and are not too old. */
function stillReused({ truth, configuration, clock }: Scene, pool: PoolName): number {
  const reuseMs = configuration.pools.find(({ name }) => name === pool)?.reuseMs ?? 0;
  return [...truth.runnersAlive.values()].filter(
    (runner) =>
      runner.pool === pool &&
      runner.machineSince !== null &&
      clock.now() < runner.machineSince + reuseMs + lateMsMax,
  ).length;
}

/** Its deadline is acted upon by a tick, and its machine takes a moment to end. */
const lateMsMax = 5 * 60_000;

export interface Leftover {
  text: string;
  subject: string;
}

/** GitHub holds no job any more that one of our pools could run. */
export function isWorkOver({ world, configuration }: Scene): boolean {
  for (const job of world.state.jobs.values()) {
    if (job.status !== 'completed' && routeOf(job, configuration).kind === 'lane') return false;
  }
  return true;
}

export function leftovers(scene: Scene, { prefix }: Deployment): Leftover[] {
  const { truth, world, configuration } = scene;
  const found: Leftover[] = [];
  const add = (text: string, subject: string | number) => found.push({ text, subject: String(subject) });

  for (const job of world.state.jobs.values()) {
    if (job.status === 'completed') continue;
    const route = routeOf(job, configuration);
    if (route.kind === 'lane') add(`GitHub holds job ${job.id}, ${job.status}`, job.id);
  }
  for (const [host, ground] of scene.grounds) {
    for (const machine of ground.all()) {
      if (machine.diedAt !== null) continue;
      const runner = lastOn(scene, machine.name);
      if (runner === undefined || runnerClass(runner) !== 'standby')
        add(`a machine lives on ${host}: ${machine.name}`, machine.name);
    }
  }
  for (const runner of scene.gitHubRunners.values()) {
    if (ownRunnerName(prefix, runner.name))
      add(`GitHub has an entry of ${runner.name}, ${runner.phase}`, runner.name);
  }
  for (const runner of truth.runnersAlive.values()) {
    if (runnerClass(runner) !== 'standby' || runner.state !== 'standby')
      add(`runner ${runner.name} is ${runner.state}`, runner.name);
    if (runner.claim !== null && runner.gitHubId === null)
      add(`the claim of ${runner.name} is open`, runner.name);
  }
  for (const job of truth.jobsOpen.values()) {
    // One that gets no runner holds nothing: its end is asked for when GitHub gives it up, after a day.
    const deadline = jobDeadline(job);
    const isRefused = job.route.kind === 'refused' && job.phase === 'queued';
    if (isRefused && deadline !== null && deadline.at > scene.clock.now()) continue;
    const atGitHub = world.state.jobs.get(job.id)?.status ?? 'unknown';
    add(`job ${job.id} is ${job.phase} in the table, ${atGitHub} at GitHub`, job.id);
  }
  for (const job of owedReruns(scene)) add(`job ${job.id} lost its machine, and is not run again`, job.id);
  for (const runner of truth.runners.values())
    if (runner.dirty !== null) add(`runner ${runner.name} is not counted`, runner.name);
  for (const job of truth.jobs.values()) if (job.dirty !== null) add(`job ${job.id} is not counted`, job.id);
  for (const [host, ledger] of truth.ledgers) {
    for (const [name, pool] of Object.entries<PoolBooks>(ledger.pools)) {
      const spares = configuration.pools.find((one) => one.name === (name as PoolName))?.spares ?? 0;
      const reused = stillReused(scene, name as PoolName);
      const isWhole = pool.standby >= spares && pool.standby <= Math.max(spares, reused);
      if (pool.coming + pool.busy + pool.ending > 0 || !isWhole)
        add(
          `the ledger of ${host} has for pool ${name}: ${pool.coming} coming, ${pool.busy} busy, ${pool.ending} ending, ${pool.standby} standing by`,
          host,
        );
    }
  }
  for (const lane of truth.lanes.values()) {
    add(`lane ${lane.key}: ${waiting(lane)} waiting, ${lane.held} held, ${aliveLane(lane)} alive`, lane.host);
  }
  return found;
}
