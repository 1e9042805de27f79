// The doors over HTTP: GitHub's webhook, a machine's claim and milestones; health and metrics for whoever watches.
// Everything from outside is bounded here, in size and in time; what it means is decided behind the doors.

import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { prometheusContentType } from '../../adapters/telemetry/prometheus/index.ts';
import type { Answer } from '../../flow/producer/answer.ts';
import { webhookBytesMax } from '../../flow/producer/webhook.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { Doors } from '../pipeline.ts';

export interface ServerDeps {
  doors: Pick<Doors, 'webhook' | 'claim' | 'milestone'>;
  telemetry: Telemetry;
  /** Rejects where something that is needed does not answer. */
  health: () => Promise<void>;
  metrics: () => Promise<string>;
}

export interface EmbeddedServer {
  readonly url: string;
  /** From now on new events are refused: GitHub notes them as failed, and the next start has them sent again. */
  stopTaking(): void;
  close(): Promise<void>;
}

type Env = { Bindings: HttpBindings };

/** A claim is a name and a token, a milestone a few words more. */
const machineBytesMax = 16 * 1024;

/**
 * Bodies that are being read, together: whoever sends many large ones at once, which needs no secret, must not fill the
 * memory. A few of the largest fit, and thousands of usual ones.
 */
const bodiesBytesMax = 4 * webhookBytesMax;
/** Events of jobs have some 20 KB: those are read however full it is. */
const usualBytesMax = 256 * 1024;

/** GitHub gives a receiver 10 s for everything; a machine behind a slow line gets a little more. */
const requestMsMax = 30_000;
const headersMsMax = 10_000;
/** GitHub and load balancers keep connections for a minute: closing first would cut a request on its way. */
const keepAliveMs = 65_000;
/** How often Node looks for requests that take too long. */
const checkConnectionsMs = 5_000;
/** Far more than GitHub and a few thousand machines open; each costs some KB. */
const connectionsMax = 5_000;
/** Answers under way may end when the server closes. */
const closeMs = 5_000;
const closeIdleMs = 20;

export async function startServer(
  deps: ServerDeps,
  address: { host: string; port: number },
): Promise<EmbeddedServer> {
  let isTaking = true;
  const listener = getRequestListener(createApp(deps, () => isTaking).fetch, {
    overrideGlobalObjects: false,
  });
  const server = createServer(
    {
      requestTimeout: requestMsMax,
      headersTimeout: headersMsMax,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: checkConnectionsMs,
    },
    (request, response) => void listener(request, response),
  );
  server.maxConnections = connectionsMax;
  await listen(server, address);
  return {
    url: urlOf(server, address.host),
    stopTaking: () => {
      isTaking = false;
    },
    close: () => close(server),
  };
}

function createApp({ doors, telemetry, health, metrics }: ServerDeps, isTaking: () => boolean): Hono<Env> {
  const app = new Hono<Env>();
  const held: Held = { bytes: 0 };

  app.post('/webhooks/github', async (c) => {
    if (!isTaking()) return stopping(c);
    const body = await readBody(c.env.incoming, webhookBytesMax, held);
    if (typeof body === 'string') return notRead(c, body, webhookBytesMax);
    const answer = await doors.webhook({
      signature: c.req.header('x-hub-signature-256') ?? null,
      event: c.req.header('x-github-event') ?? null,
      delivery: c.req.header('x-github-delivery') ?? null,
      body,
    });
    return respond(c, answer);
  });

  for (const [path, door] of [
    ['/runners/claim', doors.claim],
    ['/runners/milestones', doors.milestone],
  ] as const) {
    app.post(path, async (c) => {
      if (!isTaking()) return stopping(c);
      const body = await readBody(c.env.incoming, machineBytesMax, held);
      if (typeof body === 'string') return notRead(c, body, machineBytesMax);
      return respond(c, await door(parseJson(body)));
    });
  }

  for (const path of ['/webhooks/github', '/runners/claim', '/runners/milestones']) {
    app.all(path, (c) => {
      c.header('allow', 'POST');
      return respond(c, { status: 405, body: { message: 'this takes POST alone' } });
    });
  }

  app.get('/healthz', async (c) => {
    if (!isTaking()) return stopping(c);
    await health();
    return c.json({ status: 'ok' });
  });

  app.get('/metrics', async (c) => c.body(await metrics(), 200, { 'content-type': prometheusContentType }));

  app.notFound((c) => c.json({ message: 'there is nothing here' }, 404));

  app.onError((error, c) => {
    if (c.env.incoming.destroyed && !c.env.incoming.complete)
      return c.json({ message: 'the request broke off' }, 400);
    telemetry.log('error', 'a request failed', { path: c.req.path, error: String(error) });
    return c.json({ message: 'this went wrong here, and is in the log' }, 500);
  });
  return app;
}

