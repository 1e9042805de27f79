// What a machine of a simulated host runs: it asks for its configuration where it was not handed one, connects to the
// simulated GitHub, takes one job, "runs" it for its time, and ends. Ways to misbehave are options.

import type { World } from '../../src/adapters/github/simulated/world.ts';
import type { SimulatedMachine, SimulatedProgram } from '../../src/adapters/hosts/simulated/index.ts';
import type { Clock } from '../../src/ports/clock.ts';

export interface Pretence {
  /** Of the runner; GitHub gives no job to one that is too old. */
  version: string;
  /** True: it boots and is never heard of. */
  neverRegisters: (machine: SimulatedMachine) => boolean;
}

const currentVersion = '2.336.0';

export function pretendRunner(
  deps: { clock: Clock; world: World; url: () => string } & Partial<Pretence>,
): SimulatedProgram {
  const { clock, world, url, version = currentVersion, neverRegisters = () => false } = deps;

  return (machine) => {
    let isGone = false;
    let vanish = () => {};
    const work = async () => {
      if (neverRegisters(machine)) return;
      const jitConfig = await configurationOf(machine, url());
      if (jitConfig === null || isGone) return machine.end('it got no configuration');
      const connected = world.runnerConnect(jitConfig, version);
      if (connected.outcome === 'refused') return machine.end(`GitHub refused it: ${connected.reason}`);
      const { session } = connected;
      vanish = () => session.vanish();
      const job = await session.nextJob();
      if (job === 'gone') return machine.end('its registration is gone');
      const ended = await new Promise<typeof job.outcome | 'cancelled'>((resolve) => {
        const stopWork = clock.after(job.durationMs, () => resolve(job.outcome));
        const stop = () => {
          stopWork();
          resolve('cancelled');
        };
        session.onCancel(stop);
        vanish = () => {
          session.vanish();
          stop();
        };
      });
      if (isGone) return;
      session.finish(ended);
      machine.end('its job has ended');
    };
    work().catch((error: unknown) => machine.end(String(error)));
    return {
      vanish() {
        isGone = true;
        vanish();
      },
    };
  };
}

/** `null` where it is told that it is not wanted. */
async function configurationOf(
  { name, configuration }: SimulatedMachine,
  systemUrl: string,
): Promise<string | null> {
  if (configuration.kind === 'handedOver') return configuration.jitConfig;
  // The system of a test takes any free port, so the way is taken from the address and the place from the system.
  const url = new URL(new URL(configuration.url).pathname, systemUrl);
  for (;;) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ runner: name, token: configuration.token }),
    });
    const body = (await answer.json()) as { jitConfig?: string };
    if (answer.status === 200) return body.jitConfig ?? null;
    const retryAfterSeconds = Number(answer.headers.get('retry-after') ?? 0);
    if (retryAfterSeconds === 0) return null;
    await new Promise((resolve) => setTimeout(resolve, retryAfterSeconds * 1_000));
  }
}
