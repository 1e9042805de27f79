// What is wrong with a configuration, told so that its writer can mend it without looking anything up.

import { readable } from '../core/reason.ts';

export interface Problem {
  /** Where: `pools.lint.limit`. Empty for the whole. */
  place: string;
  /** What is wrong, with the value that was given. */
  what: string;
  /** What is allowed there. */
  allowed: string;
  /** What to do. */
  remedy: string;
}

/** It works, but probably not as it was meant. */
export interface Warning {
  place: string;
  what: string;
  remedy: string;
}

export function describeProblem({ place, what, allowed, remedy }: Problem): string {
  const at = place === '' ? '' : `${place}: `;
  return `${at}${what}\n  allowed: ${allowed}\n  to do:   ${remedy}`;
}

export function describeWarning({ place, what, remedy }: Warning): string {
  return `${place}: ${what}\n  to do:   ${remedy}`;
}

/** Thrown where nothing can go on without the configuration; the message lists all problems. */
export class ConfigurationError extends Error {
  readonly problems: readonly Problem[];

  constructor(source: string, problems: readonly Problem[], cause?: unknown) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(`${source} has ${count}:\n\n${problems.map(describeProblem).join('\n\n')}\n`, { cause });
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

/** Longer values are cut: the place says where the whole one is. */
const shownLengthMax = 60;

/** The value as a person would write it, printable and short. */
export function shown(value: unknown): string {
  const text = literal(value);
  const end = /['\]}]$/.exec(text)?.[0] ?? '';
  return text.length > shownLengthMax ? `${text.slice(0, shownLengthMax - 2)}…${end}` : text;
}

/** Plain data as TypeScript: `{ office: { type: 'local', limit: 8 } }`. */
export function literal(value: unknown): string {
  if (typeof value === 'string') return `'${readable(value).replaceAll("'", "\\'")}'`;
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  const entries = Object.entries(value).map(
    ([key, inner]) => `${/^\w+$/.test(key) ? key : literal(key)}: ${literal(inner)}`,
  );
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

/** `'office', 'lab' or 'cloud'`. */
export function oneOf(values: readonly string[]): string {
  const quoted = values.map((value) => `'${value}'`);
  const last = quoted.pop() ?? 'nothing';
  return quoted.length === 0 ? last : `${quoted.join(', ')} or ${last}`;
}

/** `pools.lint.labels[0]`; `pools['my pool']` where a key is no plain word. */
export function placeOf(...path: readonly PropertyKey[]): string {
  return path.reduce<string>((place, key) => {
    if (typeof key === 'number') return `${place}[${key}]`;
    const text = readable(String(key));
    if (/^\d|[^\w-]/.test(text)) return `${place}[${shown(text)}]`;
    return place === '' ? text : `${place}.${text}`;
  }, '');
}
