// What is seen → lines of text that fit the terminal. Pure: the screen draws them.

import { printable } from '../../../adapters/telemetry/printable.ts';
import { alivePool } from '../../../core/ledger.ts';
import type { PoolSeen, Seen } from './look.ts';

export interface Frame {
  seen: Seen;
  /** Newest last. */
  events: readonly string[];
  elapsedMs: number;
  webhooks: string;
  gitHub: string;
  dataDirectory: string;
}

export interface Terminal {
  columns: number;
  rows: number;
  hasColour: boolean;
}

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';
const codes: Record<Style, number> = { bold: 1, dim: 2, green: 32, yellow: 33, red: 31, cyan: 36 };

/** A piece of a line: cut by its characters, so that a style is never cut in the middle. */
interface Piece {
  text: string;
  style?: Style;
}
type Line = readonly Piece[];

const nameWidth = 9;
const barWidthMax = 24;

/** Never more lines than rows, none longer than the columns. */
export function viewLines(frame: Frame, terminal: Terminal): string[] {
  const { seen } = frame;
  const head: Line[] = [
    [
      { text: 'Ephemeral runners', style: 'bold' },
      { text: ` · a demo beside a simulated GitHub · ${Math.floor(frame.elapsedMs / 1000)} s` },
    ],
    [
      {
        text: `webhooks ${frame.webhooks} · GitHub ${frame.gitHub} · data ${frame.dataDirectory}`,
        style: 'dim',
      },
    ],
    [],
    jobsLine(seen.jobs),
    [],
    ...seen.pools.map((pool) => poolLine(pool, terminal.columns)),
  ];
  const waits: Line[] =
    seen.waits.length === 0
      ? []
      : [
          [],
          [{ text: 'Why jobs wait', style: 'bold' }],
          ...seen.waits.map(
            ({ job, text }): Line => [{ text: `  ${pad(job, 12)} `, style: 'cyan' }, { text }],
          ),
        ];
  const foot: Line[] = [[], [{ text: 'Ctrl-C ends it.', style: 'dim' }]];
  const left = terminal.rows - head.length - waits.length - foot.length - 2;
  const shown = left > 0 ? frame.events.slice(-left) : [];
  const events: Line[] =
    shown.length === 0
      ? []
      : [[], [{ text: 'Events', style: 'bold' }], ...shown.map((text): Line => [{ text: `  ${text}` }])];
  return [...head, ...waits, ...events, ...foot].slice(0, terminal.rows).map((line) => drawn(line, terminal));
}

function jobsLine({ queued, gated, running, succeeded, failed, otherEnds }: Seen['jobs']): Line {
  const parts: Piece[] = [
    { text: `${queued} queued`, style: 'yellow' },
    { text: `${running} running`, style: 'cyan' },
    { text: `${succeeded} succeeded`, style: 'green' },
    { text: `${failed} failed`, style: 'red' },
  ];
  if (gated > 0) parts.push({ text: `${gated} wait for an approval` });
  if (otherEnds > 0) parts.push({ text: `${otherEnds} cancelled or skipped` });
  const separated = parts.flatMap((part, at): Piece[] => (at === 0 ? [part] : [{ text: ' · ' }, part]));
  return [{ text: pad('Jobs', nameWidth + 2), style: 'bold' }, ...separated];
}

function poolLine({ name, limit, runners, jobs }: PoolSeen, columns: number): Line {
  const alive = alivePool(runners);
  const waiting = jobs.waiting + jobs.held;
  const scale = Math.min(1, Math.max(4, Math.min(barWidthMax, columns - 50)) / limit);
  const cells = (count: number) => Math.round(count * scale);
  const width = cells(limit);
  const busy = Math.min(width, cells(runners.busy));
  const other = Math.min(width - busy, cells(alive - runners.busy));
  const words = (['busy', 'coming', 'ending'] as const)
    .filter((word) => runners[word] > 0)
    .map((word) => `${runners[word]} ${word}`);
  const wait = waiting > 0 ? ` · ${waiting} ${waiting === 1 ? 'job waits' : 'jobs wait'}` : '';
  return [
    { text: `  ${pad(name, nameWidth)}` },
    { text: '█'.repeat(busy), style: 'green' },
    { text: '▒'.repeat(other), style: 'yellow' },
    { text: '·'.repeat(Math.max(0, width - busy - other)), style: 'dim' },
    { text: ` ${alive} of ${limit}` },
    { text: words.length > 0 ? `  ${words.join(', ')}` : '' },
    { text: wait },
  ];
}

function drawn(line: Line, { columns, hasColour }: Terminal): string {
  let left = columns;
  return line
    .map(({ text, style }) => {
      const characters = [...printable(text)];
      const fitting =
        characters.length > left ? [...characters.slice(0, Math.max(0, left - 1)), '…'] : characters;
      const cut = left <= 0 ? '' : fitting.join('');
      left -= characters.length;
      return hasColour && style && cut !== '' ? `\u001b[${codes[style]}m${cut}\u001b[0m` : cut;
    })
    .join('');
}

function pad(text: string, width: number): string {
  const characters = [...text];
  return characters.length > width ? `${characters.slice(0, width - 1).join('')}…` : text.padEnd(width);
}
