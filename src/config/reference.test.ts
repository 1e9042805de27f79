import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { configurationReference } from './reference.ts';

test('docs/reference/configuration.md is what the schema says (`make reference` writes it)', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/reference/configuration.md'), 'utf8');
  assert.ok(page === configurationReference(), 'the page is old: run `make reference`');
});

test('no cell of the reference is empty', () => {
  assert.doesNotMatch(configurationReference(), /\| +\||undefined|what the reference says/);
});
