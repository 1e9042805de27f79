// A function with the image's program in it, for real: the stand-in of Lambda with environments that are processes, a claim
// door on the loopback, and a runner that a test writes. What changes nothing here but this computer's clock is real.

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../../ports/clock.ts';
import type { HostEvent } from '../../../../ports/host.ts';
import { readResult } from '../events.ts';
import { startEntry } from './entry.ts';
import { createEnvironments, type Environments } from './environment.ts';
import type { FunctionSettings, Platform, ResultEvent } from './platform.ts';
import { startLambdaStandIn } from './server.ts';

interface Knock {
  path: string;
  body: Record<string, unknown>;
}

interface DoorAnswer {
  status: number;
  body?: object;
  retryAfterSeconds?: number;
}

export interface FunctionWorld {
  /** Of the stand-in, for the SDK; the function's name is `runners-short`. */
  endpoint: string;
  claimUrl: string;
  platform: Platform;
  environments: Environments;
  knocks: Knock[];
  results: ResultEvent[];
  /** What the results say of runners. */
  ends: HostEvent[];
  output(): string;
  runnerFolder: string;
  writeRunner(script: string): void;
  /** As an invocation of the adapter's. */
  invoke(given?: { runner?: string; times?: number; change?: Record<string, unknown> }): string;
  milestones(): string[];
  claims(): Knock[];
  /** Until so many results are there. */
  ended(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface WorldSettings {
  clock: Clock;
  /** Where the programs are that the entry calls, as `PATH` has it. */
  path: string;
  claim: (knock: Knock, times: number) => DoorAnswer | Promise<DoorAnswer>;
  settings?: Partial<FunctionSettings>;
  /** Beside the function's own. */
  variables?: Readonly<Record<string, string>>;
  start?: typeof startEntry;
}

const functionName = 'runners-short';
const endMsMax = 120_000;

export async function makeFunctionWorld(given: WorldSettings): Promise<FunctionWorld> {
  const { clock, path, claim, settings = {}, variables = {}, start = startEntry } = given;
  const folder = mkdtempSync(join(tmpdir(), 'function-'));
  const runnerFolder = join(folder, 'actions-runner');
  mkdirSync(join(runnerFolder, 'externals'), { recursive: true });
  const knocks: Knock[] = [];
  const results: ResultEvent[] = [];
  const ends: HostEvent[] = [];
  let output = '';
  let claims = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const knock = { path: request.url ?? '', body: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
    knocks.push(knock);
    if (knock.path === '/runners/milestones') return void response.writeHead(202).end('{}');
    if (knock.path !== '/runners/claim') return void response.writeHead(404).end();
    claims += 1;
    const { status, body = {}, retryAfterSeconds } = await claim(knock, claims);
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    });
    response.end(JSON.stringify(body));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const claimUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/runners/claim`;
  const environments = createEnvironments({
    start: start({ runnerFolder, path }),
    variables,
    onOutput: (text) => {
      output += text;
    },
  });
  const standIn = await startLambdaStandIn({
    clock,
    functions: [
      {
        ...{ name: functionName, timeoutSeconds: 900, eventAgeSecondsMax: 60 },
        ...{ reservedConcurrency: null, tenantIsolation: true, program: environments.program },
        ...settings,
      },
    ],
    onResult: (event) => {
      results.push(event);
      const told = readResult(event);
      if (told) ends.push(told);
    },
  });
  const { platform } = standIn;
  const isTenant = settings.tenantIsolation ?? true;

  return {
    endpoint: standIn.endpoint,
    claimUrl,
    platform,
    environments,
    knocks,
    results,
    ends,
    output: () => output,
    runnerFolder,
    writeRunner: (script) => {
      writeFileSync(join(runnerFolder, 'run.sh'), script);
      chmodSync(join(runnerFolder, 'run.sh'), 0o755);
    },
    invoke: ({ runner = 'own1-fn-short-00000000000000000000000001', times = 1, change = {} } = {}) =>
      platform.enqueue(functionName, {
        payload: JSON.stringify({
          ...{ runner, attempt: 1, claimUrl, token: '1.the-token-of-a-test', lifetimeSeconds: 780 },
          ...change,
        }),
        tenantId: isTenant ? runner : null,
        times,
      }),
    milestones: () =>
      knocks
        .filter((knock) => knock.path === '/runners/milestones')
        .map(({ body }) => String(body['milestone'])),
    claims: () => knocks.filter((knock) => knock.path === '/runners/claim'),
    async ended(count) {
      const until = clock.now() + endMsMax;
      while (results.length < count) {
        if (clock.now() > until)
          throw new Error(`${results.length} of ${count} results after ${endMsMax} ms: ${output}`);
        await clock.sleep(10);
      }
    },
    async close() {
      await standIn.close();
      await environments.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
