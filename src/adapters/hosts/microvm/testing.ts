// MicroVMs for the port's contract: the stand-in over HTTP, with the real SDK in between.

import type { DeploymentPrefix, HostName, MachineId, PoolName, RunnerName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { ContractNames, FixtureTime, HostFixture } from '../../../ports/host.contract.ts';
import type { LaunchRequest } from '../../../ports/host.ts';
import { type MachineNames, type NamesOfMachine, namesAfter } from '../../../ports/machine-names.ts';
import { createMicrovmClients } from './client.ts';
import type { HostContext } from './context.ts';
import { createMicrovmHost } from './index.ts';
import { imagePrefixOf, imageSuffixOf } from './made.ts';
import { type MicrovmMachine, microvmMachine } from './options.ts';
import { arnPrefix, type StandInVm } from './testing/cloud.ts';
import { type MicrovmStandIn, type StandInSettings, startMicrovmStandIn } from './testing/server.ts';

export const time = 'system';

/** What a stand-in asks for; it looks at no signature closely. */
const standInConfig = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

const hourMs = 3_600_000;
const patienceMs = 20_000;
export const imageVersion = '1.0';

export interface Owner {
  stackName: string;
  host: HostName;
  pool: PoolName;
}

export function startStandIn(
  owners: readonly Owner[],
  settings: Omit<StandInSettings, 'images'>,
): Promise<MicrovmStandIn> {
  const images = owners.map(({ stackName, host, pool }) => ({
    name: `${imagePrefixOf(stackName, host)}${imageSuffixOf(pool)}`,
    version: imageVersion,
  }));
  return startMicrovmStandIn({ images, ...settings });
}

export function contextFor(
  standIn: MicrovmStandIn,
  given: Owner & { clock: Clock; random: Random; names?: MachineNames; hasSpares?: boolean },
): HostContext {
  const { stackName, host, pool, clock, random, names = rememberingNames(), hasSpares = false } = given;
  const imagePrefix = `${arnPrefix}${imagePrefixOf(stackName, host)}`;
  const image = `${imagePrefix}${imageSuffixOf(pool)}`;
  return {
    host,
    made: {
      imagePrefix,
      pools: new Map([[pool, { image, version: imageVersion, lifeSeconds: 3_600, hasSpares }]]),
      ingress: 'arn:aws:lambda:eu-west-1:aws:network-connector:aws-network-connector:NO_INGRESS',
      egress: 'arn:aws:lambda:eu-west-1:aws:network-connector:aws-network-connector:INTERNET_EGRESS',
    },
    clients: createMicrovmClients({ ...standInConfig, endpoint: standIn.endpoint }),
    names,
    clock,
    random,
  };
}

/** As the adapters of the port do it, in a few lines: an adapter may not see another port's. */
export function rememberingNames(): MachineNames & { readonly rows: ReadonlyMap<MachineId, NamesOfMachine> } {
  const rows = new Map<MachineId, NamesOfMachine>();
  return {
    rows,
    async remember(machine, name, instead) {
      const names = rows.get(machine) ?? [];
      const after = namesAfter(names, name, instead) ?? names;
      if (after.length > 0) rows.set(machine, after);
      return after;
    },
    namesOf: async (machines) =>
      new Map(
        machines.flatMap((machine) => {
          const names = rows.get(machine);
          return names ? [[machine, names] as const] : [];
        }),
      ),
  };
}

export function launchRequest(
  given: Pick<LaunchRequest, 'name' | 'attempt' | 'deployment' | 'pool'> & {
    now: number;
    machine?: Partial<MicrovmMachine>;
  },
): LaunchRequest {
  const { now, machine, ...rest } = given;
  return {
    ...rest,
    labels: ['self-hosted'],
    machine: microvmMachine.parse({ ...machine }),
    answerBefore: now + patienceMs,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    lifetimeMsMax: hourMs,
    configuration: {
      kind: 'claimed',
      url: 'https://example.test/runners/claim',
      token: `token-of-${rest.name}`,
    },
  };
}

export async function makeFixture(
  contractNames: ContractNames,
  { clock, random, pass }: FixtureTime,
): Promise<HostFixture> {
  const { host: hostName, pool } = contractNames;
  const own = { stackName: 'own', host: hostName, pool };
  const other = { ...own, stackName: 'other' };
  const standIn = await startStandIn([own, other], { clock, visibleAfterMs: 30 });
  const { cloud } = standIn;
  const names = rememberingNames();
  const hostOf = () =>
    createMicrovmHost(contextFor(standIn, { ...own, clock, random, names, hasSpares: true }));
  const host = hostOf();
  const stranger = createMicrovmHost(contextFor(standIn, { ...other, clock, random }));
  const nameOf = ({ id, payload }: StandInVm): string =>
    names.rows.get(id as MachineId)?.[0] ?? (JSON.parse(payload) as { runner: string }).runner;
  const request = (
    name: RunnerName,
    attempt: number,
    deployment: DeploymentPrefix = contractNames.deployment,
  ): LaunchRequest => launchRequest({ name, attempt, deployment, pool, now: clock.now() });

  async function launched(on: typeof host, wanted: LaunchRequest): Promise<MachineId> {
    const answer = await on.launch(wanted);
    if (answer.outcome === 'refused') throw new Error(answer.reason);
    return answer.machine;
  }

  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({ ...request(name, attempt), pool: 'nowhere' as PoolName }),
    restart: async () => hostOf(),
    alive: async () => cloud.living().map(nameOf),
    endByItself: async (name) => {
      for (const vm of cloud.living()) if (nameOf(vm) === name) cloud.end(vm, 'it ended by itself');
    },
    addStranger: (name) => launched(stranger, request(name, 1, contractNames.stranger)),
    standBy: async (name) => {
      const wanted = request(name, 1);
      const machine = await launched(host, wanted);
      while ((await host.standBy(machine, wanted.machine, Number.POSITIVE_INFINITY)) !== 'waits')
        await pass();
      return machine;
    },
    pass,
    close: () => standIn.close(),
  };
}
