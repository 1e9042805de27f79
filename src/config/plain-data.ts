// A configuration is data: what is checked here must be the same after a journey through JSON, since it is stored,
// hashed, shown and, on AWS, deployed. And it holds no secrets, for the same reasons.

import { type Problem, placeOf, shown } from './problem.ts';

/** Nothing of ours nests deeper. */
const depthMax = 20;

/** The value as JSON gives it back, and what can't make that journey. Such parts are `undefined` in the copy. */
export function plainData(value: unknown): { data: unknown; problems: Problem[] } {
  const problems: Problem[] = [];
  const data = copyOf(value, [], [], problems);
  return { data, problems };
}

function copyOf(
  value: unknown,
  path: readonly PropertyKey[],
  within: readonly unknown[],
  problems: Problem[],
): unknown {
  const refuse = (problem: Omit<Problem, 'place'>): undefined => {
    problems.push({ place: placeOf(...path), ...problem });
  };
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return looksSecret(value) ? refuse(secret) : value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : refuse(notData(value));
  if (typeof value !== 'object') return refuse(notData(value));
  if (within.includes(value) || within.length > depthMax) return refuse(tooDeep);
  const copyIn = (inner: unknown, key: PropertyKey) =>
    copyOf(inner, [...path, key], [...within, value], problems);
  if (Array.isArray(value)) return value.map(copyIn);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && !isForeignObject(prototype)) {
    return refuse(notData(value));
  }
  // A key that is undefined is a key that is not there, as in JSON.
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, copyIn(inner, key)]));
}

/** An object of another realm, such as a loader's. */
function isForeignObject(prototype: unknown): boolean {
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf')
  );
}

function notData(value: unknown): Omit<Problem, 'place'> {
  const isObject = typeof value === 'object' && value !== null;
  return {
    what: `${isObject ? `a ${value.constructor?.name ?? 'strange object'}` : shown(value)} is not data`,
    allowed: 'texts, numbers, true, false, null, lists and plain objects: what JSON can hold',
    remedy: 'write the value itself',
  };
}

const tooDeep: Omit<Problem, 'place'> = {
  what: 'it contains itself, or nests too deep',
  allowed: `up to ${depthMax} levels`,
  remedy: 'write the value itself',
};

const secret: Omit<Problem, 'place'> = {
  what: 'it looks like a secret, and the configuration is stored and shown',
  allowed: 'no keys and no tokens',
  remedy: "take it out and withdraw it at its issuer; the App's key and secrets come from the environment",
};

/** PEM keys; GitHub's tokens; AWS access keys. */
function looksSecret(text: string): boolean {
  return /-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:gh[pousr]_[A-Za-z0-9]{20}|github_pat_[A-Za-z0-9_]{20}|A[KS]IA[0-9A-Z]{16}\b)/.test(
    text,
  );
}
