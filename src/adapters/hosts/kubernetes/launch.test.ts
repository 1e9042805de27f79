// What a launch does with a server that refuses, fails, loses answers, or is not there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OperatingSystem } from '../../../core/configuration.ts';
import type { DeploymentPrefix, HostName, PoolName } from '../../../core/ids.ts';
import { runnerName } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createKubernetesHost, type KubernetesHost } from './index.ts';
import { kubernetesHostOptions } from './options.ts';
import { type Fate, type StandIn, type StandInSettings, startStandIn } from './testing/server.ts';
import { launchRequest } from './testing.ts';

const clock = createSystemClock();
const deployment = 'own1' as DeploymentPrefix;
const hostName = 'here' as HostName;
const pool = 'small' as PoolName;

async function onCluster(
  settings: Partial<StandInSettings> & { configuration?: 'claimed' | 'handedOver'; os?: OperatingSystem },
  run: (given: {
    host: KubernetesHost;
    standIn: StandIn;
    request: (given?: Partial<LaunchRequest>) => LaunchRequest;
  }) => Promise<void>,
): Promise<void> {
  const { configuration = 'claimed', os = 'linux', ...rest } = settings;
  const standIn = await startStandIn({ clock, ...rest });
  const host = createKubernetesHost({
    deployment,
    host: hostName,
    options: kubernetesHostOptions.parse({ watch: false, configuration }),
    osOf: () => os,
    connection: standIn.connection(),
    clock,
    random: createSeededRandom(1),
    onWarning: () => {},
  });
  const name = runnerName(deployment, hostName, pool, '0'.repeat(26));
  const request = (given: Partial<LaunchRequest> = {}) => ({
    ...launchRequest({ name, attempt: 1, deployment, pool, now: clock.now() }),
    ...given,
  });
  try {
    await run({ host, standIn, request });
  } finally {
    host.close();
    await standIn.close();
  }
}

/** The first `times` calls of this kind have this fate. */
const first = (
  verb: string,
  resource: string,
  times: number,
  fate: Fate,
): NonNullable<StandInSettings['fate']> => {
  let seen = 0;
  return (call) => {
    if (call.verb !== verb || call.resource !== resource) return 'pass';
    seen += 1;
    return seen <= times ? fate : 'pass';
  };
};

const soon = () => ({ answerBefore: clock.now() + 900 });

function refusalOf(answer: LaunchAnswer): { refusal: string; reason: string; retryAfterMs: number | null } {
  assert.ok(answer.outcome === 'refused', JSON.stringify(answer));
  return answer;
}

