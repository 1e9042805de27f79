// Jobs through the deployed system, and what must be true afterwards: all served, limits exact, nothing left.

import assert from 'node:assert/strict';
import type { PoolName } from '../../src/core/ids.ts';
import type { Fault, RecordedCall } from '../../src/deployments/aws/emulated/wire/index.ts';
import { countedOn, depths, hosts, isDeadLetters, large, lint, small, type Trial } from './harness.ts';

export type Wanted = readonly [pool: PoolName, jobs: number];

/** Short jobs: it is the system that is at work here. */
export const durationMs = 100;

/** As measured, with room for what repeats itself on a busy machine; a rise fails. */
const callsPerJobMax = 30;

/** Machines for each job, at most: one that idled beside a job that another took is not wrong, many are. */
const birthsPerJobMax = 1.25;

/** On each host: the second one's pool has fewer than the host. */
const places = [20, 10, 16];

/** Long enough that the places fill up. */
const burstJobMs = 500;

/** How many machines were born for them. */
export async function serveAll(
  trial: Trial,
  wanted: readonly Wanted[],
  {
    faults = [],
    jobMs = durationMs,
    withinMs,
  }: { faults?: readonly Fault[]; jobMs?: number; withinMs: number },
): Promise<number> {
  const { world, cloud, ticking } = trial;
  const births = world.limits.births();
  const injected = faults.map((fault) => cloud.wire.inject(fault));
  try {
    const burst = world.enqueue(wanted.map(([pool, jobs]) => ({ pool, jobs, durationMs: jobMs })));
    await ticking(() => burst.served(withinMs));
    assert.ok(burst.jobs.every(({ conclusion }) => conclusion === 'success'));
    for (const { hits } of injected) assert.ok(hits() > 0, 'the fault hit nothing');
  } finally {
    for (const { remove } of injected) remove();
  }
  await nothingIsLeft(trial, withinMs);
  assert.deepEqual(world.limits.broken(), []);
  return world.limits.births() - births;
}

export async function nothingIsLeft(trial: Trial, withinMs: number): Promise<void> {
  await trial.ticking(async () => {
    await trial.world.emptied(withinMs);
    await trial.eventually(
      'nothing is counted on any host',
      async () => (await Promise.all(hosts.map((host) => countedOn(trial, host)))).flat().length === 0,
      withinMs,
    );
  });
  await trial.eventually(
    'all queues are empty',
    async () => Object.keys(await depths(trial, (queue) => !isDeadLetters(queue))).length === 0,
    withinMs,
  );
}

/** Jobs of the three pools at once, more than there are places. */
export async function serveBurst(
  trial: Trial,
  [smallJobs, lintJobs, largeJobs]: readonly [number, number, number],
  { withinMs, tell }: { withinMs: number; tell: (text: string) => void },
): Promise<void> {
  const { cloud, world } = trial;
  const jobs = smallJobs + lintJobs + largeJobs;
  const before = cloud.wire.calls().length;
  const wanted: readonly Wanted[] = [
    [small, smallJobs],
    [lint, lintJobs],
    [large, largeJobs],
  ];
  const births = await serveAll(trial, wanted, { withinMs, jobMs: burstJobMs });
  const calls = ofTheFlow(cloud.wire.calls().slice(before));
  tell(`${(calls.length / jobs).toFixed(1)} calls per job, ${births} machines:\n${tableOf(calls)}`);
  assert.ok(calls.length / jobs <= callsPerJobMax, `${calls.length / jobs} calls per job`);
  assert.ok(births >= jobs && births <= jobs * birthsPerJobMax, `${births} machines for ${jobs} jobs`);
  const most = hosts.map((host) => world.limits.mostOfHost(host));
  assert.ok(
    most.every((alive, at) => alive * 2 >= (places[at] ?? 0)),
    `the limits were not tried: at most ${most.join(', ')} machines of ${places.join(', ')}`,
  );
  assert.deepEqual(await depths(trial, isDeadLetters), {}, 'nothing is among the dead letters');
}

/** Without the Reconciler's, which come by the minute and not by the job. */
export function ofTheFlow(calls: readonly RecordedCall[]): RecordedCall[] {
  return calls.filter(({ caller }) => caller !== null && !/^(Tick|Steps)/.test(caller));
}

/** Calls by function and operation, for whoever has to find what rose. */
export function tableOf(calls: readonly RecordedCall[]): string {
  const counts = new Map<string, number>();
  for (const { caller, operation, error } of calls) {
    const what = [caller, operation, error].filter(Boolean).join(' ');
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  return [...counts]
    .map(([what, count]) => `${String(count).padStart(6)} ${what}`)
    .sort()
    .join('\n');
}
