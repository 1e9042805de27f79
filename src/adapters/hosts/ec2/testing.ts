// EC2 for the port's contract: the stand-in over HTTP, with the real SDK in between.

import type { RunnerName } from '../../../core/ids.ts';
import type { ContractNames, FixtureTime, HostFixture } from '../../../ports/host.contract.ts';
import type { LaunchRequest } from '../../../ports/host.ts';
import type { Offer, Offers } from '../../../ports/offers.ts';
import { createEc2Clients } from './client.ts';
import type { HostContext } from './context.ts';
import { createEc2Host } from './index.ts';
import { type Ec2Machine, ec2HostOptions, ec2Machine } from './options.ts';
import { tagKeys } from './tags.ts';
import type { StandInInstance } from './testing/cloud.ts';
import { type Ec2StandIn, type StandInSettings, startEc2StandIn } from './testing/server.ts';

export const time = 'system';

/** What a stand-in asks for; it looks at no signature closely. */
export const standInConfig = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

export const subnets = {
  'subnet-0000000a': 'eu-west-1a',
  'subnet-0000000b': 'eu-west-1b',
};
export const template = {
  id: 'lt-0123456789abcdef0',
  versions: 3,
  shutdownBehaviour: 'terminate',
  hibernation: true,
  tags: { [tagKeys.stack]: 'test' },
} as const;

const dayMs = 86_400_000;
const patienceMs = 20_000;
/** A type that no zone has. */
const nowhere = 'x9.none';

export function startStandIn(settings: Omit<StandInSettings, 'subnets' | 'templates'>): Promise<Ec2StandIn> {
  return startEc2StandIn({ subnets, templates: [template], ...settings });
}

export function contextFor(
  standIn: Ec2StandIn,
  given: Pick<HostContext, 'deployment' | 'host' | 'clock' | 'random'> & { pool: string; offers?: Offers },
): HostContext {
  const { pool, offers = rememberingOffers(), ...rest } = given;
  return {
    ...rest,
    offers,
    options: ec2HostOptions.parse({}),
    made: { stack: 'test', templates: { [pool]: `${template.id}:3` }, subnets },
    clients: createEc2Clients({ ...standInConfig, endpoint: standIn.endpoint }),
  };
}

/** As the adapters of the port do it, in a few lines: an adapter may not see another port's. */
export function rememberingOffers(): Offers & { readonly until: ReadonlyMap<Offer, number> } {
  const until = new Map<Offer, number>();
  return {
    until,
    remember: async (offer, noCapacityUntil) => void until.set(offer, noCapacityUntil),
    unavailable: async (offers, now) =>
      new Map(
        offers.flatMap((offer) => {
          const at = until.get(offer) ?? 0;
          return at > now ? [[offer, at] as const] : [];
        }),
      ),
  };
}

export function launchRequest(
  given: Pick<LaunchRequest, 'name' | 'attempt' | 'deployment' | 'pool'> & {
    now: number;
    machine?: Partial<Ec2Machine>;
  },
): LaunchRequest {
  const { now, machine, ...rest } = given;
  return {
    ...rest,
    labels: ['self-hosted'],
    machine: ec2Machine.parse({ instanceTypes: ['m7i.large'], ...machine }),
    answerBefore: now + patienceMs,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    lifetimeMsMax: dayMs,
    configuration: { kind: 'claimed', url: 'https://example.test/runners/claim', token: 'not sent' },
  };
}

export async function makeFixture(
  names: ContractNames,
  { clock, random, pass }: FixtureTime,
): Promise<HostFixture> {
  const standIn = await startStandIn({
    clock,
    visibleAfterMs: 30,
    capacity: Object.fromEntries(Object.values(subnets).map((zone) => [`${nowhere}/${zone}/onDemand`, 0])),
  });
  const { host: hostName, pool } = names;
  const hostOf = (deployment: ContractNames['deployment']) =>
    createEc2Host(contextFor(standIn, { deployment, host: hostName, pool, clock, random }));
  const { cloud } = standIn;
  const contexts = [hostOf(names.deployment), hostOf(names.stranger)] as const;
  const [host, stranger] = contexts;
  const nameOf = ({ tags }: StandInInstance): string => tags.get(tagKeys.name) ?? '';
  const request = (name: RunnerName, attempt: number, deployment = names.deployment): LaunchRequest =>
    launchRequest({ name, attempt, deployment, pool, now: clock.now() });

  async function launched(on: typeof host, wanted: LaunchRequest) {
    const answer = await on.launch(wanted);
    if (answer.outcome === 'refused') throw new Error(answer.reason);
    return answer.machine;
  }

  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({
      ...request(name, attempt),
      machine: ec2Machine.parse({ instanceTypes: [nowhere] }),
    }),
    restart: async () => hostOf(names.deployment),
    alive: async () =>
      [...cloud.instances.values()].filter(({ state }) => state !== 'terminated').map(nameOf),
    endByItself: async (name) => {
      for (const instance of cloud.instances.values())
        if (nameOf(instance) === name) cloud.shutDown(instance);
    },
    addStranger: (name) => launched(stranger, request(name, 1, names.stranger)),
    standBy: async (name) => {
      const machine = await launched(host, request(name, 1));
      while (!cloud.visible().some(({ id, state }) => id === machine && state === 'running')) await pass();
      return machine;
    },
    restingMachines: (['hot', 'stopped', 'hibernated'] as const).map((standby) =>
      ec2Machine.parse({ instanceTypes: ['m7i.large'], standby }),
    ),
    pass,
    close: () => standIn.close(),
  };
}
