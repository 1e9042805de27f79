// Logs for people and for collectors: one line each. JSON where the output goes to a file or a pipe, a plain line on a
// terminal. Metrics are not logged: they are many, and somebody else keeps them.
//
// Names of jobs, branches and machines come from outside, so no text reaches the output as it is: characters that
// steer a terminal, or turn the direction of writing, are written as their numbers.

import { type DestinationStream, pino } from 'pino';
import type { Clock } from '../../../ports/clock.ts';
import type { Fields, Telemetry } from '../../../ports/telemetry.ts';

export interface ConsoleOptions {
  clock: Clock;
  level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** JSON for programs, plain for people. */
  format: 'json' | 'plain';
  output: DestinationStream;
}

/** An error with its whole chain of causes fits; a payload logged by mistake does not. */
const textLengthMax = 2_000;

export function createConsole({ clock, level, format, output }: ConsoleOptions): Telemetry {
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json' ? output : { write: (line: string) => output.write(plainLine(line)) },
  );
  return {
    count: () => {},
    observe: () => {},
    log: (at, message, fields = {}) => logger[at](harmless(fields), printable(message)),
  };
}

function harmless(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      printable(name),
      typeof value === 'string' ? printable(value) : value,
    ]),
  );
}

/** On one line, without anything that a terminal obeys, and bounded. */
export function printable(text: string): string {
  const bounded = text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text;
  return bounded
    .toWellFormed()
    .replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) =>
      character === '\t' || character === '\n' ? ' ' : `\\u{${character.codePointAt(0)?.toString(16)}}`,
    );
}

/** pino's line of JSON → `21:04:07 warn  a launch was not answered  runner=ab12-… error="…"`. */
function plainLine(line: string): string {
  const { time, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clockTime = String(time).slice(11, 19);
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
  return `${[clockTime, String(level).padEnd(5), message, ...rest].join(' ')}\n`;
}

function shown(value: unknown): string {
  const text = String(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
