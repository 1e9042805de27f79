import assert from 'node:assert/strict';
import { it } from 'node:test';
import { parsePattern, passes } from './filter.ts';

const record = {
  eventName: 'MODIFY',
  dynamodb: { NewImage: { dirty: { S: 'mac#1' }, dueAt: { N: '5' } }, OldImage: {} },
};

const cases: [pattern: string, passes: boolean][] = [
  ['{"eventName":["INSERT","MODIFY"]}', true],
  ['{"eventName":["REMOVE"]}', false],
  ['{"dynamodb":{"NewImage":{"dirty":{"S":[{"exists":true}]}}}}', true],
  ['{"dynamodb":{"OldImage":{"dirty":{"S":[{"exists":false}]}}}}', true],
  ['{"dynamodb":{"OldImage":{"dirty":{"S":[{"exists":true}]}}}}', false],
  ['{"dynamodb":{"NewImage":{"dirty":[{"exists":true}]}}}', false],
  ['{"dynamodb":{"NewImage":{"dirty":{"S":[{"prefix":"mac#"}]}}}}', true],
  ['{"dynamodb":{"NewImage":{"dirty":{"S":[{"suffix":"#2"}]}}}}', false],
  ['{"eventName":[{"anything-but":["REMOVE"]}]}', true],
  ['{"eventName":[{"anything-but":"MODIFY"}]}', false],
  ['{"eventName":[{"equals-ignore-case":"modify"}]}', true],
  ['{"eventName":["MODIFY"],"dynamodb":{"NewImage":{"none":{"S":["x"]}}}}', false],
];

for (const [pattern, expected] of cases) {
  it(`A filter of ${pattern} ${expected ? 'lets the record pass' : 'holds the record back'}`, () => {
    assert.equal(passes([parsePattern(pattern)], record), expected);
  });
}

it('A record passes if any filter lets it, and where there is none', () => {
  const patterns = ['{"eventName":["REMOVE"]}', '{"eventName":["MODIFY"]}'].map(parsePattern);
  assert.equal(passes(patterns, record), true);
  assert.equal(passes([], record), true);
});

it('A filter with an operator that is not known here is refused', () => {
  assert.throws(
    () => parsePattern('{"a":[{"wildcard":"x*"}]}'),
    /wildcard is not known here; known are exists/,
  );
  assert.throws(() => parsePattern('{"a":"x"}'), /neither fields nor a list/);
});
