// Logs for people and for collectors: one line each. JSON where the output goes to a file or a pipe, a plain line on a
// terminal. Metrics are not logged: they are many, and somebody else keeps them.

import { type DestinationStream, pino } from 'pino';
import type { Clock } from '../../../ports/clock.ts';
import type { Fields, Telemetry } from '../../../ports/telemetry.ts';
import { printable } from '../printable.ts';

export interface ConsoleOptions {
  clock: Clock;
  level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** JSON for programs, plain for people. */
  format: 'json' | 'plain';
  output: DestinationStream;
}

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
    gauge: () => {},
    log(at, message, fields = {}) {
      if (logger.isLevelEnabled(at)) logger[at](harmless(fields), printable(message));
    },
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
