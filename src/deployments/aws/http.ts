// The doors over API Gateway's HTTP API, as `embedded/server.ts` has them over HTTP: what comes is bounded here, what it
// means is decided behind the doors. API Gateway itself takes 10 MB at most and Lambda 6 MB, so that a larger webhook
// never gets here; events of jobs have some 20 KB. [AWS: Quotas for HTTP APIs; Lambda quotas]

import { z } from 'zod';
import type { Answer } from '../../flow/producer/answer.ts';

export interface HttpRequest {
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>;
  body: Buffer;
  /** `null` where the event has none. */
  sourceAddress: string | null;
}

/** As API Gateway wants it, payload format 2.0. */
export interface HttpAnswer {
  statusCode: number;
  headers: Readonly<Record<string, string>>;
  body: string;
}

/** A claim is a name and a token, a milestone a few words more. */
export const machineBytesMax = 16 * 1024;

/** What is used of an event. [AWS: Working with AWS Lambda proxy integrations for HTTP APIs] */
const httpEvent = z.object({
  version: z.literal('2.0'),
  routeKey: z.string(),
  headers: z.record(z.string(), z.string()).default({}),
  requestContext: z.object({ http: z.object({ sourceIp: z.string().optional() }) }),
  body: z.string().default(''),
  isBase64Encoded: z.boolean().default(false),
});

/** One route's function: reads the request, or answers for itself where there is none to hand on. */
export function httpDoor(
  { routeKey, bytesMax }: { routeKey: string; bytesMax: number },
  door: (request: HttpRequest) => Promise<Answer>,
): (event: unknown) => Promise<HttpAnswer> {
  return async (given) => {
    const event = httpEvent.parse(given);
    if (event.routeKey !== routeKey)
      return respond({ status: 404, body: { message: 'there is nothing here' } });
    const body = Buffer.from(event.body, event.isBase64Encoded ? 'base64' : 'utf8');
    if (body.byteLength > bytesMax)
      return respond({ status: 413, body: { message: `the body is larger than ${bytesMax} bytes` } });
    const headers = new Map(
      Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]),
    );
    return respond(await door({ headers, body, sourceAddress: event.requestContext.http.sourceIp ?? null }));
  };
}

function respond({ status, body, retryAfterSeconds }: Answer): HttpAnswer {
  return {
    statusCode: status,
    headers: {
      'content-type': 'application/json',
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
    },
    body: JSON.stringify(body),
  };
}

/** `undefined` where it is none: the doors say what they take. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
