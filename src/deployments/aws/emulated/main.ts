// `make start-aws`: the deployed system on this machine, beside a simulated GitHub with jobs to play with. Nothing of it
// is AWS and nothing of it is GitHub: it shows the real templates and the real functions at work.

import { stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline';
import { createSystemClock } from '../../../adapters/clock/system/index.ts';
import { createSystemRandom } from '../../../adapters/clock/system/random.ts';
import { demandConfiguration } from '../../../config/check.ts';
import type { Configuration } from '../../../core/configuration.ts';
import type { PoolName } from '../../../core/ids.ts';
import type { Clock } from '../../../ports/clock.ts';
import { stopOnSignals } from '../../embedded/stopping.ts';
import { type System, startSystem } from './system.ts';

const minuteMs = 60_000;
const lineMs = 1_000;
/** Jobs of a burst, and how long each takes. */
const burstJobs = 12;
const jobMs = 4_000;
/** Of a function's failure, on the screen. */
const reasonLengthMax = 300;

const steady = (ms: number) => ({ leastMs: ms, medianMs: ms, p95Ms: ms, mostMs: ms });

function configure(park: { url: string; token: string }): Configuration {
  const options = {
    ...park,
    standby: false,
    bootMs: steady(1_500),
    endingMs: steady(200),
    eventMs: steady(100),
  };
  return demandConfiguration({
    hosts: {
      machines: { type: 'simulated', limit: 6, options },
      pods: { type: 'simulated', limit: 4, options },
    },
    pools: {
      build: { host: 'machines', os: 'linux', labels: ['self-hosted', 'build'], limit: 6 },
      lint: { host: 'pods', os: 'linux', labels: ['self-hosted', 'lint'], limit: 4 },
    },
    timing: { idleSeconds: 10 },
  }).configuration;
}

const clock = createSystemClock();
let stopping = false;
let system: System | null = null;
const say = (text: string) => void stdout.write(`${text}\n`);

const starting = startSystem({
  ...{ clock, random: createSystemRandom(), configure },
  onStep: (step) => say(`${step} …`),
  onError: (name, error) => say(`  ${name}: ${String(error).slice(0, reasonLengthMax)}`),
});
stopOnSignals({
  clock,
  say,
  async stop() {
    stopping = true;
    system ??= await starting;
    await system.stop();
    say('Everything has ended; nothing of it is left.');
  },
});
system = await starting;
introduce(system);
burst(system);
takeOrders(system);
tickEachMinute(system, clock);
showChanges(system, clock);

function introduce({ cloud, world, webhookUrl, deployed }: System): void {
  say(`
The deployed system is up, on an emulator: ${deployed.stacks.map(({ name }) => name).join(', ')}.
  webhooks       ${webhookUrl}
  AWS            AWS_ENDPOINT_URL=${cloud.wire.url} AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  GitHub         ${world.gitHub.url}/_simulator/state (simulated)
Enter starts ${burstJobs} jobs more. Ctrl-C ends everything.
`);
}

function burst({ world }: System): void {
  for (const { name } of world.configuration.pools) {
    world.enqueue([{ pool: name as PoolName, jobs: burstJobs / 2, durationMs: jobMs }]);
  }
}

function takeOrders(running: System): void {
  createInterface({ input: stdin }).on('line', () => burst(running));
}

function tickEachMinute(running: System, { after }: Clock): void {
  after(minuteMs, () => {
    if (stopping) return;
    running
      .tick()
      .catch((error: unknown) => say(`  the tick failed: ${String(error).slice(0, reasonLengthMax)}`));
    tickEachMinute(running, clock);
  });
}

/** A line each time that something is otherwise than a second ago. */
function showChanges(running: System, { after }: Clock, before = ''): void {
  const { world, cloud } = running;
  const { jobs } = world.gitHub.world.census();
  const hosts = world.configuration.hosts.map(
    ({ name, limit }) => `${name} ${world.park.ground(name).census().alive}/${limit}`,
  );
  const { queued = 0, in_progress: running_ = 0, completed = 0 } = jobs as Readonly<Record<string, number>>;
  const line = `jobs: ${queued} wait, ${running_} run, ${completed} done   machines: ${hosts.join(', ')}`;
  if (line !== before) say(`${line}   AWS calls: ${cloud.wire.calls().length}`);
  after(lineMs, () => {
    if (!stopping) showChanges(running, clock, line);
  });
}
