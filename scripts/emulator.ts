// An emulator as a process of this machine's user: on a port of the loopback that is free, and gone with whoever
// started it. What it needs is installed once into the user's cache, in a folder named by its version.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Emulator {
  endpoint: string;
  stop(): Promise<void>;
}

export interface EmulatorCommand {
  name: string;
  command: string;
  args: (port: number) => string[];
  env?: (port: number) => Record<string, string>;
  /** A path that answers as soon as it can be used. */
  readyPath: string;
}

/** Python imports a great deal on a busy machine. */
const startMsMax = 60_000;
const askAgainMs = 50;
/** After this it is killed: it keeps nothing that would be lost. */
const stopMsMax = 5_000;
/** Of what it printed, for the error when it does not start. */
const outputKept = 4_000;

const cacheFolder = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'aws-github-actions-runner',
);

export async function startEmulator(given: EmulatorCommand): Promise<Emulator> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const child = spawn(given.command, given.args(port), {
    env: { ...process.env, ...given.env?.(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what it has started ends with it, however it ends.
    detached: true,
  });
  let output = '';
  const listen = (chunk: Buffer) => {
    output = (output + chunk).slice(-outputKept);
  };
  child.stdout.on('data', listen);
  child.stderr.on('data', listen);
  let failure: Error | null = null;
  child.once('error', (error) => {
    failure = error;
  });
  const killWithUs = () => killGroup(child);
  process.once('exit', killWithUs);
  const stop = async () => {
    process.removeListener('exit', killWithUs);
    await end(child);
  };

  for (const deadline = Date.now() + startMsMax; Date.now() < deadline; await sleep(askAgainMs)) {
    if (failure !== null || child.exitCode !== null) break;
    if (await answers(endpoint + given.readyPath)) return { endpoint, stop };
  }
  await stop();
  throw new Error(`${given.name} did not start on port ${port} (exit code ${child.exitCode}): ${output}`, {
    cause: failure,
  });
}

/**
 * The folder of what `install` made, which is `name` with its version. It is made beside and moved into place when it
 * is whole, so that an install that was cut off is no install.
 */
export async function installed(name: string, install: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheFolder, name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(dirname(unfinished), { recursive: true });
  try {
    await install(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // Somebody else was faster.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** Runs a program to its end, as one that can wait: builds take all of a machine otherwise. */
export async function run(command: string, args: readonly string[]): Promise<void> {
  const child = spawn('nice', ['-n', '10', command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = (output + chunk).slice(-outputKept);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

/** Politely, then for good. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = new Promise<void>((resolve) => void child.once('close', () => resolve()));
  child.kill('SIGTERM');
  const killer = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
  await ended;
  clearTimeout(killer);
  killGroup(child);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === 'string') reject(new Error('no port was given'));
        else resolve(address.port);
      });
    });
  });
}
