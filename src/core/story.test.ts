import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  jobAfter,
  keyOf,
  online,
  orderedRunner,
  seen,
  startMs,
  withFacts,
} from '../../test/fixtures/items.ts';
import type { Job } from './job.ts';
import type { Runner } from './runner.ts';
import { spentOf, storyOf } from './story.ts';
import { lostItsRunner, runnerOrdered, waited } from './timeline.ts';

const s = 1_000;
const between = 'waits in between: for a plan, a queue, an answer of GitHub';
const nameOf = (n: number) => `tst0-one-lint-${String(n).padStart(26, '0')}` as Runner['name'];

/** Ordered at 500 s, launched at 505 s, claims at 525 s, online at 530 s, at work from 532 s. */
function busyRunner(change: Partial<Runner> = {}): Runner {
  const ordered = orderedRunner({
    name: nameOf(1),
    orderedAt: startMs + 500 * s,
    forJob: keyOf(1),
    ...change,
  });
  const marked = withFacts(ordered, startMs + 501 * s, ...online.slice(0, 2).map(longLease));
  const launched = withFacts(marked, startMs + 505 * s, ...online.slice(2, 3));
  const claimed = withFacts(launched, startMs + 525 * s, ...online.slice(3, 5));
  return withFacts(
    withFacts(claimed, startMs + 530 * s, { kind: 'online', gitHubId: 5 }),
    startMs + 532 * s,
    { kind: 'busy', job: change.job ?? keyOf(1), gitHubId: 5 },
  );
}

function longLease(fact: (typeof online)[number]) {
  return fact.kind === 'lease' ? { ...fact, until: startMs + 600 * s } : fact;
}

/** Made at 0, stored at 2 s, waited from 20 s to 500 s, ordered a runner then, begun at 532 s. */
function startedJob(change: Partial<Job> = {}): Job {
  const queued = jobAfter(null, startMs + 2 * s, seen(1, { createdAt: startMs }));
  const ordered: Job = {
    ...queued,
    orders: 1,
    lastOrder: { runner: nameOf(1), at: startMs + 500 * s },
    timeline: [
      ...queued.timeline,
      { at: startMs + 20 * s, what: waited, why: 'pool lint is at its limit', forMs: 480 * s },
      { at: startMs + 500 * s, what: runnerOrdered, why: nameOf(1) },
    ],
    ...change,
  };
  return jobAfter(
    ordered,
    startMs + 533 * s,
    seen(1, {
      phase: 'in_progress',
      runner: { id: 5, name: change.runner?.name ?? nameOf(1) },
      startedAt: startMs + 532 * s,
    }),
  );
}

test('the time until a job started goes to what was in its way, then to its runner', () => {
  assert.deepEqual(spentOf(startedJob(), [busyRunner()], [], startMs + 900 * s), [
    { what: 'delivery of its event', forMs: 2 * s },
    { what: between, forMs: 18 * s },
    { what: 'pool lint is at its limit', forMs: 480 * s },
    { what: 'launch of its machine', forMs: 5 * s },
    { what: 'boot of its machine', forMs: 20 * s },
    { what: 'registration of its runner at GitHub', forMs: 5 * s },
    { what: 'GitHub giving it to the runner', forMs: 2 * s },
  ]);
});

test('no moment is told twice: the parts are together no more than the whole', () => {
  const waits = [
    { at: startMs - 50 * s, what: waited, why: 'one thing', forMs: 300 * s },
    { at: startMs + 100 * s, what: waited, why: 'another', forMs: 4_000 * s },
  ];
  const spent = spentOf(startedJob(), [busyRunner()], waits, startMs + 900 * s);
  assert.equal(
    spent.reduce((sum, { forMs }) => sum + forMs, 0),
    532 * s,
  );
  assert.deepEqual(
    spent.map(({ what }) => what),
    ['one thing', 'pool lint is at its limit', 'another'],
  );
});

test('of a job that waits on, the time goes on in the part where it is', () => {
  const { timeline, ...rest } = startedJob();
  const job: Job = { ...rest, timeline, phase: 'queued', startedAt: null, startedSeenAt: null, runner: null };
  const booting = withFacts(
    orderedRunner({ name: nameOf(1), orderedAt: startMs + 500 * s }),
    startMs + 505 * s,
    ...online.slice(0, 3).map(longLease),
  );
  const spent = spentOf(job, [booting], [], startMs + 565 * s);
  assert.deepEqual(spent.slice(-2), [
    { what: 'launch of its machine', forMs: 5 * s },
    { what: 'boot of its machine', forMs: 60 * s },
  ]);
});

test('a time in which a runner was coming that others took is told as that', () => {
  const { timeline, ...job } = startedJob();
  const lost = [
    { at: startMs + 20 * s, what: runnerOrdered, why: nameOf(3) },
    { at: startMs + 60 * s, what: lostItsRunner, why: `${nameOf(3)}: GitHub gave it job 9` },
    { at: startMs + 500 * s, what: runnerOrdered, why: nameOf(1) },
  ];
  const told = { ...job, timeline: [...timeline.slice(0, 1), ...lost] };
  const spent = spentOf(told, [busyRunner()], [], startMs + 900 * s);
  assert.deepEqual(
    spent.find(({ what }) => what === 'a runner that did not take it'),
    { what: 'a runner that did not take it', forMs: 40 * s },
  );
  assert.equal(
    spent.reduce((sum, { forMs }) => sum + forMs, 0),
    532 * s,
    'nothing of the whole is left out',
  );
});

test('a time that GitHub held it back is told as that', () => {
  const job = startedJob();
  const held = { at: startMs + 2 * s, what: 'held', why: 'max-parallel' };
  const spent = spentOf(
    { ...job, timeline: [held, ...job.timeline.slice(2)] },
    [busyRunner()],
    [],
    startMs + 900 * s,
  );
  assert.deepEqual(spent[1], { what: 'held back by GitHub', forMs: 498 * s });
});

test('the story is in the order of time, with what others took and what was in the way', () => {
  const taker = busyRunner({ name: nameOf(2), forJob: keyOf(9) });
  const robbed = { ...busyRunner(), job: keyOf(9) };
  const job = startedJob({ runner: { id: 5, name: nameOf(2) } });
  const story = storyOf(job, [robbed, taker], []);
  const times = story.map(({ at }) => at);
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  const wait = story.find(({ what }) => what === waited);
  assert.deepEqual([wait?.of, wait?.forMs], ['job', 480 * s]);
  assert.equal(
    story.find(({ what }) => what === 'taken by another runner')?.why,
    `${nameOf(2)}, which was ordered for job 9; its own took job 9`,
  );
  const foreign = storyOf({ ...job, runner: { id: 7, name: 'somebody' } }, [], []);
  assert.equal(
    foreign.find(({ what }) => what === 'taken by another runner')?.why,
    'somebody is not of this system',
  );
  assert.ok(!story.some(({ what }) => what === lostItsRunner));
});
