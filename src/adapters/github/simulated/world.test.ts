import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createTestWorld } from './testing.ts';
import type { WorldOptions } from './world.ts';

const startMs = Date.UTC(2026, 10, 1);
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

function given(options: Partial<WorldOptions> = {}, seed = 'world') {
  const clock = createVirtualClock(startMs);
  return { clock, ...createTestWorld(clock, createSeededRandom(seed), options) };
}

const linux = (name: string) => ({ name, labels: ['linux'] });
const noDrops = { settings: { dropsIdleRunners: false } };

describe('a job of the simulated GitHub', () => {
  test('goes from queued over in_progress to completed, with a webhook for each', async () => {
    const { clock, start, connect, hooks, payloads, world } = given();
    const { jobs } = start(linux('build'));
    await clock.advance(minuteMs);
    const runner = connect('one', ['LINUX', 'more']);
    await clock.advance(1_000);
    assert.ok(runner.got.job !== null && runner.got.job !== 'gone');
    assert.equal(runner.got.job.id, jobs[0]?.id);
    await clock.advance(5_000);
    assert.ok(runner.session.finish('success'));
    await clock.advance(1_000);
    assert.deepEqual(hooks, [
      'queued/queued build',
      'in_progress/in_progress build',
      'completed/completed build',
    ]);
    const [queued, started, completed] = payloads.map((payload) => Object(payload['workflow_job']));
    assert.deepEqual([queued.runner_id, queued.runner_name, queued.runner_group_name], [null, null, null]);
    assert.ok(queued.started_at, 'set even while it waits');
    assert.equal(started.runner_name, 'one');
    assert.equal(completed.runner_id, runner.entry.id);
    assert.equal(completed.conclusion, 'success');
    assert.equal(completed.steps.length, 3);
    assert.equal(world.state.runners.size, 0, 'an ephemeral runner is gone with its job');
    assert.equal(world.census().jobs.completed, 1);
  });

  test('goes to any runner that fits, whoever it was started for', async () => {
    const taken = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const { clock, start, connect } = given({}, `steal ${seed}`);
      const runners = ['one', 'two', 'three'].map((name) => connect(name));
      start(linux('build'));
      await clock.advance(10);
      for (const { got, entry } of runners) if (got.job) taken.add(entry.name);
    }
    assert.deepEqual([...taken].sort(), ['one', 'three', 'two']);
  });

  test('of a set of labels takes the runner of a larger set, and strands the job that needed it', async () => {
    const { clock, start, connect, world } = given();
    start(linux('plain'));
    const special = connect('special', ['linux', 'gpu']);
    start({ name: 'special', labels: ['linux', 'gpu'] });
    await clock.advance(10);
    assert.ok(special.got.job && special.got.job !== 'gone');
    assert.equal(special.got.job.name, 'plain');
    assert.equal(world.census().jobs.queued, 1);
  });

  test('that is the oldest goes first', async () => {
    const { clock, start, connect } = given(noDrops);
    start(linux('first'));
    start({ name: 'second', labels: ['linux', 'gpu'] });
    start(linux('third'));
    const order: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      const { got } = connect(name, ['linux', 'gpu']);
      await clock.advance(10);
      if (got.job && got.job !== 'gone') order.push(got.job.name);
    }
    assert.deepEqual(order, ['first', 'second', 'third']);
  });

  test('that its runner does not fetch within a minute is queued again', async () => {
    const { clock, start, connect, world, acme, hooks } = given(noDrops);
    const lost = connect('lost');
    await clock.advance(10);
    lost.session.vanish();
    const { jobs } = start(linux('build'));
    await clock.advance(30_000);
    const removal = world.api.removeRunner(acme, 'acme', lost.entry.id);
    assert.ok(removal.outcome === 'refused' && removal.status === 422, 'it counts as busy meanwhile');
    const other = connect('other');
    await clock.advance(29_000);
    assert.equal(lost.entry.job, jobs[0], 'not the other one');
    await clock.advance(2_000);
    assert.ok(other.got.job && other.got.job !== 'gone');
    assert.equal(other.got.job.id, jobs[0]?.id);
    assert.equal(lost.entry.phase, 'offline');
    await clock.advance(10);
    assert.deepEqual(hooks, ['queued/queued build', 'in_progress/in_progress build'], 'nobody is told of it');
  });

  test('whose runner vanishes fails after some minutes; the entry stays, busy until then, offline for a day', async () => {
    const { clock, start, connect, world, acme } = given();
    const { jobs } = start(linux('build'));
    const runner = connect('one');
    await clock.advance(10);
    runner.session.vanish();
    await clock.advance(2 * minuteMs);
    assert.equal(jobs[0]?.status, 'in_progress');
    assert.equal(runner.entry.phase, 'offline');
    const removal = world.api.removeRunner(acme, 'acme', runner.entry.id);
    assert.ok(removal.outcome === 'refused' && removal.status === 422);
    await clock.advance(9 * minuteMs);
    assert.deepEqual([jobs[0]?.status, jobs[0]?.conclusion], ['completed', 'failure']);
    assert.equal(world.state.runners.size, 1);
    await clock.advance(24 * hourMs);
    assert.equal(world.state.runners.size, 0);
  });

  test('that nobody takes is cancelled after a day', async () => {
    const { clock, start, hooks } = given();
    const { jobs } = start(linux('build'));
    await clock.advance(24 * hourMs - 1);
    assert.equal(jobs[0]?.status, 'queued');
    await clock.advance(1_000);
    assert.equal(jobs[0]?.conclusion, 'cancelled');
    assert.deepEqual(hooks, ['queued/queued build', 'completed/completed build']);
  });
});

