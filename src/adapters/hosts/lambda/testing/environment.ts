// Execution environments as processes: each has the Runtime API on a port of its own, and runs the program of an image
// with the environment variables that Lambda gives it, and nothing else. An environment is used again for the same tenant,
// or for anybody where there are no tenants, as soon as its program asks for the next invocation; a program that dies is
// started again, with what it left in its folder. [Lambda: execution environment]

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Invocation, Program, Result } from './platform.ts';

/** What is started in an environment, given the folder that it can write to. */
export type StartProgram = (given: { scratch: string; variables: Readonly<Record<string, string>> }) => {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
};

export interface EnvironmentSettings {
  start: StartProgram;
  /** As the function's own variables. */
  variables?: Readonly<Record<string, string>>;
  onOutput?: (text: string) => void;
}

export interface Environments {
  program: Program;
  /** How many were made: one for each cold start. */
  made(): number;
  /** As any process in an environment can: asks the Runtime API of the one that runs this invocation. */
  apiOf(requestId: string): string;
  close(): Promise<void>;
}

/** Looks like credentials, so that a test finds them wherever they end up. */
export const roleCredentials = {
  AWS_ACCESS_KEY_ID: 'ASIAROLEOFTHEFUNCTION',
  AWS_SECRET_ACCESS_KEY: 'the-secret-of-the-role',
  AWS_SESSION_TOKEN: 'the-session-of-the-role',
};

interface Environment {
  tenantId: string | null;
  api: string;
  isIdle: boolean;
  run(invocation: Invocation): ReturnType<Program>;
  close(): Promise<void>;
}

export function createEnvironments(settings: EnvironmentSettings): Environments {
  const all = new Set<Environment>();
  const byRequest = new Map<string, Environment>();
  let isClosed = false;

  return {
    program(invocation) {
      const idle = [...all].find((one) => one.isIdle && one.tenantId === invocation.tenantId);
      const ready = idle ? Promise.resolve(idle) : open(settings, invocation.tenantId);
      if (idle) idle.isIdle = false;
      let isKilled = false;
      const running = ready.then((environment) => {
        all.add(environment);
        if (isClosed) void environment.close();
        byRequest.set(invocation.requestId, environment);
        const started = environment.run(invocation);
        if (isKilled) started.kill();
        return started;
      });
      return {
        result: running.then(({ result }) => result),
        free: running.then(({ free }) => free),
        kill: () => {
          isKilled = true;
          void running.then(({ kill }) => kill());
        },
      };
    },
    made: () => all.size,
    apiOf: (requestId) => byRequest.get(requestId)?.api ?? '',
    async close() {
      isClosed = true;
      await Promise.all([...all].map((environment) => environment.close()));
    },
  };
}

interface Current {
  invocation: Invocation;
  isHandedOut: boolean;
  isAnswered: boolean;
  settle(result: Result): void;
  release(): void;
}

async function open(settings: EnvironmentSettings, tenantId: string | null): Promise<Environment> {
  const scratch = mkdtempSync(join(tmpdir(), 'lambda-'));
  let current: Current | null = null;
  let waiting: ServerResponse | null = null;
  let child: ChildProcess | null = null;
  let isClosed = false;

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').replace('/2018-06-01/runtime/', '');
    if (request.method === 'GET' && path === 'invocation/next') {
      next(response);
      return;
    }
    const [, requestId, kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
    const body = await bodyOf(request);
    const last = current;
    if (request.method !== 'POST' || kind === undefined)
      reply(response, 404, 'InvalidRequest', 'no such path');
    else if (!last?.isHandedOut || last.isAnswered)
      reply(response, 403, 'InvalidStateTransition', `Transition to ${kind} is not allowed`);
    else if (requestId !== last.invocation.requestId)
      reply(response, 400, 'InvalidRequestID', 'Invalid request ID');
    else answered(response, last, kind === 'response' ? { kind: 'answered', payload: body } : failure(body));
  };

  function answered(response: ServerResponse, last: Current, result: Result): void {
    last.isAnswered = true;
    last.settle(result);
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
  }

  /** Who asks for the next has done with the last: only then is the environment free. */
  function next(response: ServerResponse): void {
    if (current && !current.isAnswered && current.isHandedOut) {
      reply(response, 403, 'InvalidStateTransition', 'Transition to next is not allowed');
      return;
    }
    if (current?.isAnswered) {
      const { release } = current;
      current = null;
      environment.isIdle = true;
      release();
    }
    waiting = response;
    response.once('close', () => {
      if (waiting === response) waiting = null;
    });
    handOut();
  }

  function handOut(): void {
    if (!current || current.isHandedOut || !waiting) return;
    current.isHandedOut = true;
    const { requestId, deadlineAt, payload, functionArn } = current.invocation;
    waiting.writeHead(200, {
      'content-type': 'application/json',
      'Lambda-Runtime-Aws-Request-Id': requestId,
      'Lambda-Runtime-Deadline-Ms': String(deadlineAt),
      'Lambda-Runtime-Invoked-Function-Arn': functionArn,
      'Lambda-Runtime-Trace-Id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0',
      ...(tenantId !== null && { 'Lambda-Runtime-Aws-Tenant-Id': tenantId }),
    });
    waiting.end(payload);
    waiting = null;
  }

  const server: Server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  function startProgram(): void {
    const { command, args, env } = settings.start({ scratch, variables: variablesFor(settings, api) });
    const started = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    child = started;
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk: Buffer) => settings.onOutput?.(String(chunk)));
    started.once('error', () => ended('could not be started'));
    started.once('exit', (code, signal) => {
      if (child === started) ended(signal === null ? `exit status ${code}` : `signal: ${signal}`);
    });
  }

  function ended(how: string): void {
    child = null;
    const last = current;
    current = null;
    waiting = null;
    if (last) {
      const errorMessage = `RequestId: ${last.invocation.requestId} Error: Runtime exited with error: ${how}`;
      last.settle({ kind: 'failed', errorType: 'Runtime.ExitError', errorMessage });
      environment.isIdle = !isClosed;
      last.release();
    }
  }

  function killAll(): void {
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It ended at this moment.
    }
  }

  const environment: Environment = {
    tenantId,
    api,
    isIdle: false,
    run(invocation) {
      const settled = Promise.withResolvers<Result>();
      const released = Promise.withResolvers<void>();
      current = {
        invocation,
        isHandedOut: false,
        isAnswered: false,
        settle: settled.resolve,
        release: released.resolve,
      };
      if (!child) startProgram();
      handOut();
      return { result: settled.promise, free: released.promise, kill: killAll };
    },
    async close() {
      isClosed = true;
      killAll();
      current?.release();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return environment;
}

/** [Lambda: Defined runtime environment variables] */
function variablesFor({ variables = {} }: EnvironmentSettings, api: string): Record<string, string> {
  return {
    ...variables,
    ...roleCredentials,
    AWS_LAMBDA_RUNTIME_API: api,
    AWS_LAMBDA_FUNCTION_NAME: 'runners',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/25/[$LATEST]0',
    AWS_REGION: 'eu-west-1',
    AWS_DEFAULT_REGION: 'eu-west-1',
    _X_AMZN_TRACE_ID: 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0',
    LAMBDA_TASK_ROOT: '/var/task',
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    TZ: ':UTC',
  };
}

function failure(body: string): Result {
  try {
    const { errorType = '', errorMessage = '' } = JSON.parse(body) as Record<string, string>;
    return { kind: 'failed', errorType, errorMessage };
  } catch {
    return { kind: 'failed', errorType: 'Unknown', errorMessage: body };
  }
}

function reply(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ errorType, errorMessage }));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
