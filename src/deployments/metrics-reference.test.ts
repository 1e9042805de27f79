import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { metricsReference } from './metrics-reference.ts';

test('docs/reference/metrics.md is what the stations say of their metrics (`make reference` writes it)', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/reference/metrics.md'), 'utf8');
  assert.ok(page === metricsReference(), 'the page is old: run `make reference`');
});