describe('cancelling', () => {
  test('in the queue ends the job with no start, no steps and no runner', async () => {
    const { clock, start, connect, world, payloads } = given();
    for (const name of ['one', 'two']) world.cancelJob(start(linux(name)).jobs[0]?.id ?? 0);
    await clock.advance(10);
    const ended = payloads.filter((payload) => payload['action'] === 'completed');
    const jobs = ended.map((payload) => Object(payload['workflow_job']));
    assert.deepEqual(
      jobs.map((job) => job.conclusion),
      ['cancelled', 'cancelled'],
    );
    assert.deepEqual(
      jobs.map((job) => job.steps),
      [[], []],
    );
    assert.deepEqual(
      jobs.map((job) => job.runner_id).sort(),
      [0, null],
      'both forms of "none" are in the wild',
    );
    const runner = connect('late');
    await clock.advance(10);
    assert.equal(runner.got.job, null, 'a cancelled job is not on offer');
  });

  test('between assignment and pick-up ends job and runner, and no start is told', async () => {
    const { clock, start, connect, world, hooks } = given({
      settings: { pickUp: { minMs: 500, maxMs: 500 } },
    });
    const runner = connect('one');
    const { jobs } = start(linux('build'));
    await clock.advance(100);
    assert.equal(runner.entry.phase, 'assigned');
    world.cancelJob(jobs[0]?.id ?? 0);
    await clock.advance(2_000);
    assert.equal(runner.got.job, 'gone');
    assert.deepEqual(hooks, ['queued/queued build', 'completed/completed build']);
    assert.equal(jobs[0]?.runner, null);
  });

  test('a running job asks the runner to stop, whose word it takes', async () => {
    const { clock, start, connect, world } = given();
    const { jobs } = start(linux('build'));
    const runner = connect('one');
    await clock.advance(10);
    let asked = 0;
    runner.session.onCancel(() => {
      asked += 1;
    });
    world.cancelJob(jobs[0]?.id ?? 0);
    assert.equal(asked, 1);
    assert.equal(jobs[0]?.status, 'in_progress');
    runner.session.finish('cancelled');
    assert.equal(jobs[0]?.conclusion, 'cancelled');
  });

  test('a running job whose runner does not listen ends after five minutes', async () => {
    const { clock, start, connect, world, acme } = given();
    const { jobs } = start(linux('build'));
    const runner = connect('one');
    await clock.advance(10);
    world.cancelJob(jobs[0]?.id ?? 0);
    await clock.advance(5 * minuteMs - 1_000);
    assert.equal(jobs[0]?.status, 'in_progress');
    await clock.advance(2_000);
    assert.equal(jobs[0]?.conclusion, 'cancelled');
    assert.equal(runner.session.finish('success'), false, 'too late');
    assert.equal(jobs[0]?.conclusion, 'cancelled');
    assert.equal(world.api.removeRunner(acme, 'acme', runner.entry.id).outcome, 'refused', 'gone already');
  });

  test('a waiting job ends it before it was ever queued', async () => {
    const { clock, start, world, hooks } = given();
    const { run } = start({ ...linux('deploy'), approval: true });
    assert.ok(world.cancelRun(run));
    assert.equal(world.cancelRun(run), false, 'it has ended');
    await clock.advance(10);
    assert.match(hooks[0] ?? '', /^(waiting|queued)\/waiting deploy$/);
    assert.equal(hooks[1], 'completed/completed deploy');
  });

  test('a run ends its jobs in every phase, and creates no further ones', async () => {
    const { clock, start, connect, world } = given();
    const { run, jobs } = start(
      linux('runs'),
      { name: 'queued', labels: ['none'] },
      { ...linux('later'), needs: ['runs'] },
    );
    const runner = connect('one');
    await clock.advance(10);
    runner.session.onCancel(() => void runner.session.finish('cancelled'));
    assert.ok(world.cancelRun(run));
    assert.deepEqual(
      jobs.map((job) => job.conclusion),
      ['cancelled', 'cancelled'],
    );
    const found = world.state.runs.get(run);
    assert.deepEqual([found?.status, found?.conclusion, found?.jobs.length], ['completed', 'cancelled', 2]);
  });
});

