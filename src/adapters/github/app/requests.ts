// One request to GitHub, as every route here makes it: with the caller's token, within a time, within the number
// that GitHub takes at once, and not at all while GitHub has told the caller to wait. Such a call fails at once
// with the time to come back; nothing queues here for longer than a request may take.
//
// Octokit sends the requests; its plugins for retries and throttling, and its own strategy for Apps, are not used:
// - plugin-retry repeats POSTs after a 5xx, and 409, which here is an answer: a mint would be doubled.
// - plugin-throttling holds calls back in memory for as long as GitHub says, and lets one write a second through.
// - auth-app keeps a token that GitHub no longer takes, waits by timers of its own, and shares what is asked for
//   between all Apps of the process by the installation's number alone, which another GitHub may have given too.

import { Octokit } from '@octokit/core';
import type { z } from 'zod';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { RateLeft } from '../../../ports/github.ts';
import { type Asked, limited, messageOf, type Refused, refusal, unavailable } from './errors.ts';
import { type Caller, createLimits, type Headers } from './limits.ts';
import { createSlots, type Slots } from './slots.ts';
import type { Tokens } from './tokens.ts';

export interface Ask<Data> {
  caller: Caller;
  /** Method and template: `GET /orgs/{org}/actions/runners`. A GET may be repeated, all else is sent once. */
  route: string;
  parameters?: Readonly<Record<string, unknown>>;
  reads: z.ZodType<Data>;
  /** Refusals that the caller wants as an answer. */
  expects?: readonly number[];
  /** Asks for this installation's token. It may be repeated like a GET: a token too many does no harm. */
  tokenOf?: number;
}

type Answer<Data> =
  | { done: true; data: Data; headers: Headers }
  | { done: false; status: number; message: string };

/** What a request came to, for metrics. */
export interface RequestMade {
  /** `null` for the App itself. */
  installation: number | null;
  route: string;
  /** 0 where no answer came. */
  status: number;
  durationMs: number;
}

export interface Requests {
  /** Refusals that are not expected, limits and silences are thrown as `GitHubError`. */
  ask<Data>(ask: Ask<Data>): Promise<Answer<Data>>;
  rateLeft(caller: Caller): RateLeft | null;
}

export interface RequestsDeps {
  apiUrl: string;
  userAgent: string;
  clock: Clock;
  random: Random;
  timeoutMs: number;
  fetch: typeof globalThis.fetch;
  onRequest: (made: RequestMade) => void;
  /** The App's own proof, made afresh. */
  appToken: () => string;
  tokens: Tokens;
}

/** GitHub takes 100 at once from one caller; half of that leaves room for other processes of the deployment. */
const atOnceMax = 50;
/** What 50 at once get through in 10 s if each takes half a second; more would only wait for their time-out. */
const waitingMax = 1_000;
/** Where too many wait, there is no use in coming back before some of them are through. */
const crowdedPauseMs = 1_000;

/** Enough for a lost connection or one bad server, and no burden on a GitHub in trouble. */
const repeatsMax = 2;
/** Before the first repeat, doubled for the second, less up to half by chance so that callers spread. */
const repeatDelayMs = 500;

/** A new token may be unknown to some of GitHub's servers for a few seconds: a 401 then is waited out. */
const tokenSpreadMs = 5_000;
const tokenSpreadDelayMs = 1_000;
/** A 401 did nothing, so anything may be sent again: once after that wait, and once with another token. */
const unauthorizedMax = 2;

/** A date names the version of the API that GitHub promises to keep. */
const apiVersion = '2022-11-28';

