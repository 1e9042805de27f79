// Reads a part of a configuration by its schema, and says what is wrong with it in our own words.

import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { allowedBy, keysOf, notesOf, schemaAt } from './notes.ts';
import { literal, oneOf, type Problem, placeOf, shown } from './problem.ts';

/** Where everything is explained. */
const referencePage = 'docs/reference/configuration.md';

/** The parsed value, or `null` with all problems. `path` is where the part stands in the whole. */
export function readPart<S extends z.ZodType>(
  schema: S,
  given: unknown,
  path: readonly PropertyKey[] = [],
): { value: z.output<S>; problems: [] } | { value: null; problems: Problem[] } {
  const result = schema.safeParse(given);
  if (result.success) return { value: result.data, problems: [] };
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, schema, given, path));
  return { value: null, problems: firstOfEachPlace(problems) };
}

/** A value may break several rules at once; its first problem says what is allowed. */
function firstOfEachPlace(problems: Problem[]): Problem[] {
  return problems.filter(({ place }, at) => problems.findIndex((other) => other.place === place) === at);
}

function problemsOf(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  given: unknown,
  path: readonly PropertyKey[],
): Problem[] {
  const place = placeOf(...path, ...issue.path);
  const part = schemaAt(schema, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = part ? keysOf(part) : [];
    return issue.keys.map((key) => unknownKey(placeOf(...path, ...issue.path, key), key, known));
  }
  // A name of the writer's own, such as a variable's; its value may be a secret, and is not what is wrong.
  if (issue.code === 'invalid_key') return [wrongName(place, String(issue.path.at(-1)), issue.issues[0])];
  const value = valueAt(given, issue.path);
  const notes = part ? notesOf(part) : {};
  const isTold = issue.code === 'custom' || (issue.code === 'invalid_format' && !isZods(issue.message));
  const allowed = part && (!isTold || notes.allowed) ? allowedBy(part) : issue.message;
  if (value === undefined) return [missing(place, String(issue.path.at(-1)), allowed, notes.example)];
  const remedy =
    remedyOf(issue, value) ?? notes.remedy ?? atBound(issue, notes.bounds) ?? `see ${referencePage}`;
  return [{ place, what: `${shown(value)} is not allowed`, allowed, remedy }];
}

function unknownKey(place: string, key: string, known: readonly string[]): Problem {
  const meant = nearest(key, known);
  return {
    place,
    what: 'there is no such key',
    allowed: known.length > 0 ? known.join(', ') : 'no keys but those of the reference',
    remedy: meant === null ? `take it out; all keys are in ${referencePage}` : `did you mean ${meant}?`,
  };
}

function wrongName(place: string, name: string, issue: z.core.$ZodIssue | undefined): Problem {
  return {
    place,
    what: `the name ${shown(name)} is not allowed`,
    allowed: issue && !isZods(issue.message) ? issue.message : 'other names',
    remedy: 'give it another name, or take it out',
  };
}

/** Not in our words: it tells of patterns. */
function isZods(message: string): boolean {
  return message.startsWith('Invalid ');
}

function missing(place: string, key: string, allowed: string, example: unknown): Problem {
  const what = 'it is missing';
  if (example === undefined) return { place, what, allowed, remedy: `add ${key}` };
  return { place, what, allowed, remedy: `add it, for example ${key}: ${literal(example)}` };
}

/** What the value itself tells of its writer's intention. */
function remedyOf(issue: z.core.$ZodIssue, value: unknown): string | null {
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    const values = issue.values.map(String);
    const meant = nearest(value, values);
    return meant === null ? `take ${oneOf(values)}` : `did you mean '${meant}'?`;
  }
  if (issue.code === 'invalid_type' && typeof value === 'string') {
    if (issue.expected === 'number' && Number.isFinite(Number(value))) return 'write it without quotes';
    if (issue.expected === 'boolean') return 'write true or false without quotes';
    if (issue.expected === 'array') return `write a list: [${shown(value)}]`;
  }
  return null;
}

function atBound(issue: z.core.$ZodIssue, why: string | undefined): string | null {
  const because = why === undefined ? '' : `: ${why}`;
  if (issue.code === 'too_small' && issue.origin === 'number')
    return `take at least ${issue.minimum}${because}`;
  if (issue.code === 'too_big' && issue.origin === 'number') return `take at most ${issue.maximum}${because}`;
  return null;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => {
    const isObject = typeof at === 'object' && at !== null;
    return isObject && Object.hasOwn(at, key) ? (at as Record<PropertyKey, unknown>)[key] : undefined;
  }, value);
}