describe('a run', () => {
  test('starts a job when what it needs has succeeded, and skips it otherwise, unannounced before', async () => {
    const { clock, start, connect, world, hooks } = given();
    const { run } = start(
      linux('good'),
      linux('bad'),
      { ...linux('after good'), needs: ['good'] },
      { ...linux('after bad'), needs: ['bad'] },
      { ...linux('after that'), needs: ['after bad'] },
      { ...linux('never'), skip: true },
    );
    for (const [name, conclusion] of [
      ['one', 'success'],
      ['two', 'failure'],
      ['three', 'success'],
    ] as const) {
      const runner = connect(name);
      await clock.advance(10);
      runner.session.finish(conclusion);
      await clock.advance(10);
    }
    assert.deepEqual(
      hooks.filter((hook) => hook.endsWith('after bad')),
      ['completed/completed after bad'],
    );
    assert.deepEqual(
      hooks.filter((hook) => hook.endsWith('never')),
      ['completed/completed never'],
    );
    const found = world.state.runs.get(run);
    assert.deepEqual(Object.fromEntries(found?.jobs.map((job) => [job.name, job.conclusion]) ?? []), {
      good: 'success',
      bad: 'failure',
      'after good': 'success',
      'after bad': 'skipped',
      'after that': 'skipped',
      never: 'skipped',
    });
    assert.equal(found?.conclusion, 'failure');
  });

  test('waits for an approval, and is told so twice over: status waiting, whatever the action', async () => {
    const actions = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { clock, start, connect, world, hooks } = given({}, `gate ${seed}`);
      const { run, jobs } = start({ ...linux('deploy'), approval: true });
      const runner = connect('one');
      await clock.advance(10);
      assert.equal(runner.got.job, null);
      assert.equal(world.state.runs.get(run)?.status, 'waiting');
      assert.equal(world.approve(run), 1);
      await clock.advance(10);
      assert.equal(jobs[0]?.status, 'in_progress');
      assert.equal(hooks[1], 'queued/queued deploy');
      actions.add(hooks[0] ?? '');
    }
    assert.deepEqual([...actions].sort(), ['queued/waiting deploy', 'waiting/waiting deploy']);
  });

  test('announces a matrix of 256 at once', async () => {
    const { clock, start, hooks } = given();
    const { jobs } = start({ ...linux('test'), matrix: 256 });
    await clock.advance(10);
    assert.equal(jobs.length, 256);
    assert.equal(hooks.length, 256);
    assert.equal(jobs[255]?.name, 'test (256)');
  });

  test('holds back what max-parallel does not let run, though all is announced as queued', async () => {
    const { clock, start, connect, hooks, world } = given(noDrops);
    start({ ...linux('test'), matrix: 5, maxParallel: 2 });
    const runners = ['a', 'b', 'c', 'd', 'e'].map((name) => connect(name));
    await clock.advance(10);
    assert.equal(hooks.filter((hook) => hook.startsWith('queued')).length, 5);
    assert.equal(world.census().jobs.in_progress, 2);
    assert.equal(world.census().runners.idle, 3, 'runners idle beside queued jobs');
    let most = 0;
    for (let turn = 0; turn < 5; turn += 1) {
      const busy = runners.find((runner) => runner.entry.phase === 'busy');
      busy?.session.finish('success');
      await clock.advance(10);
      most = Math.max(most, world.census().jobs.in_progress);
    }
    assert.equal(most, 2);
    assert.equal(world.census().jobs.completed, 5);
  });

  test('cancels the rest of a matrix when one fails, unless it says otherwise', async () => {
    for (const failFast of [true, false]) {
      const { clock, start, connect, world } = given();
      start({ ...linux('test'), matrix: 4, maxParallel: 2, failFast });
      const runner = connect('one');
      await clock.advance(10);
      runner.session.finish('failure');
      await clock.advance(10);
      assert.equal(world.census().jobs.completed, failFast ? 4 : 1);
    }
  });

  test('is run again with new job ids and the next attempt, all of it or what failed', async () => {
    const { clock, start, connect, world } = given();
    const { run, jobs } = start(linux('good'), linux('bad'));
    assert.equal(world.rerun(run), false, 'while it is not completed');
    const before = jobs.map((job) => job.id);
    for (const [name, conclusion] of [
      ['one', 'success'],
      ['two', 'failure'],
    ] as const) {
      const runner = connect(name);
      await clock.advance(10);
      runner.session.finish(conclusion);
    }
    assert.ok(world.rerun(run, 'failed'));
    const found = world.state.runs.get(run);
    const second = found?.jobs.filter((job) => job.attempt === 2) ?? [];
    assert.deepEqual(
      second.map((job) => [job.name, job.status]),
      [['bad', 'queued']],
    );
    assert.ok(second.every((job) => !before.includes(job.id)));
    const runner = connect('three');
    await clock.advance(10);
    runner.session.finish('success');
    assert.deepEqual([found?.status, found?.conclusion], ['completed', 'success']);
    assert.ok(world.rerun(run));
    assert.deepEqual(
      found?.jobs.filter((job) => job.attempt === 3).map((job) => job.name),
      ['good', 'bad'],
    );
  });

  test('that makes no sense is refused with the reason', () => {
    const { start } = given();
    assert.throws(() => start(linux('a'), linux('a')), /two jobs are named "a"/);
    assert.throws(
      () => start({ ...linux('a'), needs: ['b'] }, linux('b')),
      /needs "b", which no job above it/,
    );
  });

  test('is forgotten a month after its end', async () => {
    const { clock, start, world } = given();
    world.cancelRun(start(linux('build')).run);
    await clock.advance(29 * 24 * hourMs);
    assert.equal(world.state.jobs.size, 1);
    await clock.advance(2 * 24 * hourMs);
    assert.deepEqual([world.state.jobs.size, world.state.runs.size], [0, 0]);
  });
});