describe('a launch', { concurrency: 8 }, () => {
  test('is two creates, and no call more', () =>
    onCluster({}, async ({ host, standIn, request }) => {
      assert.equal((await host.launch(request())).outcome, 'launched');
      assert.deepEqual(
        standIn.calls.map(({ verb, resource }) => `${verb} ${resource}`),
        ['create jobs', 'create secrets'],
      );
    }));

  for (const [says, verb, resource, fate] of [
    ['whose Job was made and not answered for', 'create', 'jobs', 'lose'],
    ['whose Job did not arrive', 'create', 'jobs', 'drop'],
    ['whose Secret was made and not answered for', 'create', 'secrets', 'lose'],
    ['that was refused for too many calls', 'create', 'jobs', { status: 429, retryAfter: '1' }],
    ["that met a fault of the server's own", 'create', 'secrets', { status: 500 }],
    ['that met a token that had run out', 'create', 'jobs', { status: 401 }],
  ] as const)
    test(`${says} is asked again, and there is one Job with its Secret`, () =>
      onCluster({ fate: first(verb, resource, 1, fate) }, async ({ host, standIn, request }) => {
        const answer = await host.launch(request());
        assert.equal(answer.outcome, 'launched', JSON.stringify(answer));
        assert.equal(standIn.cluster.kinds.jobs.size, 1);
        assert.equal(standIn.cluster.kinds.secrets.size, 1);
      }));

  test('whose answers are all lost is in doubt, and says so', () =>
    onCluster({ fate: () => 'lose' }, async ({ host, request }) => {
      await assert.rejects(host.launch(request(soon())), /whether something started is not known/);
    }));

  test('that is refused after a lost answer stays in doubt', () => {
    let calls = 0;
    const fate: NonNullable<StandInSettings['fate']> = () => {
      calls += 1;
      return calls === 1 ? 'drop' : { status: 403, message: 'exceeded quota: few' };
    };
    return onCluster({ fate }, async ({ host, request }) => {
      await assert.rejects(host.launch(request()), /not known/);
    });
  });

  test('that is throttled to the end has started nothing', () =>
    onCluster({ fate: () => ({ status: 429, retryAfter: '7' }) }, async ({ host, standIn, request }) => {
      const { refusal, retryAfterMs } = refusalOf(await host.launch(request(soon())));
      assert.equal(refusal, 'throttled');
      assert.equal(retryAfterMs, 7_000);
      assert.equal(standIn.cluster.kinds.jobs.size, 0);
    }));

  test('to a server that is not there has started nothing', async () => {
    await onCluster({}, async ({ host, standIn, request }) => {
      await standIn.close();
      assert.equal(refusalOf(await host.launch(request(soon()))).refusal, 'throttled');
    });
  });

  test('into a full quota is refused: later, with the reason', () =>
    onCluster({ jobsMax: 0 }, async ({ host, request }) => {
      const { refusal, reason, retryAfterMs } = refusalOf(await host.launch(request()));
      assert.equal(refusal, 'noCapacity');
      assert.match(reason, /exceeded quota/);
      assert.ok(retryAfterMs !== null);
    }));

  test('that may not be is refused for good, with verb and resource', () =>
    onCluster({ allows: ({ resource }) => resource !== 'secrets' }, async ({ host, standIn, request }) => {
      const { refusal, reason } = refusalOf(await host.launch(request()));
      assert.equal(refusal, 'invalid');
      assert.match(reason, /cannot create resource "secrets".*Remedy/);
      assert.equal(standIn.cluster.kinds.jobs.size, 0, 'its Job was taken back');
    }));

  test("under the name of somebody's Job is refused, and the Job left alone", () =>
    onCluster({}, async ({ host, standIn, request }) => {
      const wanted = request();
      standIn.cluster.create('jobs', { metadata: { name: wanted.name } as never });
      assert.equal(refusalOf(await host.launch(wanted)).refusal, 'invalid');
      assert.equal(standIn.cluster.kinds.secrets.size, 0);
    }));

  test('that hands the configuration over has it in the Secret alone', () =>
    onCluster({ configuration: 'handedOver' }, async ({ host, standIn, request }) => {
      const jitConfig = 'the configuration of a test';
      await host.launch(request({ configuration: { kind: 'handedOver', jitConfig } }));
      const [secret] = standIn.cluster.kinds.secrets.values();
      assert.deepEqual(secret?.['stringData'], { jitconfig: jitConfig });
      assert.ok(!JSON.stringify([...standIn.cluster.kinds.jobs.values()]).includes(jitConfig));
    }));

  test('says what is misspelt in a patch', () =>
    onCluster({}, async ({ host, request }) => {
      const machine = { patch: { spec: { imagee: 'x' } } };
      const { refusal, reason } = refusalOf(await host.launch(request({ machine })));
      assert.equal(refusal, 'invalid');
      assert.match(reason, /unknown field "spec.template.spec.imagee"/);
    }));
});

test('a termination is asked again where the server was busy', () =>
  onCluster({ fate: first('delete', 'jobs', 2, { status: 503 }) }, async ({ host, request }) => {
    const wanted = request();
    await host.launch(wanted);
    assert.equal(await host.terminate({ name: wanted.name, machine: null }), 'ending');
  }));

test('a list and a description say that they do not know, where the server does not', () =>
  onCluster({ fate: () => ({ status: 503 }) }, async ({ host, request }) => {
    assert.equal(await host.list(), 'unknown');
    assert.equal(await host.describe({ name: request().name, machine: null }), 'unknown');
  }));

describe('a launch on Windows nodes', () => {
  for (const [machine, why] of [
    [{}, /actions-runner:latest is for Linux\. Remedy/],
    [
      { image: 'acme/runner:ltsc2025', containers: 'docker' },
      /containers 'docker' is not for Windows\. Remedy/,
    ],
  ] as const)
    test(`of ${JSON.stringify(machine)} is refused before anything is asked of the cluster`, () =>
      onCluster({ os: 'windows' }, async ({ host, standIn, request }) => {
        const { refusal, reason } = refusalOf(await host.launch(request({ machine })));
        assert.equal(refusal, 'invalid');
        assert.match(reason, why);
        assert.equal(standIn.calls.length, 0);
      }));

  test('of an image of yours is made', () =>
    onCluster({ os: 'windows' }, async ({ host, request }) => {
      const answer = await host.launch(request({ machine: { image: 'acme/runner:ltsc2025' } }));
      assert.equal(answer.outcome, 'launched');
    }));
});
