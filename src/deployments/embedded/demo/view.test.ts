import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type Frame, viewLines } from './view.ts';

const none = { coming: 0, busy: 0, ending: 0, standby: 0 };

const frame: Frame = {
  seen: {
    jobs: { queued: 23, gated: 1, running: 8, succeeded: 13, failed: 1, otherEnds: 2 },
    pools: [
      { name: 'small', limit: 3, runners: none, jobs: { waiting: 0, held: 0 } },
      { name: 'build', limit: 8, runners: { ...none, busy: 6, coming: 2 }, jobs: { waiting: 20, held: 1 } },
      { name: 'huge', limit: 10_000, runners: { ...none, busy: 5_000 }, jobs: { waiting: 1, held: 0 } },
    ],
    waits: [{ job: 'test (17)', text: 'pool build is at its limit, 8 of 8 alive: 6 busy, 2 coming' }],
  },
  events: Array.from({ length: 100 }, (_, at) => `event ${at}`),
  elapsedMs: 12_345,
  webhooks: 'http://127.0.0.1:8080/webhooks/github',
  gitHub: 'http://127.0.0.1:4000',
  dataDirectory: '/tmp/demo',
};

test('it says what there is', () => {
  const text = viewLines(frame, { columns: 120, rows: 40, hasColour: false }).join('\n');
  assert.match(text, /12 s/);
  assert.match(
    text,
    /23 queued · 8 running · 13 succeeded · 1 failed · 1 wait for an approval · 2 cancelled/,
  );
  assert.match(text, /build {4}██████▒▒ 8 of 8 {2}6 busy, 2 coming · 21 jobs wait/);
  assert.match(text, /test \(17\) {4}pool build is at its limit/);
  assert.match(text, /event 99/);
});

test('it fits any terminal, and keeps the newest events', () => {
  for (const columns of [1, 10, 40, 80, 200]) {
    for (const rows of [1, 5, 15, 24, 60]) {
      for (const hasColour of [true, false]) {
        const lines = viewLines(frame, { columns, rows, hasColour });
        assert.ok(lines.length <= rows, `${lines.length} lines in ${rows} rows`);
        for (const line of lines) {
          const width = [...stripVTControlCharacters(line)].length;
          assert.ok(width <= columns, `${width} in ${columns}: ${line}`);
        }
      }
    }
  }
  assert.ok(viewLines(frame, { columns: 80, rows: 24, hasColour: false }).includes('  event 99'));
});

test('without colour there is no escape sequence, whatever names hold', () => {
  const hostile = '\u001b[2J\u0007\n<b>';
  const lines = viewLines(
    {
      ...frame,
      events: [hostile],
      seen: { ...frame.seen, waits: [{ job: hostile, text: hostile }] },
    },
    { columns: 100, rows: 40, hasColour: false },
  );
  assert.doesNotMatch(lines.join(''), /\p{Cc}/u);
});