describe('a runner', () => {
  test('that idles is dropped after two to six minutes', async () => {
    const ages: number[] = [];
    for (let seed = 0; seed < 20; seed += 1) {
      const { clock, connect, world } = given({}, `drop ${seed}`);
      const runner = connect('one');
      while (runner.got.job === null) await clock.advance(1_000);
      assert.equal(runner.got.job, 'gone');
      assert.equal(world.state.runners.size, 0);
      ages.push(clock.now() - startMs);
    }
    assert.ok(Math.min(...ages) >= 2 * minuteMs && Math.max(...ages) <= 6 * minuteMs + 1_000);
    assert.ok(Math.max(...ages) - Math.min(...ages) > minuteMs, 'not all at the same age');
  });

  test('of a deprecated version registers, idles and gets no job', async () => {
    const { clock, start, connect } = given(noDrops);
    const old = connect('old', ['linux'], { version: '2.328.0' });
    start(linux('build'));
    await clock.advance(hourMs);
    assert.deepEqual([old.entry.phase, old.got.job], ['idle', null]);
    const recent = connect('recent', ['linux'], { version: '2.1000.0' });
    await clock.advance(10);
    assert.ok(recent.got.job);
  });

  test('can be deleted while it idles, and its listener ends', async () => {
    const { clock, connect, world, acme } = given();
    const runner = connect('one');
    assert.equal(world.api.removeRunner(acme, 'acme', runner.entry.id).outcome, 'done');
    await clock.advance(10);
    assert.equal(runner.got.job, 'gone');
    const again = world.api.removeRunner(acme, 'acme', runner.entry.id);
    assert.ok(again.outcome === 'refused' && again.status === 404);
  });

  test('uses its configuration once, not by a stranger, and not when it is too old', async () => {
    const { clock, world, acme } = given();
    const mint = (name: string) => {
      const terms = { name, groupId: 1, labels: ['linux'], workFolder: '_work' };
      const answer = world.api.mint(acme, 'acme', terms);
      assert.ok(answer.outcome === 'done');
      return answer.value.jitConfig;
    };
    const first = mint('one');
    assert.ok(first.length > 4_096);
    assert.equal(world.runnerConnect(first, '2.336.0').outcome, 'connected');
    assert.deepEqual(world.runnerConnect(first, '2.336.0'), { outcome: 'refused', reason: 'conflict' });
    const files = JSON.parse(Buffer.from(first, 'base64').toString());
    assert.deepEqual(Object.keys(files), ['.runner', '.credentials', '.credentials_rsaparams']);
    const forged = { ...files, '.credentials_rsaparams': Buffer.from('{"d":"guess"}').toString('base64') };
    const asConfig = Buffer.from(JSON.stringify(forged)).toString('base64');
    assert.deepEqual(world.runnerConnect(asConfig, '2.336.0'), { outcome: 'refused', reason: 'unknown' });
    assert.deepEqual(world.runnerConnect('rubbish', '2.336.0'), { outcome: 'refused', reason: 'unknown' });
    const late = mint('two');
    await clock.advance(hourMs + 1);
    assert.deepEqual(world.runnerConnect(late, '2.336.0'), { outcome: 'refused', reason: 'expired' });
    assert.equal(world.state.runners.size, 1, 'its entry is still there');
    await clock.advance(24 * hourMs);
    assert.equal(world.state.runners.size, 0);
  });

  test('gets jobs only of repositories that its group or its repository admits', async () => {
    const { clock, connect, world } = given(noDrops);
    const shared = connect('shared');
    const ofOther = connect('other', ['linux'], { scope: 'acme/app' });
    world.startRun('acme/site', { name: 'CI', jobs: [linux('public')] });
    await clock.advance(10);
    assert.deepEqual(
      [shared.got.job, ofOther.got.job],
      [null, null],
      'public repositories are kept out by default',
    );
    world.changeDefaultGroup('acme', { allowsPublicRepositories: true });
    const later = connect('later');
    await clock.advance(10);
    assert.ok(later.got.job, 'the next runner of the group takes it');
    const selected = world.addRunnerGroup('acme', 'few', {
      repositories: ['Acme/Site'],
      allowsPublicRepositories: true,
    });
    world.changeDefaultGroup('acme', { visibility: 'selected' });
    world.startRun('acme/site', { name: 'CI', jobs: [linux('again')] });
    await clock.advance(10);
    assert.equal(shared.got.job, null);
    assert.equal(selected.visibility, 'selected');
  });
});

