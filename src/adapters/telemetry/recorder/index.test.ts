import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allTelemetry } from '../all.ts';
import { noTelemetry } from '../none/index.ts';
import { createRecorder } from './index.ts';

test('counts add up, over all labels or over some', () => {
  const recorder = createRecorder();
  recorder.count('orders_total', { host: 'a', status: 'launch' });
  recorder.count('orders_total', { status: 'launch', host: 'a' }, 3);
  recorder.count('orders_total', { host: 'b', status: 'launch' });
  assert.equal(recorder.counted('orders_total'), 5);
  assert.equal(recorder.counted('orders_total', { host: 'a' }), 4);
  assert.equal(recorder.counted('orders_total', { host: 'c' }), 0);
  assert.equal(recorder.counted('order'), 0);
});

test('values and logs are kept in their order', () => {
  const recorder = createRecorder();
  recorder.observe('wait_ms', 3);
  recorder.observe('wait_ms', 1);
  recorder.log('warn', 'late', { runner: 'r' });
  assert.deepEqual(recorder.observed('wait_ms'), [3, 1]);
  assert.deepEqual(recorder.logs(), [{ level: 'warn', message: 'late', fields: { runner: 'r' } }]);
});

test('of a gauge the latest value counts', () => {
  const recorder = createRecorder();
  recorder.gauge('runners', 3, { host: 'a', class: 'busy' });
  recorder.gauge('runners', 2, { class: 'busy', host: 'a' });
  assert.equal(recorder.gauged('runners', { host: 'a', class: 'busy' }), 2);
  assert.equal(recorder.gauged('runners', { host: 'a' }), null);
});

test('several are told the same', () => {
  const [first, second] = [createRecorder(), createRecorder()];
  const all = allTelemetry([first, noTelemetry, second]);
  all.count('runs_total', { host: 'a' }, 2);
  all.observe('wait_ms', 7);
  all.gauge('runners', 2);
  all.log('info', 'hello');
  for (const recorder of [first, second]) {
    assert.equal(recorder.counted('runs_total'), 2);
    assert.deepEqual(recorder.observed('wait_ms'), [7]);
    assert.equal(recorder.gauged('runners'), 2);
    assert.equal(recorder.logs().length, 1);
  }
});
