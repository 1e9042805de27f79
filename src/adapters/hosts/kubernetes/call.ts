// One request to an API server, and what came of it.

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { z } from 'zod';
import type { Clock } from '../../../ports/clock.ts';
import { textOf } from './answers.ts';
import type { Connection } from './connect/connection.ts';
import { readRefusal, Unanswered } from './refusals.ts';

export interface Call {
  /** For people: `create jobs in namespace runners`. */
  what: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
  /** Of the body, where it is other than JSON's own. */
  contentType?: string;
}

export interface Caller {
  /** The answer's head. Throws `Unanswered` where none came; nothing is known then, unless nothing was sent. */
  open(call: Call, signal: AbortSignal): Promise<IncomingMessage>;
  /** The whole answer. Throws a `Refusal` where the server says no. */
  ask<Schema extends z.ZodType>(call: Call, schema: Schema, withinMs?: number): Promise<z.output<Schema>>;
}

/** For calls without a deadline of their own. */
const patienceMs = 20_000;

export function createCaller({ connection, clock }: { connection: Connection; clock: Clock }): Caller {
  async function open(call: Call, signal: AbortSignal): Promise<IncomingMessage> {
    const { server, headers, agent } = await connection.access().catch((cause: unknown) => {
      throw new Unanswered(call.what, { cause, sent: false });
    });
    const url = new URL(server.replace(/\/$/, '') + call.path);
    for (const [key, value] of Object.entries(call.query ?? {})) url.searchParams.set(key, value);
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    return new Promise((resolve, reject) => {
      let isConnected = false;
      const options = {
        method: call.method,
        headers: {
          ...headers,
          accept: 'application/json',
          'user-agent': 'ephemeral-runners',
          ...(body !== undefined && {
            'content-type': call.contentType ?? 'application/json',
            'content-length': String(Buffer.byteLength(body)),
          }),
        },
        agent,
        signal,
      };
      const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
      const request = send(url, options, resolve);
      request.once('socket', (socket) => {
        const connected = (): void => {
          isConnected = true;
        };
        if (!socket.connecting) connected();
        else socket.once(url.protocol === 'http:' ? 'connect' : 'secureConnect', connected);
      });
      request.once('error', (cause) => reject(new Unanswered(call.what, { cause, sent: isConnected })));
      request.end(body);
    });
  }

  async function ask<Schema extends z.ZodType>(
    call: Call,
    schema: Schema,
    withinMs = patienceMs,
  ): Promise<z.output<Schema>> {
    const giveUp = new AbortController();
    const stopWaiting = clock.after(Math.max(1, withinMs), () => giveUp.abort());
    try {
      const response = await open(call, giveUp.signal);
      const status = response.statusCode ?? 0;
      const text = await textOf(response, call.what);
      if (status >= 200 && status < 300) return schema.parse(JSON.parse(text));
      if (status === 401) connection.forget();
      throw readRefusal(call.what, status, text, response.headers['retry-after']);
    } finally {
      stopWaiting();
    }
  }

  return { open, ask };
}