export function createRequests(deps: RequestsDeps): Requests {
  const { clock, random, tokens, timeoutMs } = deps;
  const limits = createLimits(clock);
  const slots = new Map<Caller, Slots>();
  const octokit = new Octokit({ baseUrl: deps.apiUrl, userAgent: deps.userAgent, log: silent });

  /** Repeats what may be repeated. */
  async function ask<Data>(ask: Ask<Data>): Promise<Answer<Data>> {
    const mayRepeat = isGet(ask) || ask.tokenOf !== undefined;
    const startedAt = clock.now();
    for (let repeats = 0; ; repeats += 1) {
      const sent = await authorized(ask);
      if (sent.outcome === 'done') return { done: true, data: sent.data, headers: sent.headers };
      if (sent.outcome === 'refused') {
        if (!ask.expects?.includes(sent.status)) throw refusal(askedOf(ask), sent);
        return { done: false, status: sent.status, message: sent.message };
      }
      // Not after a time-out: two of them are longer than callers wait.
      const hasTime = clock.now() - startedAt < timeoutMs;
      if (!mayRepeat || repeats >= repeatsMax || !hasTime) throw unavailable(askedOf(ask), sent.why);
      await clock.sleep(repeatDelayMs * 2 ** repeats * (1 - random() / 2));
    }
  }

  /** Sends with the caller's token, and again where GitHub does not, or not yet, know that one. */
  async function authorized<Data>(ask: Ask<Data>): Promise<Sent<Data>> {
    if (ask.caller === 'app') return inTime(ask, deps.appToken());
    let hasWaited = false;
    for (let refusals = 0; ; refusals += 1) {
      const token = await tokens.get(ask.caller);
      const sent = await inTime(ask, token.text);
      const isUnauthorized = sent.outcome === 'refused' && sent.status === 401;
      if (!isUnauthorized || refusals >= unauthorizedMax) return sent;
      const isNew = clock.now() - token.receivedAt < tokenSpreadMs;
      if (isNew && !hasWaited) {
        hasWaited = true;
        await clock.sleep(tokenSpreadDelayMs);
      } else {
        // Asking for the next one tells whether the installation is suspended or gone.
        tokens.drop(ask.caller, token);
      }
    }
  }

  /** Waits for a slot, within the same time that the answer has. */
  async function inTime<Data>(ask: Ask<Data>, token: string): Promise<Sent<Data>> {
    const deadline = new AbortController();
    const cancel = clock.after(timeoutMs, () => deadline.abort());
    try {
      const giveBack = await slotsOf(ask.caller).take(deadline.signal);
      if (giveBack === null) throw limited(askedOf(ask), clock.now() + crowdedPauseMs, crowded);
      try {
        // After the wait for the slot: those that wait when GitHub refuses one are all let through, to fail here.
        refuseWhilePaused(ask);
        return await once(ask, token, deadline.signal);
      } finally {
        giveBack();
      }
    } finally {
      cancel();
    }
  }

  async function once<Data>(ask: Ask<Data>, token: string, deadline: AbortSignal): Promise<Sent<Data>> {
    const startedAt = clock.now();
    const answer = await transmit(ask, token, deadline);
    const message = answer.status < 300 ? '' : messageOf(answer.data, token);
    const isAnswered = answer.status !== 0;
    const retryAt = isAnswered ? limits.note(ask.caller, answer.status, answer.headers, message) : null;
    // What is left by this answer is known by now.
    deps.onRequest({
      installation: ask.caller === 'app' ? null : ask.caller,
      route: ask.route,
      status: answer.status,
      durationMs: clock.now() - startedAt,
    });
    if (!isAnswered) return { outcome: 'unknown', why: messageOf(answer.data, token) };
    if (retryAt !== null) throw limited(askedOf(ask), retryAt, `${answer.status} ${message}`);
    if (isTrouble(answer.status)) return { outcome: 'unknown', why: `${answer.status} ${message}` };
    if (answer.status >= 300) return { outcome: 'refused', ...answer, message };
    // An answer that breaks off, or a proxy's page: GitHub may have done it all the same.
    const read = ask.reads.safeParse(answer.data);
    if (!read.success) return { outcome: 'unknown', why: `${answer.status}, but ${problemOf(read.error)}` };
    return { outcome: 'done', data: read.data, headers: answer.headers };
  }

  /** Status 0, with the reason as data, where no answer came. Octokit throws each answer of 400 and above. */
  async function transmit(ask: Ask<unknown>, token: string, signal: AbortSignal): Promise<HttpAnswer> {
    try {
      return await octokit.request(ask.route, {
        ...ask.parameters,
        headers: { authorization: `Bearer ${token}`, 'x-github-api-version': apiVersion },
        // A repository that was renamed redirects. A POST that follows may become a GET, so only GETs do.
        request: { fetch: deps.fetch, signal, redirect: isGet(ask) ? 'follow' : 'manual' },
      });
    } catch (error) {
      if (isHttpFailure(error)) return error.response;
      const why = signal.aborted ? `nothing came within ${timeoutMs / 1000} s` : reasonOf(error);
      return { status: 0, headers: {}, data: why };
    }
  }

  function refuseWhilePaused(ask: Ask<unknown>): void {
    const until = limits.pausedUntil(ask.caller);
    if (until !== null) throw limited(askedOf(ask), until, 'GitHub refused an earlier request until then');
  }

  function slotsOf(caller: Caller): Slots {
    const known = slots.get(caller) ?? createSlots(atOnceMax, waitingMax);
    slots.set(caller, known);
    return known;
  }

  function askedOf(ask: Ask<unknown>): Asked {
    const { method, url } = octokit.request.endpoint(ask.route, { ...ask.parameters });
    return { caller: ask.caller, what: `${method} ${url}`, tokenOf: ask.tokenOf ?? null };
  }

  return { ask, rateLeft: limits.rateLeft };
}

/** A GET, or any request whose refusals are all faults: gives what was asked for. */
export async function demand<Data>(
  requests: Requests,
  ask: Omit<Ask<Data>, 'expects'>,
): Promise<{ data: Data; headers: Headers }> {
  const answer = await requests.ask(ask);
  if (!answer.done) throw new Error(`a refusal that was not expected was not thrown: ${answer.status}`);
  return answer;
}

type Sent<Data> =
  | { outcome: 'done'; data: Data; headers: Headers }
  | ({ outcome: 'refused' } & Refused)
  /** Whether GitHub did it is not known. */
  | { outcome: 'unknown'; why: string };

interface HttpAnswer {
  status: number;
  headers: Headers;
  data: unknown;
}

const crowded = `${atOnceMax} requests are on their way and too many wait for them`;

function isGet(ask: Ask<unknown>): boolean {
  return ask.route.startsWith('GET ');
}

/** 408: the server gave up on reading what was sent. */
function isTrouble(status: number): boolean {
  return status >= 500 || status === 408;
}

function isHttpFailure(error: unknown): error is { response: HttpAnswer } {
  return error instanceof Error && 'response' in error && error.response !== undefined;
}

/** The innermost cause is the one that says something: `ECONNREFUSED`, below “fetch failed”. */
function reasonOf(error: unknown): string {
  let innermost = error;
  while (innermost instanceof Error && innermost.cause instanceof Error) innermost = innermost.cause;
  if (!(innermost instanceof Error)) return 'the connection failed';
  return 'code' in innermost ? `${innermost.message} (${String(innermost.code)})` : innermost.message;
}

function problemOf(error: z.ZodError): string {
  const [first] = error.issues;
  return `its body can't be read: ${first?.path.join('.') || '(all of it)'}: ${first?.message ?? 'invalid'}`;
}

/** Octokit warns on the console by itself; what happens here is told by errors and `onRequest`. */
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function nothing(): void {}
