// Launches against the stand-in, through the real SDK: what Lambda may answer, and what must come of it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, MachineId, PoolName, RunnerName } from '../../../core/ids.ts';
import type { HostEvent, LaunchRequest } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { readResult } from './events.ts';
import { hardEndOf, lastEffectMs } from './hard-end.ts';
import { createLambdaHost } from './index.ts';
import { lambdaHostOptions } from './options.ts';
import type { FunctionSettings } from './testing/platform.ts';
import { createPretence, type Pretence } from './testing/pretend.ts';
import { type Fate, type LambdaStandIn, type StandInSettings, startLambdaStandIn } from './testing/server.ts';
import { contextFor, functionFor, launchRequest } from './testing.ts';

const clock = createSystemClock();
const pool = 'short' as PoolName;
const deployment = 'own1' as DeploymentPrefix;

interface World {
  standIn: LambdaStandIn;
  pretence: Pretence;
  host: ReturnType<typeof createLambdaHost>;
  ends: HostEvent[];
  request(given?: Partial<LaunchRequest>): LaunchRequest;
}

async function inWorld(
  given: Omit<StandInSettings, 'clock' | 'functions'> & {
    settings?: Partial<FunctionSettings>;
    clock?: StandInSettings['clock'];
    freshEnvironments?: boolean;
  },
  run: (world: World) => Promise<void>,
): Promise<void> {
  const { settings = {}, freshEnvironments = true, clock: time = clock, ...rest } = given;
  const pretence = createPretence();
  const ends: HostEvent[] = [];
  const standIn = await startLambdaStandIn({
    clock: time,
    functions: [functionFor(pool, pretence.program, { tenantIsolation: freshEnvironments, ...settings })],
    onResult: (event) => {
      const told = readResult(event);
      if (told) ends.push(told);
    },
    ...rest,
  });
  const context = contextFor(standIn.endpoint, { clock: time, random: createSeededRandom(1), pools: [pool] });
  const host = createLambdaHost({ ...context, options: lambdaHostOptions.parse({ freshEnvironments }) });
  let named = 0;
  try {
    await run({
      standIn,
      pretence,
      host,
      ends,
      request: (more = {}) => {
        named += 1;
        const name = `own1-fn-short-${String(named).padStart(26, '0')}` as RunnerName;
        return launchRequest({ name, attempt: 1, deployment, pool, now: time.now(), ...more });
      },
    });
  } finally {
    await standIn.close();
  }
}

const first =
  (...fates: Fate[]): NonNullable<StandInSettings['fate']> =>
  (_, calls) =>
    fates[calls.length - 1] ?? 'pass';

describe('a launch on Lambda', { concurrency: 4 }, () => {
  test('is one call, which tells the invocation whose it is and no more, and makes its machine from the answer', () =>
    inWorld({}, async ({ standIn, host, request, pretence }) => {
      const asked = request();
      const before = clock.now();
      const answer = await host.launch(asked);
      assert.ok(answer.outcome === 'launched');
      assert.equal(standIn.calls.length, 1);
      assert.deepEqual(JSON.parse(standIn.calls[0]?.payload ?? ''), {
        runner: asked.name,
        attempt: 1,
        claimUrl: 'https://example.test/runners/claim',
        token: '1.the-token-of-a-test',
        lifetimeSeconds: 780,
      });
      const [running] = standIn.platform.running();
      assert.equal(running?.tenantId, asked.name, 'an environment that no other runner gets');
      assert.ok(answer.machine.startsWith(`${running?.requestId}@`));
      const end = hardEndOf(answer.machine) ?? 0;
      assert.ok(end >= before + lastEffectMs && end <= clock.now() + lastEffectMs);
      assert.deepEqual(pretence.alive(), [asked.name]);
    }));

  test('names no tenant where environments are used again', () =>
    inWorld({ freshEnvironments: false }, async ({ standIn, host, request }) => {
      assert.equal((await host.launch(request())).outcome, 'launched');
      assert.equal(standIn.platform.running()[0]?.tenantId, null);
    }));

  test('that is throttled has started nothing, says when to try again, and says nothing of the pool', () =>
    inWorld(
      {
        fate: first(
          { code: 'TooManyRequestsException', status: 429, retryAfterSeconds: 3 },
          { code: 'TooManyRequestsException', status: 429 },
          { code: 'ResourceConflictException', status: 409 },
        ),
      },
      async ({ host, request, pretence }) => {
        const told = await host.launch(request());
        assert.deepEqual([told.outcome, 'refusal' in told && told.refusal], ['refused', 'throttled']);
        assert.equal('retryAfterMs' in told && told.retryAfterMs, 3_000);
        for (const _ of [1, 2]) {
          const answer = await host.launch(request());
          assert.ok(answer.outcome === 'refused' && answer.refusal === 'throttled');
          assert.ok((answer.retryAfterMs ?? 0) >= 500 && (answer.retryAfterMs ?? 0) <= 8_000);
        }
        assert.deepEqual(pretence.alive(), []);
      },
    ));

  test("that Lambda would refuse again is a person's to mend", () =>
    inWorld(
      {
        fate: first(
          { code: 'AccessDeniedException', status: 403 },
          { code: 'KMSAccessDeniedException', status: 400 },
        ),
      },
      async ({ host, request }) => {
        for (const _ of [1, 2]) {
          const answer = await host.launch(request());
          assert.ok(answer.outcome === 'refused' && answer.refusal === 'invalid');
          assert.equal(answer.retryAfterMs, null);
        }
        const unknown = await host.launch(request({ pool: 'new' as PoolName }));
        assert.ok(unknown.outcome === 'refused' && unknown.refusal === 'invalid');
        assert.match(unknown.reason, /pool new has no function: deploy/);
      },
    ));

  test('whose answer was lost is in doubt, and is not made a second time', () =>
    inWorld(
      { fate: first('lose', 'drop', { code: 'ServiceException', status: 500 }) },
      async ({ standIn, host, request, pretence }) => {
        const lost = request();
        for (const asked of [lost, request(), request()])
          await assert.rejects(host.launch(asked), /whether it will start is not known/);
        assert.equal(standIn.calls.length, 3);
        assert.deepEqual(pretence.alive(), [lost.name]);
        const ref = { name: lost.name, machine: null };
        assert.equal(await host.describe(ref), 'absent');
        assert.equal(await host.terminate(ref), 'ending');
      },
    ));

  test('gives up when nobody waits any more', () =>
    inWorld({}, async ({ standIn, host, request }) => {
      await assert.rejects(host.launch(request({ answerBefore: clock.now() })), /begins after its time/);
      assert.equal(standIn.calls.length, 0);
    }));

  test('is refused where its configuration would have to be handed over', () =>
    inWorld({}, async ({ host, request }) => {
      const configuration = { kind: 'handedOver', jitConfig: 'secret' } as const;
      await assert.rejects(host.launch(request({ configuration })), (error: Error) => {
        assert.match(error.message, /claims its configuration/);
        return !error.message.includes('secret');
      });
    }));

  test('that Lambda runs twice has one runner, whose end alone is told', () =>
    inWorld({ fate: () => 'twice' }, async ({ host, request, pretence, ends }) => {
      const asked = request();
      await host.launch(asked);
      assert.deepEqual(pretence.alive(), [asked.name]);
      assert.equal(ends.length, 0);
      pretence.end(asked.name);
      await until(() => ends.length === 1);
      assert.equal(ends[0]?.name, asked.name);
    }));
});

