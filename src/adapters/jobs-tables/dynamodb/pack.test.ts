import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { itemBytesMax, pack, unpack } from './pack.ts';
import { shardOf, sortable } from './schema.ts';

test('an item comes out as it went in, whatever it holds and however large it is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.integer({ min: 1, max: 200 }), (value, times) => {
      const item = Array.from({ length: times }, () => value);
      // What JSON has no word for (-0) is not told apart either.
      assert.deepEqual(unpack(pack('it', item)), JSON.parse(JSON.stringify(item)));
    }),
  );
});

test('a small item can be read by people, a large one costs less', () => {
  assert.equal(pack('it', { a: 1 }), '{"a":1}');
  const packed = pack('it', { text: 'again and '.repeat(1_000) });
  assert.ok(typeof packed !== 'string' && packed.length < 200, `${packed.length} bytes`);
});

test('an item that a transaction has no room for is refused with its size', () => {
  const random = createSeededRandom('pack');
  const text = Array.from({ length: 60_000 }, () => String.fromCharCode(33 + random.int(90))).join('');
  assert.throws(
    () => pack('job x', text),
    new RegExp(`^RangeError: job x has \\d+ bytes, .*at most ${itemBytesMax} are stored`),
  );
});

test('times sort as text, to a fraction of a millisecond', () => {
  const times = [0, 1, 9, 10, 999.999, 1_000, 1_700_000_000_000, 1_700_000_000_000.5, 9_000_000_000_000];
  const texts = times.map(sortable);
  assert.deepEqual(texts.toSorted(), texts);
  assert.equal(new Set(texts.map(({ length }) => length)).size, 1);
  for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => sortable(wrong), /allowed is any from 1970 to the year 2255/);
});

test('keys are spread over the shards evenly', () => {
  const counts = new Map<string, number>();
  for (let id = 0; id < 4_000; id += 1) {
    const shard = shardOf(`github.com#${48_211_000_000 + id * 3}`);
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  for (const [shard, count] of counts) assert.ok(count > 800 && count < 1_200, `shard ${shard}: ${count}`);
  assert.equal(counts.size, 4);
});
