import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOfLog } from './local-log.ts';

async function told(first: string, later: readonly (string | null)[], linesMax = 100): Promise<string[]> {
  const left = [...later];
  const follow = later.length > 0;
  const lines: string[] = [];
  const wanted = {
    part: 'console',
    ...{ linesMax, follow, pause: async () => {}, isStopped: () => left.length === 0 },
  } as const;
  for await (const line of linesOfLog(first, async () => left.shift() ?? null, wanted)) lines.push(line);
  return lines;
}

test('the last lines are told, and one that has no end yet', async () => {
  assert.deepEqual(await told('a\nb\r\nc\nd', [], 2), ['b', 'c', 'd']);
  assert.deepEqual(await told('', []), []);
});

test('what is added is told once, in whole lines', async () => {
  assert.deepEqual(await told('a\nb', ['a\nb', 'a\nbb\nc', 'a\nbb\nc\n']), ['a', 'bb', 'c']);
});

test('it goes on where the beginning was cut off meanwhile', async () => {
  const whole = Array.from({ length: 500 }, (_, n) => `line ${n}`);
  const first = `${whole.slice(0, 300).join('\n')}\n`;
  const cut = `${whole.slice(200, 500).join('\n')}\n`;
  assert.deepEqual(await told(first, [cut], 1_000), whole);
});

test('it ends when the log is cleared away', async () => {
  assert.deepEqual(await told('a\n', ['a\nb\n', null, 'never']), ['a', 'b']);
});
