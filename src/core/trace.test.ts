import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeTraceparent } from './trace.ts';

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
    assert.equal(
      makeTraceparent(null, () => 0),
      `00-${'0'.repeat(31)}1-${'0'.repeat(15)}1-01`,
    );
  });
});
