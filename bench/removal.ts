// A hundred runners that idle are let go: each is removed at GitHub, which answers in 80 ms, and then at its host.

import { type Measure, median, repeated, runsEach, shownMs } from './figure.ts';
import { labels, until } from './setting.ts';
import { withWholeSystem } from './whole-system.ts';

const runnersMany = 100;
const idleSeconds = 1;

export const measureRemoval: Measure = async () => {
  const runs = await repeated(runsEach, runOnce);
  return [
    {
      figure: `removal of ${runnersMany} idle runners, GitHub answering in 80 ms`,
      aim: '≤ 10 s (peer: 100 s)',
      measured: `${shownMs(median(runs))}, beyond the idle time of ${idleSeconds} s`,
    },
  ];
};

function runOnce(): Promise<number> {
  const terms = { limit: runnersMany, latencyMs: 80, timing: { idleSeconds } };
  return withWholeSystem(terms, async ({ world, ground }) => {
    // Held back by the old version of their runner, a hundred jobs leave a hundred runners idle.
    const run = world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'matrix', labels, matrix: runnersMany }],
    });
    const count = (phase: string) =>
      [...world.state.runners.values()].filter((each) => each.phase === phase).length;
    await until(() => count('idle') === runnersMany && ground.census().alive === runnersMany);
    world.cancelRun(run.id);
    const startedAt = performance.now();
    await until(() => world.state.runners.size === 0 && ground.census().alive === 0);
    return performance.now() - startedAt - idleSeconds * 1_000;
  });
}
