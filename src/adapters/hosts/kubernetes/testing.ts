// A cluster for the port's contract: the stand-in over HTTP. The slow suite runs the same contract on Kubernetes itself.

import type { RunnerName } from '../../../core/ids.ts';
import type { ContractNames, FixtureTime, HostFixture } from '../../../ports/host.contract.ts';
import type { HostEvent, LaunchRequest } from '../../../ports/host.ts';
import type { Connection } from './connect/connection.ts';
import { createKubernetesHost, type KubernetesHost } from './index.ts';
import { type KubernetesHostOptions, kubernetesHostOptions } from './options.ts';
import { startStandIn } from './testing/server.ts';

export const time = 'system';

const dayMs = 86_400_000;
const patienceMs = 20_000;

export function launchRequest(
  given: Pick<LaunchRequest, 'name' | 'attempt' | 'deployment' | 'pool'> & {
    now: number;
    machine?: Readonly<Record<string, unknown>>;
    configuration?: LaunchRequest['configuration'];
  },
): LaunchRequest {
  const { now, machine = {}, configuration, ...rest } = given;
  return {
    ...rest,
    labels: ['self-hosted'],
    machine,
    answerBefore: now + patienceMs,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    lifetimeMsMax: dayMs,
    configuration: configuration ?? {
      kind: 'claimed',
      url: 'https://example.test/runners/claim',
      token: 'the token of a test',
    },
  };
}

/** What the contract needs to know of a ground, be it the stand-in or Kubernetes itself. */
export interface Ground {
  connection(): Connection;
  options?: Partial<KubernetesHostOptions>;
  /** What a pool's machine has to say there. */
  machine?: Readonly<Record<string, unknown>>;
  /** Names of Jobs that are not over, whoever's. */
  alive(): Promise<readonly string[]>;
  endByItself(name: string): Promise<void>;
  close(): Promise<void>;
}

export async function makeFixture(names: ContractNames, given: FixtureTime): Promise<HostFixture> {
  const standIn = await startStandIn({ clock: given.clock });
  return fixtureOn(
    {
      connection: standIn.connection,
      alive: async () => standIn.cluster.alive(),
      endByItself: async (name) => standIn.cluster.endPod(name),
      close: standIn.close,
    },
    names,
    given,
  );
}

export function fixtureOn(
  ground: Ground,
  names: ContractNames,
  { clock, random, pass }: FixtureTime,
): HostFixture {
  const { host: hostName, pool } = names;
  const events: HostEvent[] = [];
  const open = new Set<KubernetesHost>();
  const hostOf = (deployment: ContractNames['deployment']): KubernetesHost => {
    const host = createKubernetesHost({
      deployment,
      host: hostName,
      options: kubernetesHostOptions.parse(ground.options ?? {}),
      osOf: () => 'linux',
      connection: ground.connection(),
      clock,
      random,
      onEvent: async (event) => void events.push(event),
      onWarning: () => {},
    });
    open.add(host);
    return host;
  };
  let host = hostOf(names.deployment);
  const stranger = hostOf(names.stranger);
  const request = (name: RunnerName, attempt: number, deployment = names.deployment): LaunchRequest =>
    launchRequest({ name, attempt, deployment, pool, now: clock.now(), machine: ground.machine ?? {} });

  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({
      ...request(name, attempt),
      machine: { patch: { spec: { restartPolicyy: 'Never' } } },
    }),
    restart: async () => {
      host.close();
      host = hostOf(names.deployment);
      return host;
    },
    alive: ground.alive,
    endByItself: ground.endByItself,
    addStranger: async (name) => {
      const answer = await stranger.launch(request(name, 1, names.stranger));
      if (answer.outcome === 'refused') throw new Error(answer.reason);
      return answer.machine;
    },
    events: () =>
      events.filter(({ name, happened }) => happened === 'gone' && name.startsWith(names.deployment)),
    pass,
    close: async () => {
      for (const one of open) one.close();
      await ground.close();
    },
  };
}
