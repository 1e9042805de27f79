// Lambda for the port's contract: the stand-in over HTTP, with the real SDK in between. Time is virtual, since much of
// what this host promises it keeps after a quarter of an hour; it stands still while a call is on its way.

import type { MachineId, RunnerName } from '../../../core/ids.ts';
import type { ContractNames, FixtureTime, HostFixture } from '../../../ports/host.contract.ts';
import type { Host, HostEvent, LaunchRequest } from '../../../ports/host.ts';
import { createLambdaClient } from './client.ts';
import type { HostContext } from './context.ts';
import { readResult } from './events.ts';
import { eventAgeSecondsMax, timeoutSeconds } from './hard-end.ts';
import { createLambdaHost } from './index.ts';
import { lambdaHostOptions } from './options.ts';
import type { FunctionSettings, Program } from './testing/platform.ts';
import { createPretence } from './testing/pretend.ts';
import { startLambdaStandIn } from './testing/server.ts';

export const time = 'virtual';
export const sight = 'blind';

/** What a stand-in asks for; it looks at no signature closely. */
export const standInConfig = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
};

const patienceMs = 20_000;
const lifetimeMs = 780_000;

/** As the infrastructure makes them. */
export function functionFor(
  pool: string,
  program: Program,
  given: Partial<FunctionSettings> = {},
): FunctionSettings {
  return {
    name: `runners-${pool}`,
    timeoutSeconds,
    eventAgeSecondsMax,
    reservedConcurrency: null,
    tenantIsolation: true,
    program,
    ...given,
  };
}

export function contextFor(
  endpoint: string,
  given: Pick<HostContext, 'clock' | 'random'> & { pools: readonly string[] },
): HostContext {
  const { pools, ...rest } = given;
  const client = createLambdaClient({ ...standInConfig, endpoint });
  return {
    ...rest,
    options: lambdaHostOptions.parse({}),
    made: { functions: Object.fromEntries(pools.map((pool) => [pool, `runners-${pool}`])) },
    client: () => client,
  };
}

export function launchRequest(
  given: Pick<LaunchRequest, 'name' | 'attempt' | 'deployment' | 'pool'> &
    Partial<LaunchRequest> & { now: number },
): LaunchRequest {
  const { now, ...rest } = given;
  return {
    labels: ['self-hosted'],
    machine: {},
    answerBefore: now + patienceMs,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    lifetimeMsMax: lifetimeMs,
    configuration: {
      kind: 'claimed',
      url: 'https://example.test/runners/claim',
      token: '1.the-token-of-a-test',
    },
    ...rest,
  };
}

export async function makeFixture(
  names: ContractNames,
  { clock, random, pass }: FixtureTime,
): Promise<HostFixture> {
  const pretence = createPretence();
  const events: HostEvent[] = [];
  const { pool } = names;
  const standIn = await startLambdaStandIn({
    clock,
    functions: [functionFor(pool, pretence.program)],
    onResult: (event) => {
      const told = readResult(event);
      if (told?.name.startsWith(names.deployment)) events.push(told);
    },
  });
  let callsOnTheirWay = 0;
  const open = (): Host => {
    const host = createLambdaHost(contextFor(standIn.endpoint, { clock, random, pools: [pool] }));
    return {
      ...host,
      async launch(request) {
        callsOnTheirWay += 1;
        try {
          return await host.launch(request);
        } finally {
          callsOnTheirWay -= 1;
        }
      },
    };
  };
  const host = open();
  const request = (name: RunnerName, attempt: number, deployment = names.deployment): LaunchRequest =>
    launchRequest({ name, attempt, deployment, pool, now: clock.now() });

  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({ ...request(name, attempt), pool: 'another' as typeof pool }),
    restart: async () => open(),
    alive: async () => pretence.alive(),
    endByItself: async (name) => pretence.end(name),
    addStranger: async (name): Promise<MachineId> => {
      const answer = await host.launch(request(name, 1, names.stranger));
      if (answer.outcome === 'refused') throw new Error(answer.reason);
      return answer.machine;
    },
    events: () => events,
    pass: () => (callsOnTheirWay > 0 ? new Promise((resolve) => setTimeout(resolve, 1)) : pass()),
    close: () => standIn.close(),
  };
}
