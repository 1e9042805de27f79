import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationOf, hostSettings, poolSettings } from '../../../../test/fixtures/books.ts';
import { hostsForsaken } from './living.ts';

test('a host is forsaken when it is taken out, and when its last pool is', () => {
  const hosts = [hostSettings('one'), hostSettings('empty')];
  const configuration = configurationOf([poolSettings('lint')], hosts);
  assert.deepEqual(hostsForsaken(['one', 'empty', 'out'], configuration), ['empty', 'out']);
  assert.deepEqual(hostsForsaken([], configuration), []);
});
