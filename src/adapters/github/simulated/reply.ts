// From an operation's answer to HTTP: GitHub's bodies and headers.

import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import type { Caller, Page } from './api.ts';
import { createGuids } from './identifiers.ts';
import type { Answer, Refusal } from './refusal.ts';
import type { World } from './world.ts';

export interface ServerEnv {
  Bindings: HttpBindings;
  Variables: { caller: Caller };
}

export type ServerContext = Context<ServerEnv>;

/** Stands in every refusal. */
export const docsUrl = 'https://docs.github.com/rest';

/** GitHub's page sizes. */
const perPageDefault = 30;
const perPageMax = 100;

export function createReply(world: World) {
  const nextRequestId = createGuids(world.random);
  const rateHeaders = (caller: Caller): Record<string, string> => {
    const { limit, remaining, used, resetsAt } = world.api.rate(caller);
    return {
      'x-ratelimit-limit': String(limit),
      'x-ratelimit-remaining': String(remaining),
      'x-ratelimit-used': String(used),
      'x-ratelimit-reset': String(Math.ceil(resetsAt / 1_000)),
      'x-ratelimit-resource': 'core',
    };
  };

  const headersFor = (caller: Caller | null): Record<string, string> => ({
    'x-simulated-github': 'stand-in',
    'x-github-request-id': nextRequestId().slice(9).toUpperCase().replaceAll('-', ':'),
    'x-github-media-type': 'github.v3; format=json',
    ...(caller && rateHeaders(caller)),
  });

  const refuse = (
    c: ServerContext,
    refusal: Omit<Refusal, 'outcome'>,
    caller: Caller | null = null,
  ): Response => {
    const { status, message, retryAfterSeconds, acceptedPermissions } = refusal;
    const body = { message, documentation_url: docsUrl, status: String(status) };
    return c.json(body, status, {
      ...headersFor(caller),
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      ...(acceptedPermissions && { 'x-accepted-github-permissions': acceptedPermissions }),
    });
  };

  return {
    refuse,
    headersFor,

    /** `render` makes the body; null is an answer without one. */
    answer<Value>(
      c: ServerContext,
      answer: Answer<Value>,
      status: 200 | 201 | 202 | 204,
      render: (value: Value) => unknown,
      headers: (value: Value) => Record<string, string> = () => ({}),
    ): Response {
      const caller = c.get('caller');
      switch (answer.outcome) {
        case 'refused':
          return refuse(c, answer, caller);
        case 'lost':
          c.env.outgoing.destroy();
          return RESPONSE_ALREADY_SENT;
        case 'done': {
          const all = { ...headersFor(caller), ...headers(answer.value) };
          if (status === 204) return c.body(null, status, all);
          return c.json(Object(render(answer.value)), status, all);
        }
        default:
          return answer satisfies never;
      }
    },
  };
}

export function pageOfQuery(c: ServerContext): Page {
  return {
    page: Math.max(1, whole(c.req.query('page')) ?? 1),
    perPage: Math.min(perPageMax, Math.max(1, whole(c.req.query('per_page')) ?? perPageDefault)),
  };
}

/** `Link`: how clients find the next page. */
export function linkHeader(c: ServerContext, { page, perPage }: Page, total: number): Record<string, string> {
  const last = Math.max(1, Math.ceil(total / perPage));
  const to = (target: number, rel: string): string => {
    const url = new URL(c.req.url);
    url.searchParams.set('page', String(target));
    url.searchParams.set('per_page', String(perPage));
    return `<${url}>; rel="${rel}"`;
  };
  const links = [
    ...(page > 1 ? [to(page - 1, 'prev'), to(1, 'first')] : []),
    ...(page < last ? [to(page + 1, 'next'), to(last, 'last')] : []),
  ];
  return links.length > 0 ? { link: links.join(', ') } : {};
}

/** A whole number out of a path or query; null where it is none. */
export function whole(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
