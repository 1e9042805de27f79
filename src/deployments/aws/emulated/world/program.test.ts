import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createVirtualClock } from '../../../../adapters/clock/virtual/index.ts';
import { createSeededRandom } from '../../../../adapters/clock/virtual/random.ts';
import type { AssignedJob, RunnerSession } from '../../../../adapters/github/simulated/runners.ts';
import type { SimulatedMachine } from '../../../../adapters/hosts/simulated/index.ts';
import type { MachineId, PoolName, RunnerName } from '../../../../core/ids.ts';
import { createMachineProgram, type ProgramDeps } from './program.ts';

interface Sent {
  path: string;
  body: Record<string, unknown>;
  at: number;
}

type Answers = (sent: Sent) => Response | 'none' | 'never';

const job = { id: 7, durationMs: 5_000, outcome: 'success' } as AssignedJob;
const configured = (): Response => Response.json({ jitConfig: 'the configuration' });

function setUp(answers: Answers, deps: Partial<ProgramDeps> & { job?: AssignedJob | 'gone' } = {}) {
  const clock = createVirtualClock(0);
  const sent: Sent[] = [];
  const ended: string[] = [];
  const atGitHub: string[] = [];
  let cancel = (): void => {};
  let standsBy = false;
  const session: RunnerSession = {
    runnerId: 1,
    name: 'r',
    nextJob: async () => deps.job ?? job,
    stopWaiting: () => {},
    onCancel: (task) => {
      cancel = task;
    },
    report: () => {},
    finish: (conclusion) => atGitHub.push(`finished: ${conclusion}`) > 0,
    vanish: () => atGitHub.push('vanished'),
  };
  const machine: SimulatedMachine = {
    machine: 'sim-1' as MachineId,
    name: 'own1-far-small-x' as RunnerName,
    pool: 'small' as PoolName,
    labels: [],
    traceparent: '',
    key: null,
    configuration: { kind: 'claimed', url: 'https://api.test/runners/claim', token: 'a token' },
    end(cause) {
      ended.push(cause);
      running.vanish();
    },
    standBy() {
      standsBy = true;
    },
  };
  const running = createMachineProgram({
    clock,
    random: createSeededRandom(1),
    gitHub: {
      runnerConnect(jitConfig) {
        atGitHub.push(`connects with ${jitConfig}`);
        return { outcome: 'connected', session };
      },
    },
    fetch: (url, init) => {
      const body = JSON.parse(String(init?.body)) as Record<string, unknown>;
      const one = { path: new URL(String(url)).pathname, body, at: clock.now() };
      sent.push(one);
      const answer = one.path.endsWith('/claim') ? answers(one) : new Response('{}', { status: 202 });
      if (answer === 'none') return Promise.reject(new TypeError('fetch failed'));
      if (answer instanceof Response) return Promise.resolve(answer);
      return new Promise((_, reject) =>
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)),
      );
    },
    ...deps,
  })(machine);
  const claims = (): Sent[] => sent.filter(({ path }) => path === '/runners/claim');
  return { clock, sent, ended, atGitHub, claims, running, cancel: () => cancel(), standsBy: () => standsBy };
}

const minuteMs = 60_000;

