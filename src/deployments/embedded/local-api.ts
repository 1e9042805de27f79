// What the `runners` command talks to: a port of the loopback of its own, so that whatever stands before the public one
// never leads here, and a token that only the owner of the data directory can read. A file there says both.

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import { partsOfLog } from '../../adapters/hosts/local/bounded-log.ts';
import type { GitHubName } from '../../core/ids.ts';
import { jobKey, parseRunnerName } from '../../core/ids.ts';
import type { Operator, PoolChange } from '../../flow/operator/operator.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { type LocalApiAddress, localApiAddress, localApiFile } from './local-api-file.ts';
import type { Redriven } from './redrive.ts';

export interface LocalApiDeps {
  operator: Operator;
  gitHubName: GitHubName;
  dataDirectory: string;
  telemetry: Telemetry;
  redrive: (queue: string | null) => Redriven;
}

export interface LocalApi {
  readonly url: string;
  close(): Promise<void>;
}

const tokenBytes = 32;
const ownersOnly = 0o600;
const loopback = '127.0.0.1';
/** A log of a local runner loses its middle long before; the end is what is wanted. */
const logBytesMax = 1024 * 1024;

const jobsQuery = z.object({
  pool: z.string().max(64).optional(),
  repository: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

const poolChange: z.ZodType<PoolChange> = z.union([
  z.strictObject({ paused: z.boolean() }),
  z.strictObject({ limitNow: z.number().int().min(0).max(100_000).nullable() }),
]);

export async function startLocalApi(deps: LocalApiDeps): Promise<LocalApi> {
  const file = join(deps.dataDirectory, localApiFile);
  const token = (await readToken(file)) ?? randomBytes(tokenBytes).toString('base64url');
  const listener = getRequestListener(createApp(deps, token).fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => void listener(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, loopback, resolve);
  });
  const url = `http://${loopback}:${(server.address() as AddressInfo).port}`;
  await writeAddress(file, { url, token });
  return {
    url,
    async close() {
      await writeAddress(file, { url: null, token });
      await closeServer(server);
    },
  };
}

function createApp(deps: LocalApiDeps, token: string): Hono {
  const { operator, gitHubName, telemetry } = deps;
  const app = new Hono();
  app.use(async (c, next) => {
    const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1] ?? '';
    if (!isSame(given, token)) return c.json({ message: `the token of ${localApiFile} is needed` }, 401);
    return next();
  });
  app.get('/status', async (c) => c.json(await operator.status()));
  app.get('/jobs', async (c) => {
    const query = jobsQuery.safeParse(c.req.query());
    if (!query.success) return c.json({ message: z.prettifyError(query.error) }, 400);
    const { pool = null, repository = null, limit } = query.data;
    return c.json(await operator.jobs({ pool, repository, limit }));
  });
  app.get('/jobs/:id', async (c) => {
    const id = Number(c.req.param('id'));
    const why = Number.isSafeInteger(id) ? await operator.why(jobKey(gitHubName, id)) : null;
    return why ? c.json(why) : c.json({ message: 'no such job is known' }, 404);
  });
  app.post('/pools/:name', async (c) => {
    const change = poolChange.safeParse(await c.req.json().catch(() => null));
    if (!change.success) return c.json({ message: z.prettifyError(change.error) }, 400);
    const pool = await operator.changePool(c.req.param('name'), change.data);
    if (!pool) return c.json({ message: 'no such pool is configured' }, 404);
    telemetry.log('info', 'an operator changed a pool', { pool: pool.name, ...change.data });
    return c.json(pool);
  });
  app.get('/runners/:name/log', async (c) => {
    const name = c.req.param('name');
    const log = parseRunnerName(name) ? await readEnd(join(deps.dataDirectory, 'logs', `${name}.log`)) : null;
    return log === null ? c.json({ message: 'no log of such a runner is here' }, 404) : c.body(log);
  });
  app.post('/redrive', (c) => {
    const redriven = deps.redrive(c.req.query('queue') ?? null);
    return redriven.outcome === 'redriven' ? c.json(redriven.queues) : c.json(redriven.names, 404);
  });
  app.notFound((c) => c.json({ message: 'there is nothing here' }, 404));
  app.onError((error, c) => {
    telemetry.log('error', 'a question of an operator was not answered', { error: String(error) });
    return c.json({ message: 'this went wrong here, and is in the log' }, 500);
  });
  return app;
}

/** From an earlier start: whoever has it keeps it. */
async function readToken(file: string): Promise<string | null> {
  try {
    return localApiAddress.parse(JSON.parse(await readFile(file, 'utf8'))).token;
  } catch {
    return null;
  }
}

async function readEnd(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const parts = await Promise.all(partsOfLog(path).map(readPart));
  if (parts[0] === null) return null;
  const whole = Buffer.concat(parts.filter((part) => part !== null));
  return whole.subarray(Math.max(0, whole.length - logBytesMax));
}

async function readPart(path: string): Promise<Uint8Array | null> {
  const file = await open(path).catch(() => null);
  if (file === null) return null;
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - logBytesMax);
    const { bytesRead, buffer } = await file.read(new Uint8Array(size - from), 0, size - from, from);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function isSame(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Moved into place: never half of it, and never readable by others, whatever was there before. */
async function writeAddress(file: string, address: LocalApiAddress): Promise<void> {
  const unfinished = `${file}.${process.pid}`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, `${JSON.stringify(address)}\n`, { mode: ownersOnly, flag: 'wx' });
  await rename(unfinished, file);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
