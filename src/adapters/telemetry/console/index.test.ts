import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock } from '../../../ports/clock.ts';
import { type ConsoleOptions, createConsole } from './index.ts';

const clock: Clock = {
  now: () => Date.UTC(2026, 10, 24, 21, 4, 7, 250),
  after: () => () => {},
  sleep: async () => {},
};

test('a log is a line of JSON with its time, level, message and fields', () => {
  const { lines, telemetry } = console({});
  telemetry.log('warn', 'a launch was not answered', { runner: 'r1', tries: 2, last: true, none: null });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line)),
    [
      {
        level: 'warn',
        time: '2026-11-24T21:04:07.250Z',
        runner: 'r1',
        tries: 2,
        last: true,
        none: null,
        message: 'a launch was not answered',
      },
    ],
  );
});

test('for people it is a plain line', () => {
  const { lines, telemetry } = console({ format: 'plain' });
  telemetry.log('info', 'started', { port: 8080, why: 'two words' });
  assert.deepEqual(lines, ['21:04:07 info  started port=8080 why="two words"\n']);
});

test('what is below the level is not said, and silent says nothing', () => {
  const quiet = console({ level: 'warn' });
  quiet.telemetry.log('info', 'not said');
  quiet.telemetry.log('error', 'said');
  assert.equal(quiet.lines.length, 1);
  const silent = console({ level: 'silent' });
  silent.telemetry.log('error', 'not said');
  assert.deepEqual(silent.lines, []);
});

test('whatever a text holds, it stays one line, bounded, and steers no terminal', () => {
  const hostile = '\u001b[2J\u009b31m\u202egnp.exe\r\nGET / HTTP/1.1\u0000\u0007\u2028\ud800';
  for (const format of ['json', 'plain'] as const) {
    const { lines, telemetry } = console({ format });
    telemetry.log('error', hostile, { [hostile]: hostile, long: 'x'.repeat(10_000) });
    assert.equal(lines.length, 1);
    const [line = ''] = lines;
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.doesNotMatch(line.slice(0, -1), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    assert.ok(line.length < 5_000, `${line.length}`);
    assert.match(line, /gnp\.exe/);
    assert.ok(line.isWellFormed());
  }
});

test('metrics are not logged', () => {
  const { lines, telemetry } = console({ level: 'trace' });
  telemetry.count('runs_total');
  telemetry.observe('wait_ms', 1);
  assert.deepEqual(lines, []);
});

function console(change: Partial<ConsoleOptions>) {
  const lines: string[] = [];
  const telemetry = createConsole({
    clock,
    level: 'info',
    format: 'json',
    output: { write: (line) => void lines.push(line) },
    ...change,
  });
  return { lines, telemetry };
}
