import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type BuildOutcome, type BuildQuestion, decideBuild } from './decide.ts';

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;
const now = 100 * dayMs;

const built = (given: Partial<BuildOutcome> = {}): BuildOutcome => ({
  ...{ state: 'available', startedAt: now - dayMs, runner: '2.337.0', recipe: 'now' },
  ...given,
});
const asked = (builds: BuildOutcome[], given: Partial<BuildQuestion> = {}): BuildQuestion => ({
  ...{ pipeline: 'arn:pipeline', builds, runner: '2.337.0', recipe: 'now', rebuildMs: 7 * dayMs, now },
  ...given,
});

describe('an image is built', () => {
  const whyOf = (question: BuildQuestion) => {
    const { outcome, why } = decideBuild(question);
    return `${outcome}: ${why}`;
  };

  test('where there is none yet', () => {
    assert.equal(whyOf(asked([])), 'build: there is none yet');
  });

  test('where GitHub has released a runner', () => {
    assert.equal(whyOf(asked([built()], { runner: '2.338.0' })), 'build: the runner 2.338.0 is out');
    assert.equal(whyOf(asked([built({ runner: null })])), 'build: the runner 2.337.0 is out');
  });

  test('where its recipe is another, or it is old, and not before', () => {
    assert.equal(whyOf(asked([built({ recipe: 'before' })])), 'build: its recipe was changed');
    assert.equal(whyOf(asked([built({ startedAt: now - 7 * dayMs })])), 'build: it is old');
    assert.equal(
      whyOf(asked([built({ startedAt: now - 7 * dayMs + 1 })])),
      'wait: it has the runner 2.337.0',
    );
  });

  test('not while it is being built, unless that has hung for hours', () => {
    const building = (ageMs: number) => built({ state: 'building', startedAt: now - ageMs });
    const news = { runner: '2.338.0' };
    assert.equal(whyOf(asked([built(), building(hourMs)], news)), 'wait: it is being built');
    assert.equal(whyOf(asked([built(), building(6 * hourMs)], news)), 'build: the runner 2.338.0 is out');
  });

  test('again after a failure: an hour later, then two, and once a day at last', () => {
    const failed = (...agesMs: number[]) =>
      agesMs.map((ageMs) => built({ state: 'failed', startedAt: now - ageMs }));
    const outcomeOf = (...agesMs: number[]) =>
      decideBuild(asked([built({ runner: '2.336.0', startedAt: now - 20 * dayMs }), ...failed(...agesMs)]))
        .outcome;
    assert.equal(outcomeOf(hourMs - 1), 'wait');
    assert.equal(outcomeOf(hourMs), 'build');
    assert.equal(outcomeOf(2 * hourMs - 1, 3 * hourMs), 'wait');
    assert.equal(outcomeOf(2 * hourMs, 3 * hourMs), 'build');
    const many = Array.from({ length: 9 }, (_, at) => (at + 2) * dayMs);
    assert.equal(outcomeOf(dayMs - 1, ...many), 'wait');
    assert.equal(outcomeOf(dayMs, ...many), 'build');
    // Those before the last good one are forgotten.
    assert.equal(decideBuild(asked([built({ runner: 'old' }), ...failed(2 * dayMs)])).outcome, 'build');
  });

  test('once, however often it is asked: the token is the same until a build has begun, and another then', () => {
    const outcome = fc.record({
      state: fc.constantFrom('building' as const, 'available' as const, 'failed' as const),
      startedAt: fc.integer({ min: 0, max: now }),
      runner: fc.constantFrom('2.336.0', '2.337.0', null),
      recipe: fc.constantFrom('now', 'before', null),
    });
    fc.assert(
      fc.property(
        fc.array(outcome, { maxLength: 8 }),
        fc.integer({ min: 0, max: hourMs }),
        (builds, laterMs) => {
          const first = decideBuild(asked(builds));
          const again = decideBuild(asked(builds.toReversed(), { now: now + laterMs }));
          if (first.outcome !== 'build' || again.outcome !== 'build') return;
          assert.equal(first.token, again.token);
          assert.ok(first.token.length <= 64);
          const begun = built({ state: 'failed', startedAt: now + 1 });
          const next = decideBuild(asked([...builds, begun], { now: now + 2 * dayMs }));
          if (next.outcome === 'build') assert.notEqual(next.token, first.token);
        },
      ),
    );
  });
});
