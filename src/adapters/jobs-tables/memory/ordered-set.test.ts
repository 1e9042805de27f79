import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createOrderedSet, type Ordered } from './ordered-set.ts';

function plainOrder(x: Ordered, y: Ordered): number {
  return x.a - y.a || x.b - y.b || (x.key < y.key ? -1 : x.key > y.key ? 1 : 0);
}

const anEntry = fc.record(
  {
    a: fc.integer({ min: -3, max: 3 }),
    b: fc.constantFrom(0, 0.5, Number.POSITIVE_INFINITY),
    key: fc.constantFrom('', 'a', 'ab', 'b', 'é'),
  },
  { noNullPrototype: true },
);

test('an ordered set gives what a sorted list gives, after any additions and deletions', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ entry: anEntry, adds: fc.boolean() }), { maxLength: 300 }),
      anEntry,
      (steps, from) => {
        const set = createOrderedSet();
        let list: Ordered[] = [];
        for (const { entry, adds } of steps) {
          const others = list.filter((known) => plainOrder(known, entry) !== 0);
          if (!adds) set.delete(entry);
          else if (others.length === list.length) set.add(entry);
          list = adds ? [...others, entry] : others;
        }
        list.sort(plainOrder);
        assert.equal(set.size(), list.length);
        assert.deepEqual([...set.from(null)], list);
        assert.deepEqual(
          [...set.from(from)],
          list.filter((entry) => plainOrder(entry, from) >= 0),
        );
      },
    ),
  );
});

for (const [order, position] of [
  ['ascending', (i: number) => i],
  ['descending', (i: number) => -i],
  ['scattered', (i: number) => (i * 7919) % 20_011],
] as const) {
  test(`an ordered set keeps 20,000 entries that come in ${order} order, and lets them go from both ends`, () => {
    const entries = Array.from({ length: 20_000 }, (_, i) => ({ a: position(i), b: 0, key: `k${i}` }));
    const set = createOrderedSet();
    for (const entry of entries) set.add(entry);
    const sorted = entries.toSorted(plainOrder);
    assert.deepEqual([...set.from(null)], sorted);
    for (const entry of [...sorted.slice(0, 9_000), ...sorted.slice(11_000)]) set.delete(entry);
    assert.deepEqual([...set.from(null)], sorted.slice(9_000, 11_000));
    assert.equal(set.size(), 2_000);
  });
}
