// The system as a process of its own, as `make start` starts it, so that it can be killed; its runners are real
// processes with the stand-in runner, counted by what the operating system says.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { SimulatedGitHub } from '../../src/adapters/github/simulated/server.ts';
import { appId, appKeys, webhookSecret } from './harness.ts';

const mainProgram = fileURLToPath(new URL('../../src/deployments/embedded/main.ts', import.meta.url));
const runnerProgram = fileURLToPath(
  new URL('../../src/adapters/github/simulated/runner.ts', import.meta.url),
);

/** The command of a pool whose runners are stand-ins. */
export const standIn = [execPath, runnerProgram];

export interface Child {
  readonly pid: number;
  readonly url: string;
  /** All that it said, lines of JSON. */
  said(): string;
  /** SIGKILL: nothing is tidied up. */
  kill(): Promise<void>;
  /** SIGTERM; the exit status. */
  stop(): Promise<number | null>;
}

export interface ChildOptions {
  gitHub: SimulatedGitHub;
  /** As written; it may be wrong. */
  configuration: unknown;
  directory: string;
  environment?: Record<string, string>;
}

/** Resolves when it serves; rejects with what it said where it ends before. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const child = spawnChild(options);
  let said = '';
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      const place = /"webhooks":"([^"]+)\/webhooks\/github"/.exec(said)?.[1];
      if (place) resolve(place);
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${said}`)));
  });
  options.gitHub.setWebhookUrl(`${url}/webhooks/github`);
  return {
    pid: child.pid ?? 0,
    url,
    said: () => said,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
}

/** Runs it to its end, for starts that are refused. */
export async function runChild(options: ChildOptions): Promise<{ status: number | null; said: string }> {
  const child = spawnChild(options);
  let said = '';
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
  }
  const status = await new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return { status, said };
}

function spawnChild({ gitHub, configuration, directory, environment = {} }: ChildOptions): ChildProcess {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'runners.config.json');
  writeFileSync(file, JSON.stringify(configuration));
  return spawn(execPath, [mainProgram], {
    // No `.env` of the project is read.
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      GITHUB_APP_ID: String(appId),
      GITHUB_APP_PRIVATE_KEY: Buffer.from(appKeys.privateKey).toString('base64'),
      GITHUB_WEBHOOK_SECRET: webhookSecret,
      GITHUB_API_URL: gitHub.url,
      RUNNERS_CONFIG: file,
      DATA_DIR: join(directory, 'data'),
      PORT: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Numbers of the stand-in runners that live and belong to this directory. */
export function runnerProcesses(directory: string): number[] {
  const found = existsSync('/proc/self/environ') ? byProc(directory) : byPs(directory);
  // A runner that starts a step is two processes for a moment, until the new one becomes the step's shell.
  return [...found].filter(([, parent]) => !found.has(parent)).map(([pid]) => pid);
}

/** Each with its parent. */
type Found = ReadonlyMap<number, number>;

function byProc(directory: string): Found {
  const entries = readdirSync('/proc').flatMap((entry): [number, number][] => {
    const pid = Number(entry);
    if (!Number.isInteger(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (command[0] !== execPath || command[1] !== runnerProgram) return [];
      if (!readFileSync(`/proc/${pid}/environ`, 'utf8').includes(directory)) return [];
      const parent = /\) . (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
      return [[pid, Number(parent)]];
    } catch {
      // It has ended meanwhile, or is a stranger's.
      return [];
    }
  });
  return new Map(entries);
}

function byPs(directory: string): Found {
  const columns = ['-o', 'pid=,ppid=,command='];
  const { stdout } = spawnSync('ps', ['-E', '-A', '-ww', ...columns], { encoding: 'utf8' });
  const lines = stdout
    .split('\n')
    .filter((line) => line.includes(`${execPath} ${runnerProgram}`) && line.includes(directory));
  return new Map(
    lines.map((line) => line.trim().split(/\s+/).map(Number)).map(([pid = 0, parent = 0]) => [pid, parent]),
  );
}

/** Looks again and again how many runners live, until it is stopped; answers the most it ever saw. */
export function watchProcesses(directory: string): { most(): number; stop(): void } {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, runnerProcesses(directory).length);
  }, watchMs);
  return { most: () => most, stop: () => clearInterval(timer) };
}

/** A runner lives for half a second at the least; a look reads a few hundred small files. */
const watchMs = 50;
