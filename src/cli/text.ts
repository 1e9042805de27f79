// How answers look in a terminal: columns, times and colours. Colours only where the stream is a terminal that wants
// them; `NO_COLOR` and `FORCE_COLOR` are heard.

import { stripVTControlCharacters, styleText } from 'node:util';

export interface Paint {
  strong(text: string): string;
  faint(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

export function paintFor(hasColours: boolean): Paint {
  const paint = (style: Parameters<typeof styleText>[0]) => (text: string) =>
    hasColours ? styleText(style, text, { validateStream: false }) : text;
  return { strong: paint('bold'), faint: paint('dim'), good: paint('green'), bad: paint('red') };
}

/** Left-aligned columns, as wide as what is in them; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, width(cell));
    });
  }
  return rows
    .map((row) =>
      row
        .map((cell, at) =>
          at === row.length - 1 ? cell : cell + ' '.repeat((widths[at] ?? 0) - width(cell)),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export function timeOf(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}
