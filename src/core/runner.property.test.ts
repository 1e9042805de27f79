// Facts of a runner in any order and any number of times: what a table may be told by handlers that repeat, overtake
// one another and come late.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { keyOf, machine, orderedRunner, startMs } from '../../test/fixtures/items.ts';
import {
  isMarked,
  mergeRunner,
  type Runner,
  type RunnerFact,
  type RunnerState,
  runnerClass,
} from './runner.ts';

const order: readonly RunnerState[] = [
  ...(['ordered', 'launching', 'launched', 'standby', 'claimed', 'online'] as const),
  ...(['assigned', 'busy', 'ending', 'gone'] as const),
];

const owners = fc.constantFrom('a', 'b');
const times = fc.integer({ min: startMs, max: startMs + 60_000 });
const id = fc.constantFrom(5, 6);
const jobs = fc.constantFrom(null, keyOf(1), keyOf(2));
const codes = fc.constantFrom('surplus', 'uncertain', 'bootDeadline', 'jobTime', 'unregistered' as const);

const fact: fc.Arbitrary<RunnerFact> = fc.oneof(
  fc.record({
    kind: fc.constant('lease' as const),
    owner: owners,
    until: times,
  }),
  fc.record({ kind: fc.constant('leaseGivenUp' as const), owner: owners, until: times }),
  fc.record({ kind: fc.constantFrom('mark', 'attemptRefused' as const), owner: owners }),
  fc.record({
    kind: fc.constantFrom('launched', 'alive' as const),
    machine: fc.constantFrom(machine('m1'), machine('m2')),
  }),
  fc.record({
    kind: fc.constant('claim' as const),
    windowMs: fc.constant(60_000),
    timesMax: fc.constant(3),
  }),
  fc.record({ kind: fc.constant('minted' as const), gitHubId: id, times: fc.constantFrom(1, 2) }),
  fc.record({ kind: fc.constant('online' as const), gitHubId: id }),
  fc.record({ kind: fc.constant('busy' as const), job: jobs, gitHubId: id }),
  fc.record({ kind: fc.constant('done' as const), job: jobs }),
  fc.record({
    kind: fc.constant('missing' as const),
    asked: fc.integer({ min: startMs, max: startMs + 90_000 }),
    trustedAfterMs: fc.constant(30_000),
  }),
  fc.record({ kind: fc.constant('removing' as const), code: codes, why: fc.constant('') }),
  fc.record({
    kind: fc.constant('gone' as const),
    code: fc.constant('ended' as const),
    why: fc.constant(''),
  }),
  fc.record({
    kind: fc.constantFrom('unclaimed', 'assigned', 'unassigned', 'idleChecked', 'listed', 'standby' as const),
  }),
  fc.record({ kind: fc.constantFrom('removed', 'terminated', 'fenced' as const) }),
) as fc.Arbitrary<RunnerFact>;

/** Time passes between two of them, or it does not. */
const history = fc.array(fc.record({ fact, waitMs: fc.constantFrom(0, 0, 1_000, 40_000) }), {
  maxLength: 40,
});
const start = fc.constantFrom(
  orderedRunner(),
  orderedRunner({ lane: null, scope: null, counted: 'standby' }),
  orderedRunner({
    activates: { spare: orderedRunner().name, machine: machine('m7') },
    machine: machine('m7'),
  }),
);

function* steps(first: Runner, all: readonly { fact: RunnerFact; waitMs: number }[]) {
  let runner = first;
  let at = startMs;
  for (const { fact: one, waitMs } of all) {
    at += waitMs;
    const merged = mergeRunner(runner, one, at);
    const after = merged.outcome === 'changed' ? merged.runner : runner;
    yield { before: runner, after, fact: one, at };
    runner = after;
  }
}

function always(
  check: (step: { before: Runner; after: Runner; fact: RunnerFact; at: number }) => void,
): void {
  fc.assert(
    fc.property(start, history, (first, all) => {
      for (const step of steps(first, all)) check(step);
    }),
    { numRuns: 300 },
  );
}

describe('facts of a runner, in any order and any number of times', () => {
  it('never move its state back', () => {
    always(({ before, after }) => {
      assert.ok(order.indexOf(after.state) >= order.indexOf(before.state));
    });
  });

  it('never undo the mark, nor what GitHub has let go of, nor that its job is done', () => {
    always(({ before, after }) => {
      for (const time of ['markedAt', 'removedAt', 'doneAt', 'goneAt'] as const)
        if (before[time] !== null) assert.equal(after[time], before[time], time);
    });
  });

  it('free its place by the word of its host alone, or by the fence of an order that was never marked', () => {
    always(({ before, after, fact: one }) => {
      if (runnerClass(after) !== null || runnerClass(before) === null) return;
      const isFence = one.kind === 'fenced' && !isMarked(before) && before.activates === null;
      assert.ok(one.kind === 'gone' || isFence, `${one.kind} freed a place`);
    });
  });

  it('mark no launch after an intent to remove, without a live lease, or twice', () => {
    always(({ before, after, at }) => {
      if (isMarked(before) || !isMarked(after)) return;
      assert.equal(before.removing, null);
      assert.equal(before.state, 'ordered');
      assert.ok((before.lease?.until ?? 0) > at);
    });
  });

  it('change its class never without its host hearing of it', () => {
    always(({ before, after }) => {
      if (runnerClass(before) !== runnerClass(after))
        assert.notEqual(after.dirty?.change, before.dirty?.change);
    });
  });

  it("take no runner from its job but at its pool's wall, or when the job is done or the machine dead", () => {
    always(({ before, after, fact: one }) => {
      if (runnerClass(before) !== 'busy' || runnerClass(after) === 'busy') return;
      const isWall = one.kind === 'removing' && one.code === 'jobTime';
      assert.ok(isWall || ['done', 'gone', 'missing'].includes(one.kind), `${one.kind} ended a busy runner`);
    });
  });

  it('let nobody claim what is registered, done, gone, has to go or was not launched', () => {
    always(({ before, fact: one, at }) => {
      if (one.kind !== 'claim' || mergeRunner(before, one, at).outcome !== 'changed') return;
      assert.ok(isMarked(before) && !before.removing && before.doneAt === null);
      assert.ok(order.indexOf(before.state) < order.indexOf('online'));
    });
  });
});
