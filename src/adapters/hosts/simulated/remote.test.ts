import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import {
  type DeploymentPrefix,
  type HostName,
  type MachineId,
  type PoolName,
  type RunnerName,
  runnerName,
} from '../../../core/ids.ts';
import { type ContractNames, type HostFixture, hostContract } from '../../../ports/host.contract.ts';
import type { Host, HostEvent, LaunchRequest } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import type { SimulatedFaults, SimulatedProgram } from './index.ts';
import { simulatedHostOptions, simulatedTraits } from './options.ts';
import { type Park, startPark } from './park.ts';
import { createRemoteSimulatedHost } from './remote.ts';

const clock = createSystemClock();
const token = 'the token of this test';
const passMs = 10;
const ms = (most: number) => ({ leastMs: 1, medianMs: 1, p95Ms: most, mostMs: most });
const steady = (each: number) => ({ leastMs: each, medianMs: each, p95Ms: each, mostMs: each });
const options = simulatedHostOptions.parse({
  listStalenessMs: 0,
  callEffectMs: 1000,
  callMs: ms(3),
  bootMs: ms(5),
  endingMs: ms(5),
  eventMs: ms(5),
});
const refusedLabel = 'refused';
const standByLabel = 'stands-by';

interface Ground {
  park: Park;
  events: HostEvent[];
  hostFor(deployment: DeploymentPrefix, given?: { url?: string; token?: string; host?: HostName }): Host;
}

const here = 'here' as HostName;

async function openPark(
  faults: SimulatedFaults = {},
  changed: Partial<typeof options> = {},
): Promise<Ground> {
  const events: HostEvent[] = [];
  const program: SimulatedProgram = (machine) => {
    if (machine.labels.includes(standByLabel)) machine.standBy();
    return { vanish: () => {} };
  };
  const park = await startPark({
    clock,
    random: createSeededRandom(1),
    hosts: [{ name: here, options: { ...options, ...changed }, faults }],
    program,
    token,
    onEvent: async (_host, event) => {
      events.push(event);
    },
  });
  return {
    park,
    events,
    hostFor: (deployment, given = {}) =>
      createRemoteSimulatedHost({
        host: here,
        deployment,
        traits: simulatedTraits(options),
        url: park.url,
        token,
        clock,
        ...given,
      }),
  };
}

function requestOf(
  deployment: DeploymentPrefix,
  pool: PoolName,
  name: RunnerName,
  attempt = 1,
): LaunchRequest {
  return {
    name,
    attempt,
    deployment,
    pool,
    labels: [],
    machine: {},
    answerBefore: clock.now() + 10_000,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    lifetimeMsMax: 86_400_000,
    configuration: { kind: 'claimed', url: 'http://127.0.0.1/runners/claim', token: 'token' },
  };
}

async function makeFixture(names: ContractNames): Promise<HostFixture> {
  const { park, events, hostFor } = await openPark({
    launch: ({ labels }) =>
      labels.includes(refusedLabel)
        ? { kind: 'refused', refusal: 'noCapacity', reason: 'no room', retryAfterMs: null }
        : undefined,
  });
  const ground = park.ground(names.host);
  const request = (name: RunnerName, attempt: number) =>
    requestOf(names.deployment, names.pool, name, attempt);
  const pass = (): Promise<void> => clock.sleep(passMs);
  const launchAt = async (host: Host, wanted: LaunchRequest): Promise<MachineId> => {
    const answer = await host.launch(wanted);
    assert.ok(answer.outcome === 'launched');
    return answer.machine;
  };
  const host = hostFor(names.deployment);
  return {
    host,
    request,
    refusedRequest: (name, attempt) => ({ ...request(name, attempt), labels: [refusedLabel] }),
    restart: async () => hostFor(names.deployment),
    alive: async () =>
      [...ground.all()].filter((machine) => machine.diedAt === null).map((machine) => machine.name),
    endByItself: async (name) => {
      park.vanish(names.host, name, { cause: 'its job is done', silently: false });
    },
    addStranger: (name) => launchAt(hostFor(names.stranger), requestOf(names.stranger, names.pool, name)),
    standBy: async (name) => {
      const machine = await launchAt(host, { ...request(name, 1), labels: [standByLabel] });
      while (!ground.byId(machine)?.isStandingBy) await pass();
      return machine;
    },
    events: () => events.filter((event) => event.name.startsWith(names.deployment)),
    pass,
    close: () => park.close(),
  };
}

hostContract('remote simulated', makeFixture);