describe('the hard end of an invocation', () => {
  test('holds whatever Lambda does within its settings: the last minute of its queue, then all of its time-out', async () => {
    const time = createVirtualClock(1_700_000_000_000);
    await inWorld({ clock: time }, async ({ standIn, host, request, pretence, ends }) => {
      standIn.platform.hold(true);
      const asked = request();
      const launching = host.launch(asked);
      const answer = await launching;
      assert.ok(answer.outcome === 'launched');
      const ref = { name: asked.name, machine: answer.machine };
      await time.advance(59_000);
      standIn.platform.hold(false);
      assert.deepEqual(pretence.alive(), [asked.name]);
      await time.advance(899_000);
      assert.deepEqual(pretence.alive(), [asked.name]);
      assert.equal(await host.describe(ref), 'unknown');
      assert.equal(await host.terminate(ref), 'ending');
      await time.advance(2_000);
      assert.deepEqual(pretence.alive(), []);
      assert.match(ends[0]?.cause ?? '', /stopped it at its time-out/);
      await time.advance(60_000);
      assert.equal(await host.describe(ref), 'dead');
      assert.equal(await host.terminate(ref), 'gone');
      assert.equal(standIn.calls.length, 1, 'nobody was asked for that');
    });
  });

  test('is not waited for where Lambda had no concurrency: the event comes back after a minute, with that reason', async () => {
    const time = createVirtualClock(1_700_000_000_000);
    await inWorld(
      { clock: time, settings: { reservedConcurrency: 1 } },
      async ({ standIn, host, request, pretence, ends }) => {
        const [one, two] = [request(), request()];
        await host.launch(one);
        await host.launch(two);
        await time.advance(62_000);
        assert.deepEqual(pretence.alive(), [one.name]);
        assert.deepEqual(
          ends.map(({ name }) => name),
          [two.name],
        );
        assert.match(ends[0]?.cause ?? '', /no concurrency left/);
        assert.equal(standIn.platform.mostAtOnce(`runners-${pool}`), 1);
      },
    );
  });

  test("is read from the machine's id, and from no other", () => {
    assert.equal(hardEndOf('i-0123456789abcdef0' as MachineId), null);
    assert.equal(hardEndOf('8476a536-e9f4-11e8-9739-2dfe598c3fcd@170000000000' as MachineId), null);
    assert.equal(
      hardEndOf('8476a536-e9f4-11e8-9739-2dfe598c3fcd@1700000000000' as MachineId),
      1_700_000_000_000,
    );
  });
});

async function until(isSo: () => boolean): Promise<void> {
  const end = clock.now() + 5_000;
  while (!isSo()) {
    assert.ok(clock.now() < end, 'waited in vain');
    await clock.sleep(5);
  }
}
