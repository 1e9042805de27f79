import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { chooseFaults } from '../faults.ts';
import { mutations } from './list.ts';
import { type Mutation, mutate } from './mutation.ts';

/** Of the table of holes. */
const holesMax = 20;

test('each mutation finds its text once in the code as it is, and changes it', () => {
  for (const mutation of mutations) {
    const source = sourceOf(mutation);
    assert.notEqual(mutate(source, mutation), source, mutation.name);
  }
});

test('each mutation has a name of its own, and faults among which it can show', () => {
  assert.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length);
  for (const { name, faults, seedsMax, expects } of mutations) {
    assert.ok(!('problem' in chooseFaults(faults)), `${name}: ${faults}`);
    assert.ok(seedsMax >= 1 && expects.length > 0, name);
  }
});

test('each hole of the rules is among the mutations', () => {
  const holes = new Set(mutations.map(({ hole }) => hole));
  const missing = Array.from({ length: holesMax }, (_, i) => `H${i + 1}` as const).filter(
    (hole) => !holes.has(hole),
  );
  assert.deepEqual(missing, []);
});

test('a mutation whose text is gone, or is there twice, fails and says what it looks for', () => {
  const mutation: Mutation = {
    name: 'made up',
    file: 'core/job.ts',
    edits: [{ find: 'a = b;', replace: '' }],
    faults: 'calm',
    expects: ['limits'],
    seedsMax: 1,
    why: '',
  };
  assert.equal(mutate('let a; a =\n  b;', mutation), 'let a; ');
  assert.throws(
    () => mutate('a = c;', mutation),
    /"made up" finds its text 0 times in core\/job\.ts.*a = b;/s,
  );
  assert.throws(() => mutate('a = b; a = b;', mutation), /2 times/);
});

function sourceOf({ file }: Mutation): string {
  return readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');
}
