// What every stand-in of a platform needs that is spoken to over HTTP: a server on loopback, the body of a request within
// bounds, and buckets of requests that refill.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '../../ports/clock.ts';

export interface LoopbackServer {
  endpoint: string;
  close(): Promise<void>;
}

/** What `handle` rejects with breaks the connection: the caller does not know what came of its call. */
export async function listenOnLoopback(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function bodyOf(request: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`a body of more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Of a kind of call: so many at once after a pause, then so many a second. */
export type Buckets<Call extends string> = Partial<Record<Call, { burst: number; perSecond: number }>>;

/** Whether there is a token for the call, which it then takes. What has no bucket has no limit. */
export function createBuckets<Call extends string>(
  clock: Clock,
  terms: Buckets<Call>,
): (call: Call) => boolean {
  const filled = new Map<Call, { tokens: number; at: number }>();
  return (call) => {
    const bucket = terms[call];
    if (!bucket) return true;
    const now = clock.now();
    const last = filled.get(call) ?? { tokens: bucket.burst, at: now };
    const tokens = Math.min(bucket.burst, last.tokens + ((now - last.at) / 1000) * bucket.perSecond);
    filled.set(call, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1;
  };
}
