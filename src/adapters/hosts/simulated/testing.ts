import type { RunnerName } from '../../../core/ids.ts';
import type { ContractNames, FixtureTime, HostFixture } from '../../../ports/host.contract.ts';
import type { LaunchRequest } from '../../../ports/host.ts';
import { createSimulatedGround, createSimulatedHost, type SimulatedProgram } from './index.ts';
import { simulatedHostOptions } from './options.ts';

export const time = 'virtual';

const dayMs = 86_400_000;
const patienceMs = 30_000;

/** Machines whose program is to stand by as soon as it runs. */
const standByLabel = 'stands-by';
const refusedLabel = 'refused';

export async function makeFixture(
  names: ContractNames,
  { clock, random, pass }: FixtureTime,
): Promise<HostFixture> {
  const ground = createSimulatedGround({ clock });
  const events: Parameters<Parameters<typeof createSimulatedHost>[0]['onEvent']>[0][] = [];
  const program: SimulatedProgram = (machine) => {
    if (machine.labels.includes(standByLabel)) machine.standBy();
    return { vanish: () => {} };
  };
  const hostFor = (deployment: ContractNames['deployment']) =>
    createSimulatedHost({
      deployment,
      options: simulatedHostOptions.parse({}),
      clock,
      random,
      program,
      ground,
      onEvent: async (event) => {
        events.push(event);
      },
      faults: {
        launch: ({ labels }) =>
          labels.includes(refusedLabel)
            ? { kind: 'refused', refusal: 'noCapacity', reason: 'no room', retryAfterMs: null }
            : undefined,
      },
    });
  let host = hostFor(names.deployment);
  const stranger = hostFor(names.stranger);

  const request = (name: RunnerName, attempt: number, deployment = names.deployment): LaunchRequest => ({
    name,
    attempt,
    deployment,
    pool: names.pool,
    labels: [],
    machine: {},
    answerBefore: clock.now() + patienceMs,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    lifetimeMsMax: dayMs,
    configuration: { kind: 'claimed', url: 'http://127.0.0.1/runners/claim', token: 'token' },
  });

  async function launchAt(on: typeof host, wanted: LaunchRequest) {
    const answer = on.launch(wanted);
    let isAnswered = false;
    answer.finally(() => {
      isAnswered = true;
    });
    while (!isAnswered) await pass();
    const launched = await answer;
    if (launched.outcome === 'refused') throw new Error(launched.reason);
    return launched.machine;
  }

  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({ ...request(name, attempt), labels: [refusedLabel] }),
    restart: async () => {
      host.close();
      host = hostFor(names.deployment);
      return host;
    },
    alive: async () =>
      [...ground.all()].filter((machine) => machine.diedAt === null).map((machine) => machine.name),
    endByItself: async (name) => {
      host.vanish(name, { cause: 'its job is done', silently: false });
    },
    addStranger: (name) => launchAt(stranger, request(name, 1, names.stranger)),
    standBy: async (name) => {
      const machine = await launchAt(host, { ...request(name, 1), labels: [standByLabel] });
      while (!ground.byId(machine)?.isStandingBy) await pass();
      return machine;
    },
    restingMachines: [{ standby: 'hot' }, { standby: 'stopped' }],
    events: () => events.filter((event) => event.name.startsWith(names.deployment)),
    pass,
    close: async () => {
      host.close();
      stranger.close();
    },
  };
}
