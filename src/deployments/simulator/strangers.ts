// Runners that are not ours, in the same organisations and with the same labels: they take jobs that ours were
// started for.

import type { SeededRandom } from '../../adapters/clock/virtual/random.ts';
import type { RunnerSession } from '../../adapters/github/simulated/runners.ts';
import type { World } from '../../adapters/github/simulated/world.ts';
import type { Clock } from '../../ports/clock.ts';
import { configuration } from './landscape.ts';

const version = '2.336.0';
/** One that is given no job leaves after this. */
const patienceMs = 90_000;
const defaultGroup = 1;

/** One stranger comes, takes at most one job, and goes. */
export function sendStranger({
  clock,
  world,
  random,
}: {
  clock: Clock;
  world: World;
  random: SeededRandom;
}): void {
  const installation = random.pick([...world.state.installations.values()]);
  const pool = random.pick(configuration.pools);
  const answer = world.api.mint(installation, installation.account.login, {
    name: `stranger-${clock.now()}`,
    groupId: defaultGroup,
    labels: pool.labels,
    workFolder: '_work',
  });
  if (answer.outcome !== 'done') return;
  const connected = world.runnerConnect(answer.value.jitConfig, version);
  if (connected.outcome === 'connected') void work(clock, connected.session);
}

async function work(clock: Clock, session: RunnerSession): Promise<void> {
  const leave = clock.after(patienceMs, () => session.vanish());
  const job = await session.nextJob();
  leave();
  if (job === 'gone') return;
  session.onCancel(() => session.finish('cancelled'));
  clock.after(Math.max(1, job.durationMs), () => session.finish(job.outcome));
}
