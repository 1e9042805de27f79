// The HTTP API's address on this machine. The emulator tells its APIs apart by host names that a program on this
// machine can not look up, so this passes everything on to the one API of the deployment, and the API's own routes
// decide. What it adds is what AWS has and the emulator has not: an integration that is busy is waited for, in a line
// of a bounded length, since each call there at one time starts a process of its own.

import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Gateway {
  url: string;
  /** Once the API is there; before that everything is answered 503. */
  open(apiId: string): void;
  stop(): Promise<void>;
}

/** Calls at one time: each function then has this many processes at most, of 60 MB each. */
const callsMax = 8;

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

  function pass(incoming: IncomingMessage, outgoing: ServerResponse, base: string): void {
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
        const { connection: _, ...answered } = answer.headers;
        outgoing.writeHead(answer.statusCode ?? 502, answered);
        answer.pipe(outgoing);
      },
    );
    passed.once('error', (error) => {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end(String(error));
    });
    incoming.pipe(passed);
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
