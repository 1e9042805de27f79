// The simulated GitHub over HTTP: the routes that a GitHub App client, a runner and a webhook receiver see, so that
// the shipped ones talk to it unchanged. Every answer says that it is a stand-in. What only a stand-in has — to
// start a run, to look at everything — is below `/_simulator/`.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Cancel, Clock } from '../../../ports/clock.ts';
import { createJwtCheck } from './app-jwt.ts';
import { createControl } from './control.ts';
import { createHookSender } from './hook-sender.ts';
import { docsUrl, type ServerEnv } from './reply.ts';
import { createRest } from './rest.ts';
import { createRunnerDoor } from './runner-door.ts';
import { createTokens } from './tokens.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

export interface SimulatedGitHubOptions extends Omit<WorldOptions, 'urls' | 'deliver'> {
  /** PEM of the App's public key: what its JWTs are checked against. */
  publicKey: string;
  /** 0 (the default) takes a free one. */
  port?: number;
  host?: string;
  /** Where webhooks go; without it they fail. */
  webhookUrl?: string;
  /** How long each REST answer takes. */
  latencyMs?: number;
  /** What is below `/_simulator/` takes requests with `?key=` and this alone; the runners' door needs none. */
  controlKey?: string;
  /** Accounts, repositories and installations that are there from the start. */
  setUp?(world: World): void;
}

export interface SimulatedGitHub {
  /** `http://127.0.0.1:4000`; the API is here, and below `/api/v3` as an Enterprise Server has it. */
  readonly url: string;
  readonly world: World;
  setWebhookUrl(url: string): void;
  setLatency(latencyMs: number): void;
  /** Ends open long polls and connections too. */
  close(): Promise<void>;
}

export async function startSimulatedGitHub(options: SimulatedGitHubOptions): Promise<SimulatedGitHub> {
  const { clock, cancelAll } = createEndingClock(options.clock);
  const { random, host = '127.0.0.1', port = 0 } = options;
  let latencyMs = options.latencyMs ?? 0;
  let listener: ReturnType<typeof getRequestListener> | null = null;
  const server = createServer((request, response) => {
    if (listener) void listener(request, response);
    else response.writeHead(503).end();
  });
  await listen(server, port, host);
  const url = urlOf(server, host);

  const world = createWorld({ ...options, clock, urls: { api: url, web: url, runners: url } });
  let sender: ReturnType<typeof createHookSender> | null = null;
  let webhookUrl: string | null = null;
  const setWebhookUrl = (to: string): void => {
    webhookUrl = to;
    sender?.close();
    sender = createHookSender(to, world.settings.deliveryTimeoutMs);
    world.deliverTo(sender.deliver);
  };
  if (options.webhookUrl) setWebhookUrl(options.webhookUrl);
  options.setUp?.(world);

  const rest = createRest({
    world,
    checkJwt: createJwtCheck(options.publicKey, world.app.id),
    tokens: createTokens(clock, random),
    latencyMs: () => latencyMs,
    webhookUrl: () => webhookUrl,
    setWebhookUrl,
  });
  const runnerDoor = createRunnerDoor(world);
  const app = new Hono<ServerEnv>();
  app.route('/_simulator/runner', runnerDoor.routes);
  app.route('/_simulator', createControl(world, setWebhookUrl, options.controlKey ?? null));
  app.route('/api/v3', rest);
  app.route('/', rest);
  const standIn = { 'x-simulated-github': 'stand-in' };
  app.notFound((c) => c.json({ message: 'Not Found', documentation_url: docsUrl }, 404, standIn));
  app.onError((error, c) => c.json({ message: `Server Error: ${error.message}` }, 500, standIn));
  listener = getRequestListener(app.fetch);

  return {
    url,
    world,
    setWebhookUrl,
    setLatency(next) {
      latencyMs = next;
    },
    close() {
      runnerDoor.close();
      sender?.close();
      cancelAll();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    },
  };
}

/** The world has timers a day ahead: without this they would keep the process alive. */
function createEndingClock(clock: Clock): { clock: Clock; cancelAll(): void } {
  const open = new Set<Cancel>();
  const after = (delayMs: number, task: () => void): Cancel => {
    const cancel = clock.after(delayMs, () => {
      open.delete(cancel);
      task();
    });
    open.add(cancel);
    return () => {
      open.delete(cancel);
      cancel();
    };
  };
  const cancelAll = (): void => {
    for (const cancel of open) cancel();
    open.clear();
  };
  return { clock: { ...clock, now: () => clock.now(), after }, cancelAll };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function urlOf(server: Server, host: string): string {
  const address = server.address() as AddressInfo;
  const isAny = host === '0.0.0.0' || host === '::';
  return `http://${isAny ? '127.0.0.1' : host}:${address.port}`;
}
