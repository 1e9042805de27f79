import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPrometheus } from './index.ts';

test('counters add up by their labels, whatever their order', () => {
  const prometheus = createPrometheus();
  prometheus.count('orders_total', { host: 'a', status: 'launch' });
  prometheus.count('orders_total', { status: 'launch', host: 'a' }, 2);
  prometheus.count('orders_total', { host: 'b', status: 'launch' });
  prometheus.count('runs_total');
  assert.equal(
    prometheus.text(),
    [
      '# TYPE orders_total counter',
      'orders_total{host="a",status="launch"} 3',
      'orders_total{host="b",status="launch"} 1',
      '# TYPE runs_total counter',
      'runs_total 1',
      '',
    ].join('\n'),
  );
});

test('a histogram has the sum of its values, and in each bucket all up to its bound', () => {
  const prometheus = createPrometheus();
  for (const value of [1, 3, 5, 700_000]) prometheus.observe('wait_ms', value, { host: 'a' });
  const lines = prometheus.text().split('\n');
  assert.ok(lines.includes('# TYPE wait_ms histogram'));
  assert.ok(lines.includes('wait_ms_bucket{host="a",le="1"} 1'));
  assert.ok(lines.includes('wait_ms_bucket{host="a",le="2"} 1'));
  assert.ok(lines.includes('wait_ms_bucket{host="a",le="5"} 3'));
  assert.ok(lines.includes('wait_ms_bucket{host="a",le="600000"} 3'));
  assert.ok(lines.includes('wait_ms_bucket{host="a",le="+Inf"} 4'));
  assert.ok(lines.includes('wait_ms_sum{host="a"} 700009'));
  assert.ok(lines.includes('wait_ms_count{host="a"} 4'));
});

test('a gauge is what it was told last, beside those that are handed in', () => {
  const prometheus = createPrometheus();
  prometheus.gauge('runners', 1, { host: 'a' });
  prometheus.gauge('runners', 2, { host: 'a' });
  prometheus.gauge('jobs', 7);
  assert.equal(
    prometheus.text([{ metric: 'runners', labels: { host: 'b' }, value: 3 }]),
    [
      '# TYPE runners gauge',
      'runners{host="a"} 2',
      'runners{host="b"} 3',
      '# TYPE jobs gauge',
      'jobs 7',
      '',
    ].join('\n'),
  );
});

test('gauges are as they are handed in', () => {
  const gauge = { metric: 'runners', labels: { pool: 'lint', class: 'busy' }, value: 3 };
  assert.equal(
    createPrometheus().text([gauge]),
    '# TYPE runners gauge\nrunners{class="busy",pool="lint"} 3\n',
  );
});

test('labels of any content stay in their quotes, on their line', () => {
  const prometheus = createPrometheus();
  prometheus.count('a b-total', { 'na me': 'x"} 1\ny\\z\u001b[2J\r' });
  const lines = prometheus.text().trimEnd().split('\n');
  assert.deepEqual(lines, ['# TYPE a_b_total counter', 'a_b_total{na_me="x\\"} 1\\ny\\\\z�[2J�"} 1']);
});

test('series are bounded, and what is left out is counted', () => {
  const prometheus = createPrometheus();
  for (let i = 0; i < 5_010; i += 1) prometheus.count('jobs_total', { id: String(i) });
  const lines = prometheus.text().split('\n');
  assert.equal(lines.filter((line) => line.startsWith('jobs_total{')).length, 5_000);
  assert.ok(lines.includes('telemetry_series_left_out_total 10'));
});
