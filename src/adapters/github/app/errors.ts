// GitHub's refusals and silences → `GitHubError`s that say what failed and what to do. What GitHub wrote is
// quoted, bounded, and without the token that the request carried: a proxy in between may send it back.

import type { EpochMs } from '../../../ports/clock.ts';
import { GitHubError } from '../../../ports/github.ts';
import type { Caller, Headers } from './limits.ts';

/** One request, as an error tells of it. */
export interface Asked {
  caller: Caller;
  /** Method and URL. */
  what: string;
  /** The request asks for an installation's token: its refusals are about that installation. */
  tokenOf: number | null;
}

export interface Refused {
  status: number;
  headers: Headers;
  message: string;
}

/** A message of GitHub is a sentence or two; beyond this it is a page of a proxy. */
const messageLengthMax = 300;

export function messageOf(data: unknown, secret: string): string {
  const text = typeof data === 'string' ? data : wordsOf(data);
  return text.replaceAll(secret, '***').replace(/\s+/g, ' ').trim().slice(0, messageLengthMax).toWellFormed();
}

export function limited(asked: Asked, retryAt: EpochMs, why: string): GitHubError {
  const until = new Date(retryAt).toISOString();
  return new GitHubError(
    'limited',
    `${asked.what} was not done: GitHub's limits for ${nameOf(asked.caller)} (${why}). Ask again at ${until}.`,
    retryAt,
  );
}

export function unavailable(asked: Asked, why: string): GitHubError {
  return new GitHubError(
    'unavailable',
    `${asked.what} by ${nameOf(asked.caller)} has no answer: ${why}. Whether GitHub did it is not known.`,
  );
}

export function refusal(asked: Asked, refused: Refused): GitHubError {
  const said = `${asked.what} by ${nameOf(asked.caller)} was refused: ${refused.status} ${quoted(refused.message)}.`;
  if (asked.tokenOf !== null && (refused.status === 403 || refused.status === 404)) {
    return suspended(said, asked.tokenOf);
  }
  if (refused.status === 403 && /\bsuspended\b/i.test(refused.message) && asked.caller !== 'app') {
    return suspended(said, asked.caller);
  }
  if (refused.status === 403) return forbidden(said, refused.headers['x-accepted-github-permissions']);
  return new GitHubError('invalid', `${said}${remedyOf(asked, refused)}`);
}

function suspended(said: string, installation: number): GitHubError {
  return new GitHubError(
    'suspended',
    `${said} Installation ${installation} of the App is suspended or deleted, or belongs to another App: ` +
      `its owner can unsuspend it or install the App again.`,
  );
}

function forbidden(said: string, accepted: string | number | undefined): GitHubError {
  const needed = accepted
    ? `It needs ${String(accepted).slice(0, messageLengthMax)}`
    : 'A permission is missing';
  return new GitHubError(
    'forbidden',
    `${said} ${needed}: grant it in the App's settings, then accept the change in the installation.`,
  );
}

function remedyOf(asked: Asked, { status, message }: Refused): string {
  // GitHub does not know the App by this id: its own words, with a 404.
  const isUnknown = status === 404 && /integration not found/i.test(message);
  if ((status === 401 || isUnknown) && (asked.caller === 'app' || asked.tokenOf !== null)) {
    return " The App's id and its private key must belong together, and this machine's clock must be right.";
  }
  // What else serves at that address, such as the pages of an Enterprise Server, knows no `/app`.
  if (status === 404 && asked.caller === 'app') {
    return " There is no such thing at that address: see that it is the one of GitHub's API, which ends with /api/v3 at an Enterprise Server.";
  }
  if (status === 404) {
    return ' It does not exist there, was renamed, or the installation may not see it.';
  }
  if (status >= 300 && status < 400) return ' It has moved: the new name has to be used.';
  return '';
}

function nameOf(caller: Caller): string {
  return caller === 'app' ? 'the App' : `installation ${caller}`;
}

function quoted(message: string): string {
  return message === '' ? '(no message)' : `“${message}”`;
}

function wordsOf(data: unknown): string {
  if (typeof data !== 'object' || data === null) return '';
  const message = 'message' in data && typeof data.message === 'string' ? data.message : '';
  const errors = 'errors' in data && Array.isArray(data.errors) ? data.errors : [];
  const details = errors.map((error: unknown) => (typeof error === 'string' ? error : detailOf(error)));
  return [message, ...details].filter((part) => part !== '').join(': ');
}

/** Validation errors are objects: `{ resource, field, code, message? }`. */
function detailOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  if ('message' in error && typeof error.message === 'string') return error.message;
  return Object.values(error)
    .filter((value) => typeof value === 'string')
    .join(' ');
}