describe('webhooks', () => {
  test('that failed are listed, newest first, and come again under the same GUID', async () => {
    let statusCode = 500;
    const guids: string[] = [];
    const { clock, start, world } = given({
      deliver: ({ guid }) => {
        guids.push(guid);
        return Promise.resolve({ statusCode });
      },
    });
    start(linux('build'));
    start({ name: 'other', labels: ['x'] });
    await clock.advance(10);
    const listed = world.api.deliveries(null, 100);
    assert.ok(listed.outcome === 'done');
    const [newest, oldest] = listed.value.rows;
    assert.ok(newest && oldest);
    assert.ok(BigInt(newest.id) > BigInt(oldest.id) && BigInt(oldest.id) > BigInt(Number.MAX_SAFE_INTEGER));
    assert.deepEqual(
      [newest.status, newest.statusCode, newest.action],
      ['Invalid HTTP Response: 500', 500, 'queued'],
    );
    statusCode = 200;
    assert.equal(world.api.redeliver(oldest.id).outcome, 'done');
    await clock.advance(10);
    assert.deepEqual(guids, [oldest.guid, newest.guid, oldest.guid]);
    const page = world.api.deliveries(null, 2);
    assert.ok(page.outcome === 'done');
    assert.deepEqual(
      page.value.rows.map((row) => [row.guid, row.status, row.redelivery]),
      [
        [oldest.guid, 'OK', true],
        [newest.guid, 'Invalid HTTP Response: 500', false],
      ],
    );
    const next = world.api.deliveries(page.value.next, 2);
    assert.ok(next.outcome === 'done');
    assert.deepEqual([next.value.rows.length, next.value.next], [1, null]);
  });

  test('fail when the receiver is slower than ten seconds or gone, and are not sent again by themselves', async () => {
    let count = 0;
    const { clock, start, world } = given({
      deliver: () => {
        count += 1;
        return count === 1 ? new Promise(() => {}) : Promise.reject(new Error('refused'));
      },
    });
    start(linux('slow'));
    start({ name: 'gone', labels: ['x'] });
    await clock.advance(hourMs);
    const listed = world.api.deliveries(null, 100);
    assert.ok(listed.outcome === 'done');
    assert.deepEqual(
      listed.value.rows.map((row) => [row.status, row.durationSeconds]),
      [
        ['timed out', 10],
        ['failed to connect to host', 0],
      ],
    );
    assert.equal(count, 2);
  });

  test('are forgotten after three days', async () => {
    const { clock, start, world } = given();
    start(linux('build'));
    await clock.advance(2 * 24 * hourMs);
    const rows = () => {
      const listed = world.api.deliveries(null, 100);
      return listed.outcome === 'done' ? listed.value.rows : [];
    };
    const id = rows().at(-1)?.id ?? '';
    await clock.advance(2 * 24 * hourMs);
    assert.ok(!rows().some((row) => row.id === id));
    assert.equal(world.api.redeliver(id).outcome, 'refused');
  });

  test('are lost, delayed and doubled as the hook says', async () => {
    const faults = [
      { lose: 'forever' as const },
      { lose: 'failed' as const },
      { delayMs: 5_000 },
      { duplicates: 1 },
    ];
    const { clock, start, hooks, world } = given({ faults: { delivery: () => faults.shift() ?? null } });
    for (const name of ['never', 'failed', 'late', 'twice']) start({ name, labels: [name] });
    await clock.advance(10_000);
    const twice = 'queued/queued twice';
    assert.deepEqual(hooks, [twice, twice, 'queued/queued late']);
    const listed = world.api.deliveries(null, 100);
    assert.ok(listed.outcome === 'done');
    assert.deepEqual(listed.value.rows.map((row) => row.statusCode).sort(), [202, 202, 202, 502]);
  });

  test('are not sent for a suspended installation, nor for one that may not read actions', async () => {
    const { clock, start, hooks, world, acme } = given();
    world.setInstallation(acme.id, 'suspended');
    start(linux('one'));
    world.setInstallation(acme.id, 'active');
    acme.permissions = { metadata: 'read' };
    start(linux('two'));
    await clock.advance(1_000);
    assert.deepEqual(hooks, []);
  });
});

