import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSeededRandom } from '../../adapters/clock/virtual/random.ts';
import { chooseFaults, createMischief, profileNames, profileOfSeed, ratesOf } from './faults.ts';

test('a profile is chosen by its name, or with some of its kinds alone', () => {
  assert.deepEqual(chooseFaults('crash'), { profile: 'crash', rates: ratesOf('crash'), text: 'crash' });
  const some = chooseFaults('all:crash,theft');
  assert.ok(!('problem' in some));
  const { crash, theft } = ratesOf('all');
  assert.deepEqual(some.rates, { theft, crash });
});

test('a kind may be given a share of its own', () => {
  const some = chooseFaults('cancel:messageLost=0.3,cancel');
  assert.ok(!('problem' in some));
  assert.deepEqual(some.rates, { messageLost: 0.3, cancel: ratesOf('cancel').cancel });
  const much = chooseFaults('all:crash=2');
  assert.ok('problem' in much);
  assert.match(much.problem, /crash the share "2"; it has to be a number from 0 to 1/);
});

test('an unknown profile or kind is told with what there is', () => {
  const profile = chooseFaults('everything');
  assert.ok('problem' in profile);
  assert.match(profile.problem, /"everything"; it has to be one of calm, /);
  const kind = chooseFaults('calm:crash');
  assert.ok('problem' in kind);
  assert.match(kind.problem, /"crash", which profile calm does not have/);
});

test('consecutive seeds have every profile in turn', () => {
  const seen = new Set(Array.from({ length: 4 * profileNames.length }, (_, seed) => profileOfSeed(seed)));
  assert.deepEqual(seen, new Set(profileNames));
});

test('one kind less does not move the chance of the others', () => {
  const draws = (rates: Parameters<typeof createMischief>[0]) => {
    const mischief = createMischief(rates, createSeededRandom(1));
    return Array.from({ length: 50 }, () => {
      mischief.happens('stall');
      return mischief.happens('crash');
    });
  };
  assert.deepEqual(draws({ crash: 0.5, stall: 0.5 }), draws({ crash: 0.5 }));
});

test('what happened is counted, and nothing happens after the end', () => {
  const mischief = createMischief({ crash: 1 }, createSeededRandom(1));
  assert.equal(mischief.happens('crash'), true);
  assert.equal(mischief.happens('stall'), false);
  mischief.stop();
  assert.equal(mischief.happens('crash'), false);
  assert.deepEqual([...mischief.injected()], [['crash', 1]]);
});
