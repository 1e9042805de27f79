// A hundred jobs at once at GitHub's real pace: each of its answers takes 80 ms, and its limits are its own.

import { type Measure, median, repeated, runsEach, shownMs } from './figure.ts';
import { labels, until } from './setting.ts';
import { withWholeSystem } from './whole-system.ts';

const jobsMany = 100;

export const measureHundred: Measure = async () => {
  const runs = await repeated(runsEach, runOnce);
  return [
    {
      figure: `${jobsMany} jobs at once, GitHub answering in 80 ms, its real limits, default budgets: all runners configured`,
      aim: '≤ 10 s (the best-known peer: 101 s)',
      measured: shownMs(median(runs)),
    },
  ];
};

function runOnce(): Promise<number> {
  return withWholeSystem({ limit: jobsMany, latencyMs: 80 }, async ({ world, ground }) => {
    const startedAt = performance.now();
    world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'matrix', labels, matrix: jobsMany, durationMs: 60_000 }],
    });
    await until(() => ground.census().alive === jobsMany);
    return performance.now() - startedAt;
  });
}
