import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '../../../ports/clock.ts';
import type { Metric } from '../../../ports/telemetry.ts';
import { createEmfTelemetry, type EmfOptions } from './index.ts';

const nowMs = Date.UTC(2026, 10, 24, 21, 4, 7, 250);
const clock: Clock = { now: () => nowMs, after: () => () => {}, sleep: async () => {} };

const metrics = new Map<string, Metric>([
  ['launches_total', { kind: 'count', unit: 'count', says: 'launches', series: ['outcome'] }],
  ['wait_ms', { kind: 'distribution', unit: 'ms', says: 'waiting', series: ['host'] }],
  ['jobs_waiting', { kind: 'gauge', unit: 'count', says: 'jobs', series: ['host'] }],
  ['mismatches_total', { kind: 'count', unit: 'count', says: 'mismatches', series: [] }],
  [
    'breaker_open',
    { kind: 'gauge', unit: 'count', says: 'whether it is open', series: [], zeroIsSilent: true },
  ],
  ['runs_total', { kind: 'count', unit: 'count', says: 'runs', series: null }],
]);

type Line = Record<string, unknown> & {
  _aws?: { Timestamp: number; CloudWatchMetrics: Directive[] };
};
interface Directive {
  Namespace: string;
  Dimensions: string[][];
  Metrics: { Name: string; Unit: string }[];
}

function emf(change: Partial<EmfOptions> = {}) {
  const raw: string[] = [];
  const telemetry = createEmfTelemetry({
    write: (line) => void raw.push(line),
    namespace: 'runners/test',
    metrics,
    clock,
    level: 'info',
    fields: { function: 'publisher' },
    ...change,
  });
  return { raw, telemetry, lines: () => raw.map((line) => JSON.parse(line) as Line) };
}

describe('metrics in the embedded format', () => {
  test('are added up until the event is handled, one line for each set of labels', () => {
    const { telemetry, raw, lines } = emf();
    telemetry.begin('request-1');
    telemetry.count('launches_total', { host: 'a', outcome: 'launched' });
    telemetry.count('launches_total', { outcome: 'launched', host: 'a' }, 2);
    telemetry.count('launches_total', { host: 'b', outcome: 'launched' });
    assert.equal(raw.length, 0);
    telemetry.flush();
    assert.deepEqual(lines(), [
      {
        _aws: {
          Timestamp: nowMs,
          CloudWatchMetrics: [
            {
              Namespace: 'runners/test',
              Dimensions: [['outcome']],
              Metrics: [{ Name: 'launches_total', Unit: 'Count' }],
            },
          ],
        },
        time: '2026-11-24T21:04:07.250Z',
        function: 'publisher',
        requestId: 'request-1',
        host: 'a',
        outcome: 'launched',
        launches_total: 3,
      },
      { ...lines()[0], host: 'b', launches_total: 1 },
    ]);
    telemetry.flush();
    assert.equal(raw.length, 2, 'what was written is not written again');
  });

  test('of one set of labels stand in one line, each with the dimensions that its meaning names', () => {
    const { telemetry, lines } = emf();
    telemetry.observe('wait_ms', 3, { host: 'a' });
    telemetry.observe('wait_ms', 1.5, { host: 'a' });
    telemetry.gauge('jobs_waiting', 9, { host: 'a' });
    telemetry.gauge('jobs_waiting', 7, { host: 'a' });
    telemetry.count('mismatches_total', { host: 'a' });
    telemetry.count('runs_total', { host: 'a' });
    telemetry.flush();
    const [line, ...others] = lines();
    assert.equal(others.length, 0);
    assert.deepEqual(
      line?._aws?.CloudWatchMetrics.map(({ Dimensions, Metrics }) => [Dimensions, Metrics]),
      [
        [
          [['host']],
          [
            { Name: 'wait_ms', Unit: 'Milliseconds' },
            { Name: 'jobs_waiting', Unit: 'Count' },
          ],
        ],
        [[[]], [{ Name: 'mismatches_total', Unit: 'Count' }]],
      ],
    );
    assert.deepEqual(line?.['wait_ms'], [3, 1.5]);
    assert.equal(line?.['jobs_waiting'], 7);
    assert.equal(line?.['runs_total'], 1);
  });

  test('without a meaning, without a series, or without a label that the series needs cost a line and no series', () => {
    const { telemetry, lines } = emf();
    telemetry.count('unheard_of_total', { host: 'a' });
    telemetry.count('runs_total', { host: 'b' });
    telemetry.count('launches_total', { host: 'c' });
    telemetry.count('launches_total', { host: 'c', outcome: 'not: ASCII \u2713' });
    telemetry.count('launches_total', { host: 'c', outcome: '' });
    telemetry.flush();
    assert.equal(lines().length, 5);
    for (const line of lines()) assert.ok(!('_aws' in line), JSON.stringify(line));
  });

  test('keep the limits of the format, however much is told', () => {
    const many = new Map(
      Array.from({ length: 130 }, (_, n): [string, Metric] => [
        `m${n}_ms`,
        { kind: 'distribution', unit: 'ms', says: 'one of many', series: ['host'] },
      ]),
    );
    const { telemetry, raw, lines } = emf({ metrics: many });
    for (const name of many.keys())
      for (let n = 0; n < 250; n += 1) telemetry.observe(name, n + 1 / 3 + 1e6, { host: 'h'.repeat(250) });
    telemetry.flush();
    let values = 0;
    for (const line of lines())
      for (const { Metrics } of line._aws?.CloudWatchMetrics ?? []) {
        assert.ok(Metrics.length <= 100);
        for (const { Name } of Metrics) {
          const told = line[Name];
          assert.ok(Array.isArray(told) && told.length > 0 && told.length <= 100);
          values += told.length;
        }
      }
    assert.equal(values, 130 * 250, 'every value is told once');
    for (const line of raw) assert.ok(Buffer.byteLength(line) < 256 * 1024);
  });

  test('that are 0 nearly always make no series while they are, and counting nothing makes no line', () => {
    const { telemetry, lines } = emf();
    telemetry.gauge('breaker_open', 0, { pool: 'a' });
    telemetry.gauge('breaker_open', 1, { pool: 'b' });
    telemetry.count('mismatches_total', { host: 'a' }, 0);
    telemetry.flush();
    assert.deepEqual(
      lines().map((line) => [line['pool'], line['breaker_open'], '_aws' in line]),
      [
        ['a', 0, false],
        ['b', 1, true],
      ],
    );
  });

  test('of a value that is no number are left out, since the whole line would be refused', () => {
    const { telemetry, raw } = emf();
    telemetry.observe('wait_ms', Number.NaN, { host: 'a' });
    telemetry.gauge('jobs_waiting', Number.POSITIVE_INFINITY, { host: 'a' });
    telemetry.flush();
    assert.deepEqual(raw, []);
  });

  test('with labels without end are written early, and not kept', () => {
    const { telemetry, lines } = emf();
    for (let n = 0; n < 1_200; n += 1) telemetry.count('runs_total', { id: String(n) });
    assert.ok(lines().length >= 1_000);
    telemetry.flush();
    assert.equal(lines().length, 1_200);
  });
});