describe('reads', () => {
  test('miss an entry of a list, but not of a look-up by name, where the hook says so', () => {
    const { connect, world, acme } = given({ faults: { hidesRunner: (runner) => runner.name === 'two' } });
    for (const name of ['one', 'two', 'three']) connect(name);
    const list = (name?: string) => {
      const found = world.api.runners(acme, 'acme', { page: 1, perPage: 100 }, name);
      return found.outcome === 'done' ? found.value.items.map((runner) => runner.name) : [];
    };
    assert.deepEqual(list(), ['one', 'three']);
    assert.deepEqual(list('two'), ['two']);
  });

  test('lag behind the webhook, where the hook says so', async () => {
    const { clock, start, connect, world, acme } = given({ faults: { isStale: () => true } });
    const { jobs } = start(linux('build'));
    const status = () => {
      const found = world.api.job(acme, 'acme/app', jobs[0]?.id ?? 0);
      return found.outcome === 'done' ? found.value.status : null;
    };
    assert.equal(status(), 'queued', 'there is nothing before');
    const runner = connect('one');
    await clock.advance(10);
    assert.equal(jobs[0]?.status, 'in_progress');
    assert.equal(status(), 'queued');
    runner.session.finish('success');
    assert.equal(status(), 'in_progress');
  });
});