describe("a machine's program", () => {
  test('claims with its proof, connects, plays its job for its time, says what it did, and ends', async () => {
    const { clock, sent, ended, atGitHub, claims } = setUp(configured);
    await clock.advance(4_900);
    assert.deepEqual(atGitHub, ['connects with the configuration']);
    await clock.advance(minuteMs);
    assert.deepEqual(claims()[0]?.body, { runner: 'own1-far-small-x', token: 'a token' });
    assert.equal(claims().length, 1);
    const notes = sent
      .filter(({ path }) => path === '/runners/milestones')
      .map(({ body }) => body['milestone']);
    assert.deepEqual(notes, ['booted', 'registered', 'jobStarted', 'jobEnded']);
    assert.deepEqual(atGitHub.slice(1, 2), ['finished: success']);
    assert.deepEqual(ended, ['its job is done']);
    assert.equal(clock.pending(), 0);
  });

  test('shows another proof where it has one, at every door', async () => {
    const { clock, sent } = setUp(configured, { proofOf: async () => ({ identity: 'a signed document' }) });
    await clock.advance(minuteMs);
    assert.deepEqual(
      sent.map(({ body: { identity, token } }) => [identity, token]),
      sent.map(() => ['a signed document', undefined]),
    );
    assert.equal(sent.length, 5);
  });

  test('waits as long as it is told before it claims again', async () => {
    const answers = [
      new Response('{}', { status: 429, headers: { 'retry-after': '90' } }),
      new Response('{}', { status: 503, headers: { 'retry-after': '7' } }),
      new Response('no json', { status: 500 }),
    ];
    const { clock, claims, ended } = setUp(() => answers.shift() ?? configured());
    await clock.advance(3 * minuteMs);
    assert.deepEqual(
      claims().map(({ at }) => at),
      [0, 90_000, 97_000, 98_000],
    );
    assert.deepEqual(ended, ['its job is done']);
  });

  test('ends when its claim is refused for good, with the reason', async () => {
    for (const status of [401, 410]) {
      const { clock, ended, claims } = setUp(() => Response.json({ message: 'not wanted' }, { status }));
      await clock.advance(minuteMs);
      assert.deepEqual(ended, ['its claim was refused: not wanted']);
      assert.equal(claims().length, 1);
    }
  });

  test('stands by when it is told to, and asks no more', async () => {
    const { clock, ended, claims, standsBy } = setUp(() => new Response('{}', { status: 202 }));
    await clock.advance(10 * minuteMs);
    assert.deepEqual([standsBy(), ended, claims().length], [true, [], 1]);
  });

  test('gives up when nobody answers for five minutes', async () => {
    for (const silence of ['none', 'never'] as const) {
      const { clock, ended, claims } = setUp(() => silence);
      await clock.advance(4 * minuteMs);
      assert.deepEqual(ended, []);
      assert.ok(claims().length > 1);
      await clock.advance(2 * minuteMs);
      assert.deepEqual(ended, ['it could not claim its configuration']);
      assert.equal(clock.pending(), 0);
    }
  });

  test('ends when its registration is gone, and stops a job that is cancelled', async () => {
    const removed = setUp(configured, { job: 'gone' });
    await removed.clock.advance(minuteMs);
    assert.deepEqual(removed.ended, ['GitHub has removed its registration']);
    const cancelled = setUp(configured);
    await cancelled.clock.advance(1_000);
    cancelled.cancel();
    await cancelled.clock.advance(1_000);
    assert.ok(cancelled.atGitHub.includes('finished: cancelled'));
    assert.deepEqual(cancelled.ended, ['its job is done']);
  });

  test('says nothing more once its machine is dead, and GitHub sees it vanish', async () => {
    const { clock, running, sent, ended, atGitHub } = setUp(configured);
    await clock.advance(1_000);
    running.vanish();
    const before = sent.length;
    await clock.advance(minuteMs);
    assert.deepEqual([sent.length, ended, clock.pending()], [before, [], 0]);
    assert.deepEqual(atGitHub, ['connects with the configuration', 'vanished']);
  });

  test('misbehaves as it is fated to', async () => {
    const play = async (fate: ReturnType<NonNullable<ProgramDeps['fate']>>) => {
      const played = setUp(configured, { fate: () => fate });
      await played.clock.advance(minuteMs);
      return { ...played, finished: played.atGitHub.includes('finished: success') };
    };
    const silent = await play('silent');
    assert.deepEqual([silent.sent.length, silent.ended], [0, []]);
    const lost = await play('claimAnswerLost');
    assert.deepEqual([lost.claims().length, lost.finished, lost.ended], [2, true, ['its job is done']]);
    const unconnected = await play('neverConnects');
    assert.deepEqual([unconnected.claims().length, unconnected.atGitHub, unconnected.ended], [1, [], []]);
    const hangs = await play('hangs');
    assert.deepEqual([hangs.finished, hangs.ended], [true, []]);
    const dead = await play('diesAtWork');
    assert.deepEqual(
      [dead.finished, dead.ended, dead.atGitHub.at(-1)],
      [false, ['it died at work'], 'vanished'],
    );
  });
});