describe('logs', () => {
  test('of what goes well are as short as they can be: a log is of one function, and lines are many', () => {
    const { telemetry, lines } = emf();
    telemetry.begin('request-3');
    telemetry.log('info', 'job started', { job: 1 });
    assert.deepEqual(lines(), [
      { level: 'info', time: '2026-11-24T21:04:07.250Z', message: 'job started', job: 1 },
    ]);
  });

  test('of trouble are a line each, with function and request', () => {
    const { telemetry, lines } = emf();
    telemetry.begin('request-2');
    telemetry.log('warn', 'a launch was not answered', { runner: 'r1', tries: 2, last: true, none: null });
    assert.deepEqual(lines(), [
      {
        level: 'warn',
        time: '2026-11-24T21:04:07.250Z',
        message: 'a launch was not answered',
        function: 'publisher',
        requestId: 'request-2',
        runner: 'r1',
        tries: 2,
        last: true,
        none: null,
      },
    ]);
  });

  test('below the level are not written', () => {
    const { telemetry, raw } = emf({ level: 'warn' });
    telemetry.log('info', 'not said');
    telemetry.log('error', 'said');
    assert.equal(raw.length, 1);
  });

  test('make no metric and change no field of ours, whatever their fields are called', () => {
    const { telemetry, lines } = emf();
    telemetry.log('warn', 'hello', {
      _aws: 'x',
      message: 'y',
      function: 'z',
      requestId: 'q',
      level: 'debug',
    });
    const [line] = lines();
    assert.equal(line?._aws, undefined);
    assert.equal(line?.['message'], 'hello');
    assert.equal(line?.['function'], 'publisher');
    assert.equal(line?.['level'], 'warn');
    assert.equal(line?.['field_function'], 'z');
  });

  test('are bounded, on one line, and steer no terminal', () => {
    const { telemetry, raw } = emf();
    const hostile = '\u001b[2J\u202egnp.exe\r\n\u2028\ud800';
    const fields = Object.fromEntries(
      Array.from({ length: 400 }, (_, n) => [`${hostile}${n}`, `${hostile}${'\u0001'.repeat(100_000)}`]),
    );
    telemetry.log('error', hostile.repeat(10_000), fields);
    assert.equal(raw.length, 1);
    const [line = ''] = raw;
    assert.ok(Buffer.byteLength(line) < 256 * 1024, `${Buffer.byteLength(line)}`);
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    assert.ok(line.isWellFormed());
  });

  test('hold no secret: not one that is known, nor what looks like one', () => {
    const known = 'a webhook secret of 32 bytes, or so';
    const { telemetry, raw } = emf({ secrets: () => [known, '', 'short'] });
    const token = `ghs_${'A1b2'.repeat(9)}`;
    const jwt = `eyJhbGciOiJSUzI1NiJ9.${'c'.repeat(40)}.${'d'.repeat(342)}`;
    const pem = `-----BEGIN RSA PRIVATE KEY-----\n${'TUlJRW9\n'.repeat(20)}-----END RSA PRIVATE KEY-----`;
    telemetry.log('error', `refused: ${known}`, {
      token: `Bearer ${token}`,
      jwt,
      pem,
      cut: pem.slice(0, 90),
      short: 'short',
    });
    telemetry.count('runs_total', { host: known });
    telemetry.flush();
    const text = raw.join('');
    for (const secret of [known, token, jwt, 'TUlJRW9', 'c'.repeat(40)])
      assert.ok(!text.includes(secret), secret);
    assert.ok(text.includes('"short":"short"'), 'a short word is no secret');
    assert.ok(text.includes('refused: [secret]'));
  });
});
