import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSampled, makeTraceparent, parseTraceparent, spanIdOf } from './trace.ts';

const pattern = /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/;
const counting = () => {
  let next = 0;
  return () => {
    next += 1;
    return (next % 256) / 256;
  };
};

describe('a trace', () => {
  it('is new and sampled where there is no parent, or one that can not be read', () => {
    const random = counting();
    for (const parent of [null, '', 'nonsense', '00-xyz-1-01'])
      assert.match(makeTraceparent(parent, random), pattern);
  });

  it('goes on with its id and its flags, in a span of its own', () => {
    const random = counting();
    const parent = makeTraceparent(null, random).replace(/01$/, '00');
    const child = makeTraceparent(parent, random);
    assert.equal(child.slice(0, 36), parent.slice(0, 36));
    assert.notEqual(child.slice(36, 52), parent.slice(36, 52));
    assert.equal(child.slice(-2), '00');
  });

  it('never has an id of zeros, which is none', () => {
    const context = parseTraceparent(makeTraceparent(null, () => 0));
    assert.match(context?.traceId ?? '', /[1-9a-f]/);
    assert.match(context?.spanId ?? '', /[1-9a-f]/);
  });

  it('tells its root from any of its parts', () => {
    const random = counting();
    const root = makeTraceparent(null, random);
    const part = parseTraceparent(makeTraceparent(root, random));
    assert.equal(parseTraceparent(root)?.parentId, null);
    assert.equal(part?.parentId, parseTraceparent(root)?.spanId);
  });

  it('is kept as often as it is asked for', () => {
    const random = () => 0.5;
    for (const [ratio, kept] of [
      [0, false],
      [0.4, false],
      [0.6, true],
      [1, true],
    ] as const)
      assert.equal(isSampled(makeTraceparent(null, random, ratio)), kept, `ratio ${ratio}`);
  });

  it('gives a part the same id each time, and another one to another part', () => {
    const ids = ['run', 'queue', 'run#1'].map((name) => spanIdOf('p', name));
    assert.deepEqual(
      ids,
      ['run', 'queue', 'run#1'].map((name) => spanIdOf('p', name)),
    );
    assert.equal(new Set(ids).size, 3);
    for (const id of ids) assert.match(id, /^[0-9a-f]{16}$/);
  });
});