describe('limits', () => {
  const mintAs = ({ world, acme }: Pick<ReturnType<typeof given>, 'world' | 'acme'>, name: string) =>
    world.api.mint(acme, 'acme', { name, groupId: 1, labels: ['linux'], workFolder: '_work' });

  test('grant 180 writes a minute on one endpoint, and say when to come back', async () => {
    const here = given();
    for (let i = 0; i < 180; i += 1) assert.equal(mintAs(here, `runner-${i}`).outcome, 'done');
    const refused = mintAs(here, 'one-more');
    assert.ok(refused.outcome === 'refused' && refused.status === 403);
    assert.match(refused.message, /secondary rate limit/);
    assert.equal(refused.retryAfterSeconds, 60);
    const read = here.world.api.runners(here.acme, 'acme', { page: 1, perPage: 100 });
    assert.equal(read.outcome, 'done', 'other endpoints have points of their own');
    await here.clock.advance(minuteMs);
    assert.equal(mintAs(here, 'one-more').outcome, 'done');
  });

  test('grant 5,000 requests an hour to each installation', async () => {
    const { clock, world, acme, octocat } = given({ settings: { pointsPerMinute: 1e9 } });
    const list = () => world.api.runners(acme, 'acme', { page: 1, perPage: 1 });
    for (let i = 0; i < 5_000; i += 1) assert.equal(list().outcome, 'done');
    const refused = list();
    assert.ok(refused.outcome === 'refused' && refused.status === 403 && refused.isPrimaryLimit);
    assert.equal(world.api.rate(acme).remaining, 0);
    assert.equal(world.api.rate(octocat).remaining, 5_000);
    await clock.advance(hourMs);
    assert.equal(list().outcome, 'done');
  });

  test('grant so many registrations in five minutes', async () => {
    const here = given({ settings: { registrationsPer5Minutes: 2 } });
    assert.equal(mintAs(here, 'one').outcome, 'done');
    assert.equal(mintAs(here, 'two').outcome, 'done');
    const refused = mintAs(here, 'three');
    assert.ok(refused.outcome === 'refused' && refused.status === 429 && refused.retryAfterSeconds === 300);
    await here.clock.advance(5 * minuteMs);
    assert.equal(mintAs(here, 'three').outcome, 'done');
  });
});

test('the same seed tells the same story', async () => {
  const tell = async (): Promise<string[]> => {
    const told: string[] = [];
    const { clock, start, connect } = given(
      {
        settings: { deliveryDelay: { minMs: 0, maxMs: 5_000 }, pickUp: { minMs: 0, maxMs: 2_000 } },
        watch: {
          job: (job) => told.push(`${clock.now()} ${job.name} ${job.status} ${job.runner?.name}`),
          runner: (runner) => told.push(`${clock.now()} ${runner.name} ${runner.phase}`),
        },
      },
      'story',
    );
    start({ ...linux('test'), matrix: 20 });
    for (let i = 0; i < 25; i += 1) connect(`runner-${i}`);
    await clock.advance(10 * minuteMs);
    return told;
  };
  const first = await tell();
  assert.ok(first.length > 100);
  assert.deepEqual(await tell(), first);
});
