import assert from 'node:assert/strict';
import { test } from 'node:test';
import { together } from './together.ts';

function asked() {
  const sent: string[] = [];
  const ask = together<string, string>({
    idOf: (name) => name,
    most: 3,
    async one(name) {
      sent.push(name);
      return name.toUpperCase();
    },
    async many(names) {
      sent.push(names.join('+'));
      if (names.includes('bad')) throw new Error('all of them failed');
      return names.map((name) => name.toUpperCase());
    },
  });
  return { ask, sent };
}

test('what is asked at one moment goes out together, and each gets its own answer', async () => {
  const { ask, sent } = asked();
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map(ask)), ['A', 'B', 'C']);
  assert.deepEqual(sent, ['a+b+c']);
});

test('what is asked alone goes alone, and nothing waits for company', async () => {
  const { ask, sent } = asked();
  assert.equal(await ask('a'), 'A');
  assert.equal(await ask('b'), 'B');
  assert.deepEqual(sent, ['a', 'b']);
});

test('the second of one name, and what is more than one request takes, goes by itself', async () => {
  const { ask, sent } = asked();
  await Promise.all(['a', 'a', 'b', 'c', 'd'].map(ask));
  assert.deepEqual(sent.toSorted(), ['a', 'a+b+c', 'd']);
});

test('a failure is everybody’s who went along', async () => {
  const { ask } = asked();
  const answers = await Promise.allSettled(['a', 'bad'].map(ask));
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
});
