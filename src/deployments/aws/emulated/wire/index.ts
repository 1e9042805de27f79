// The wire between the functions and the emulator: every call of an SDK passes here, is written down, and may meet a
// fault. It changes nothing else: signatures are made for its own address, and the emulator is told that address. Calls
// of a service that has a stand-in of its own go there instead.

import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tlsHeader } from '../connection.ts';
import { type Call, callOf, type Request } from './call.ts';
import { type Answer, type Fault, matches, refusal } from './faults.ts';

export type { Fault } from './faults.ts';

export interface RecordedCall extends Call {
  /** Of HTTP; `null` where no answer was given. */
  status: number | null;
  /** The error's code, where the answer is one. */
  error: string | null;
  /** By a fault that was put in. */
  injected: boolean;
  /** Since the wire began, and how long the answer took. */
  atMs: number;
  tookMs: number;
}

export interface Wire {
  url: string;
  /** Since the start, or since they were last forgotten. */
  calls(): readonly RecordedCall[];
  forget(): void;
  /** Counts the hits; a fault that is removed hits no more. */
  inject(fault: Fault): { hits(): number; remove(): void };
  /** Whoever asks this service, as requests are signed for it, asks at this address from now on. */
  route(service: string, url: string): void;
  stop(): Promise<void>;
}

/** SQS's largest batch is 1 MiB, DynamoDB's transaction 4 MB; nothing that functions send is larger. */
const bodyBytesMax = 6 * 1024 * 1024;

/** As many as functions ever have open together. */
const socketsMax = 256;

export async function startWire(target: string): Promise<Wire> {
  const emulator = new URL(target);
  const routes = new Map<string, URL>();
  const agent = new Agent({ keepAlive: true, maxSockets: socketsMax });
  const faults = new Set<{ fault: Fault; seen: number; hits: number }>();
  let calls: RecordedCall[] = [];
  const beganAt = performance.now();

  const server = createServer((incoming, outgoing) => {
    pass(incoming, outgoing).catch((error: unknown) => {
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(502).end(String(error));
    });
  });
  // The SDK keeps connections, and one that is closed as it is used again is a failed call.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const { method = 'GET', url: path = '/', headers } = incoming;
    const asked: Request = { method, path, headers, body };
    const call = callOf(asked);
    const fault = faultFor(call);
    const atMs = performance.now() - beganAt;
    const write = (status: number | null, error: string | null) => {
      const tookMs = performance.now() - beganAt - atMs;
      calls.push({ ...call, status, error, injected: fault !== null, atMs, tookMs });
    };
    if (fault !== null && fault.kind !== 'lostAnswer' && fault.kind !== 'heldAnswer') {
      const answer = refusal(fault.kind, call, body);
      write(answer.status, answer.status < 400 ? null : errorOf(answer.body));
      outgoing.writeHead(answer.status, answer.headers).end(answer.body);
      return;
    }
    const answer = await forward(routes.get(call.service) ?? emulator, asked, incoming.rawHeaders);
    if (fault !== null) {
      write(null, null);
      if (fault.kind === 'lostAnswer') incoming.socket.destroy();
      return;
    }
    write(answer.status, answer.status < 400 ? null : errorOf(answer.body));
    outgoing.writeHead(answer.status, answer.headers).end(answer.body);
  }

  function faultFor(call: Call): Fault | null {
    for (const one of faults) {
      if (one.hits >= one.fault.times || !matches(one.fault, call)) continue;
      one.seen += 1;
      if (one.seen % (one.fault.every ?? 1) !== 0) continue;
      one.hits += 1;
      return one.fault;
    }
    return null;
  }

  function forward(to: URL, { method, path, body }: Request, rawHeaders: readonly string[]): Promise<Answer> {
    const headers = [...rawHeaders, ...Object.entries(tlsHeader).flat()];
    return new Promise((resolve, reject) => {
      const passed = request({ host: to.hostname, port: to.port, method, path, headers, agent }, (answer) => {
        bodyOf(answer).then((text) => {
          const { 'transfer-encoding': _, connection: __, ...headers } = answer.headers;
          resolve({
            status: answer.statusCode ?? 502,
            headers: headers as Record<string, string>,
            body: text.toString('utf8'),
          });
        }, reject);
      });
      passed.once('error', reject);
      passed.end(body);
    });
  }

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    forget() {
      calls = [];
    },
    inject(fault) {
      const one = { fault, seen: 0, hits: 0 };
      faults.add(one);
      return { hits: () => one.hits, remove: () => void faults.delete(one) };
    },
    route: (service, url) => void routes.set(service, new URL(url)),
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`a message of more than ${bodyBytesMax} bytes passed the wire`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** JSON names it with its namespace before a `#`; XML in `<Code>`. Of a transaction, why, without what did not matter. */
function errorOf(body: string): string {
  const reasons = [...body.matchAll(/"Code"\s*:\s*"(\w+)"/g)].flatMap(([, code]) =>
    code === 'None' ? [] : code,
  );
  const why = body.includes('CancellationReasons') ? ` (${[...new Set(reasons)].join(', ')})` : '';
  return nameOf(body) + why;
}

function nameOf(body: string): string {
  const named = /"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"/.exec(body) ?? /<Code>([^<]+)<\/Code>/.exec(body);
  return named?.[1] ?? 'unknown';
}
