// The HTTP API's address on this machine. The emulator tells its APIs apart by host names that a program on this
// machine can not look up, so this passes everything on to the one API of the deployment, and the API's own routes
// decide. The emulator starts a process for each call at one time, so that calls wait here in a line, of which a caller
// that has gone away is taken out.

import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Gateway {
  url: string;
  /** Once the API is there; before that everything is answered 503. */
  open(apiId: string): void;
  stop(): Promise<void>;
}

/** Calls at one time: each door then has this many processes at most, of 60 MB each. */
const callsMax = 4;
/** Whoever comes later is told to come again, as API Gateway tells it. */
const lineMax = 2_000;

export async function startGateway(endpoint: string): Promise<Gateway> {
  const to = new URL(endpoint);
  const agent = new Agent({ keepAlive: true, maxSockets: callsMax });
  let path: string | null = null;

  const server = createServer((incoming, outgoing) => {
    if (path === null) {
      outgoing.writeHead(503).end('the HTTP API is not deployed yet');
      return;
    }
    pass(incoming, outgoing, path);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  let inWork = 0;
  const line: (() => void)[] = [];

  function pass(incoming: IncomingMessage, outgoing: ServerResponse, base: string): void {
    if (line.length >= lineMax) {
      outgoing.writeHead(429, { 'retry-after': '1' }).end('Too Many Requests');
      return;
    }
    const begin = (): void => {
      inWork += 1;
      // A function that was started goes on though nobody waits for it any more, and so keeps its place.
      forward(incoming, outgoing, base).once('close', () => {
        inWork -= 1;
        line.shift()?.();
      });
    };
    if (inWork < callsMax) {
      begin();
      return;
    }
    line.push(begin);
    outgoing.once('close', () => {
      const at = line.indexOf(begin);
      if (at >= 0) line.splice(at, 1);
    });
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, base: string): ClientRequest {
    const { method, url = '/', headers } = incoming;
    const passed = request(
      {
        host: to.hostname,
        port: to.port,
        method,
        path: base + url,
        headers: { ...headers, host: to.host },
        agent,
      },
      (answer) => {
        if (outgoing.destroyed) {
          answer.resume();
          return;
        }
        const { connection: _, ...answered } = answer.headers;
        outgoing.writeHead(answer.statusCode ?? 502, answered);
        answer.pipe(outgoing);
        outgoing.once('close', () => answer.resume());
      },
    );
    passed.once('error', (error) => {
      if (outgoing.destroyed) return;
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end(String(error));
    });
    // Whole or not at all: what its sender cut off is no call.
    incoming.once('aborted', () => passed.destroy());
    incoming.pipe(passed);
    return passed;
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open(apiId) {
      path = `/_aws/execute-api/${apiId}/$default`;
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}