function respond(c: Context<Env>, { status, body, retryAfterSeconds }: Answer): Response {
  if (retryAfterSeconds !== undefined) c.header('retry-after', String(retryAfterSeconds));
  c.header('content-type', 'application/json');
  return c.body(JSON.stringify(body), status as 200);
}

function stopping(c: Context<Env>): Response {
  return respond(c, { status: 503, body: { message: 'it is stopping' }, retryAfterSeconds: 10 });
}

/** What is still coming is not read: the connection goes with the answer. */
function notRead(c: Context<Env>, why: 'tooLarge' | 'full', bytesMax: number): Response {
  c.header('connection', 'close');
  if (why === 'full')
    return respond(c, { status: 503, body: { message: 'too much comes at once' }, retryAfterSeconds: 10 });
  return respond(c, { status: 413, body: { message: `the body is larger than ${bytesMax} bytes` } });
}

/** What is in memory of bodies that are not read to their ends. */
interface Held {
  bytes: number;
}

/**
 * `tooLarge`: told by its length before anything is read, else as soon as that is passed. `full`: all bodies together
 * are too large at this moment.
 */
async function readBody(
  incoming: IncomingMessage,
  bytesMax: number,
  held: Held,
): Promise<Buffer | 'tooLarge' | 'full'> {
  if (Number(incoming.headers['content-length'] ?? 0) > bytesMax) return 'tooLarge';
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    return await new Promise((resolve, reject) => {
      const giveUp = (why: 'tooLarge' | 'full') => {
        incoming.off('data', onData);
        incoming.pause();
        resolve(why);
      };
      const onData = (chunk: Buffer) => {
        bytes += chunk.length;
        held.bytes += chunk.length;
        if (bytes > bytesMax) giveUp('tooLarge');
        else if (bytes > usualBytesMax && held.bytes > bodiesBytesMax) giveUp('full');
        else chunks.push(chunk);
      };
      incoming.on('data', onData);
      incoming.once('end', () =>
        resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks)),
      );
      incoming.once('error', reject);
      incoming.once('close', () => {
        if (!incoming.complete) reject(new Error('the request broke off'));
      });
    });
  } finally {
    held.bytes -= bytes;
  }
}

/** `undefined` where it is none: the doors say what they take. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(refusedPort(error, host, port)));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function refusedPort(error: NodeJS.ErrnoException, host: string, port: number): Error {
  const at = `${host}:${port}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new Error(
        `port ${port} is in use on ${host}: stop what listens there, or set PORT to another one (0 takes any).`,
        { cause: error },
      );
    case 'EACCES':
      return new Error(`this user may not listen at ${at}: set PORT to one above 1023.`, { cause: error });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`HOST is ${host}, which is no address of this machine.`, { cause: error });
    default:
      return new Error(`can not listen at ${at}: ${error.message}`, { cause: error });
  }
}

function urlOf(server: Server, host: string): string {
  const { port } = server.address() as AddressInfo;
  const name =
    host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // A connection that was in use is idle, and kept, when its answer has gone.
    const idle = setInterval(() => server.closeIdleConnections(), closeIdleMs);
    const force = setTimeout(() => server.closeAllConnections(), closeMs);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(force);
      resolve();
    });
  });
}