const own = 'own1' as DeploymentPrefix;
const pool = 'small' as PoolName;
let named = 0;
const nextRequest = (changed: Partial<LaunchRequest> = {}): LaunchRequest => {
  named += 1;
  const name = runnerName(own, here, pool, String(named).padStart(26, '0'));
  return { ...requestOf(own, pool, name), ...changed };
};

describe('a remote simulated host', () => {
  test('does not know what came of a call whose connection was lost, and finds the machine when it asks again', async () => {
    let lost = 1;
    const { park, hostFor } = await openPark({
      launch: () => (lost-- > 0 ? { kind: 'answerLost' } : undefined),
    });
    try {
      const request = nextRequest();
      await assert.rejects(hostFor(own).launch(request), /whether it took effect is not known/);
      const again = await hostFor(own).launch(request);
      assert.equal(again.outcome, 'launched');
      assert.equal(park.ground(here).census().alive, 1);
    } finally {
      await park.close();
    }
    await assert.rejects(hostFor(own).launch(nextRequest()), /whether it took effect is not known/);
    await assert.rejects(hostFor(own).list(), /whether it took effect is not known/);
  });

  test('gives up at its deadline, and the machine may come all the same', async () => {
    const { park, hostFor } = await openPark({}, { callMs: steady(10_000), callEffectMs: 300 });
    try {
      const request = nextRequest({ answerBefore: clock.now() + 100 });
      const startedAt = clock.now();
      await assert.rejects(hostFor(own).launch(request), /whether it took effect is not known/);
      assert.ok(clock.now() - startedAt < 9_000, 'it waited for the answer, beyond its deadline');
      while (park.ground(here).census().alive === 0) await clock.sleep(passMs);
    } finally {
      await park.close();
    }
  });

  test('gives up on a park that takes the call and says nothing', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { park, hostFor } = await openPark();
    try {
      const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      const request = nextRequest({ answerBefore: clock.now() + 50 });
      await assert.rejects(hostFor(own, { url }).launch(request), /not known/);
    } finally {
      silent.closeAllConnections();
      await new Promise((resolve) => silent.close(resolve));
      await park.close();
    }
  });

  test('is refused for good by a park that is not its own, and nothing is started', async () => {
    const { park, hostFor } = await openPark();
    try {
      for (const [given, says] of [
        [{ token: 'another token of this length' }, /token/],
        [{ host: 'there' as HostName }, /no such host/],
      ] as const) {
        const answer = await hostFor(own, given).launch(nextRequest());
        assert.ok(answer.outcome === 'refused' && answer.refusal === 'invalid');
        assert.match(answer.reason, says);
        assert.match(answer.reason, /Remedy/);
        await assert.rejects(hostFor(own, given).list(), says);
      }
      assert.equal(park.ground(here).census().alive, 0);
    } finally {
      await park.close();
    }
  });

  test('has its bodies bounded and parsed: what is no call starts nothing, and no value of it is shown', async () => {
    const { park } = await openPark();
    const send = async (path: string, body: string): Promise<{ status: number; text: string }> => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const answer = await fetch(`${park.url}${path}`, { method: 'POST', body, headers });
      return { status: answer.status, text: await answer.text() };
    };
    try {
      const request = nextRequest();
      const secret = 'the-token-of-a-machine';
      const configuration = { kind: 'claimed', url: 7, token: secret };
      const wrong = JSON.stringify({ request: { ...request, configuration } });
      assert.equal((await send('/hosts/here/launch', 'no json')).status, 400);
      const refused = await send('/hosts/here/launch', wrong);
      assert.equal(refused.status, 400);
      assert.match(refused.text, /request\.configuration\.url/);
      assert.ok(!refused.text.includes(secret));
      assert.equal((await send('/hosts/here/launch', 'x'.repeat(200_000))).status, 413);
      assert.equal((await send('/hosts/here/sell', '{}')).status, 404);
      assert.equal((await fetch(`${park.url}/hosts/here/list`, { method: 'POST', body: '{}' })).status, 401);
      assert.equal(park.ground(here).census().alive, 0);
    } finally {
      await park.close();
    }
  });

  test('leaves nothing running when its park is closed, calls under way included', async () => {
    const begun = Promise.withResolvers<void>();
    const launch = (): undefined => void begun.resolve();
    const { park, hostFor } = await openPark({ launch }, { callMs: steady(60) });
    const outcome = hostFor(own)
      .launch(nextRequest())
      .then(
        () => 'answered',
        () => 'lost',
      );
    await begun.promise;
    await park.close();
    assert.equal(await outcome, 'lost');
    // Longer than the call would have taken.
    await clock.sleep(80);
    assert.equal(park.ground(here).census().alive, 0);
  });
});
