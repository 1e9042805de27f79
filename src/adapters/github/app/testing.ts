// A GitHub of a few lines, for tests of how requests are made: it answers what a test tells it to, and remembers
// what it was asked. What GitHub means by its answers is tested by the port's contract.

import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock, EpochMs } from '../../../ports/clock.ts';

export interface StubRequest {
  method: string;
  /** With the query. */
  path: string;
  authorization: string;
  body: Record<string, unknown>;
}

type StubAnswer =
  | { status: number; headers?: Record<string, string>; body?: unknown; delayMs?: number }
  /** No answer, ever: the caller's time-out has to end it. */
  | 'silence'
  /** The connection breaks after the request was read. */
  | 'break'
  /** The answer begins and breaks off in its body. */
  | 'breakInBody';

export interface StubGitHub {
  url: string;
  /** All but those for tokens. */
  requests: StubRequest[];
  tokenRequests: number;
  /** Requests being answered at this moment, and the most there ever were. */
  atOnce: { now: number; most: number };
  answer: (request: StubRequest) => StubAnswer;
  answerToken: (installation: number) => StubAnswer;
  close(): Promise<void>;
}

export async function startStubGitHub(clock: Clock): Promise<StubGitHub> {
  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => handle(request, response, body),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const stub: StubGitHub = {
    url: `http://127.0.0.1:${port}`,
    requests: [],
    tokenRequests: 0,
    atOnce: { now: 0, most: 0 },
    answer: () => ({ status: 404, body: { message: 'Not Found' } }),
    answerToken: () => {
      const expires_at = new Date(clock.now() + 3_600_000).toISOString();
      return { status: 201, body: { token: `ghs_token${stub.tokenRequests}`, expires_at } };
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  function handle(request: IncomingMessage, response: ServerResponse, body: string): void {
    const asked: StubRequest = {
      method: request.method ?? '',
      path: request.url ?? '',
      authorization: request.headers.authorization ?? '',
      body: body === '' ? {} : JSON.parse(body),
    };
    const tokenOf = /\/app\/installations\/(\d+)\/access_tokens$/.exec(asked.path)?.[1];
    if (tokenOf === undefined) stub.requests.push(asked);
    else stub.tokenRequests += 1;
    stub.atOnce.now += 1;
    stub.atOnce.most = Math.max(stub.atOnce.most, stub.atOnce.now);
    response.once('close', () => {
      stub.atOnce.now -= 1;
    });
    send(response, tokenOf === undefined ? stub.answer(asked) : stub.answerToken(Number(tokenOf)));
  }
  return stub;
}

function send(response: ServerResponse, answer: StubAnswer): void {
  if (answer === 'silence') return;
  if (answer === 'break') {
    response.destroy();
    return;
  }
  if (answer === 'breakInBody') {
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"runner":', () => response.destroy());
    return;
  }
  const reply = () => {
    response.writeHead(answer.status, {
      'content-type': 'application/json; charset=utf-8',
      ...answer.headers,
    });
    response.end(answer.body === undefined ? undefined : jsonOf(answer.body));
  };
  if (answer.delayMs === undefined) reply();
  else setTimeout(reply, answer.delayMs);
}

/** A body that is text already is sent as it is: it may hold numbers that JavaScript can't. */
function jsonOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

export interface TestClock extends Clock {
  /** Lets time pass, and fires what falls due. */
  pass(ms: number): void;
  /** Timers that were neither cancelled nor fired. */
  pending(): number;
  /** How long was slept, call by call. */
  slept: number[];
}

/** Its time passes when a test says so, and in a sleep: that is over at once, and the clock has moved on. */
export function createTestClock(startMs: EpochMs): TestClock {
  let nowMs = startMs;
  const timers = new Set<{ at: EpochMs; task: () => void }>();
  const slept: number[] = [];

  function pass(ms: number): void {
    nowMs += ms;
    for (const timer of [...timers]) {
      if (timer.at > nowMs) continue;
      timers.delete(timer);
      timer.task();
    }
  }

  return {
    slept,
    pass,
    pending: () => timers.size,
    now: () => nowMs,
    after(delayMs, task) {
      const timer = { at: nowMs + delayMs, task };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    sleep(delayMs) {
      slept.push(delayMs);
      pass(delayMs);
      return Promise.resolve();
    },
  };
}

let made: string | null = null;

/** A key of a test's own, made once in a process. */
export function testPrivateKey(): string {
  made ??= generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  }).privateKey;
  return made;
}
