// Starts the keeper of a runner and waits for its first word.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../../ports/clock.ts';
import type { KeeperAnswer, KeeperInstructions } from './keeper-protocol.ts';

const keeperProgram = fileURLToPath(new URL('./keeper.ts', import.meta.url));

/** It holds a few buffers: the heap of a keeper needs no room to grow, and there may be a hundred of them. */
const nodeOptions = ['--max-old-space-size=32', '--max-semi-space-size=1'];

export type FirstWord =
  | { said: KeeperAnswer; child: ChildProcess }
  /** It has ended, or could not be started. */
  | { said: 'nothing'; why: string; code: string | null };

/** `patienceMs` over, it is killed; the answer comes when it has ended. */
export function startKeeper(
  name: string,
  instructions: KeeperInstructions,
  cacheFolder: string,
  patienceMs: number,
  clock: Clock,
): Promise<FirstWord> {
  const child = spawnKeeper(name, instructions.logPath, cacheFolder);
  const { stdin, stdout } = child;
  assert.ok(stdin && stdout, 'a process started with pipes has them');
  return new Promise((resolve) => {
    let heard = '';
    let why = 'its keeper ended at once';
    const cancel = clock.after(patienceMs, () => {
      why = `its keeper did not start within ${patienceMs} ms`;
      child.kill('SIGKILL');
    });
    child.once('error', (error) => {
      cancel();
      resolve({
        said: 'nothing',
        why: `its keeper could not be started: ${error.message}`,
        code: codeOf(error),
      });
    });
    child.once('exit', (status, by) => {
      cancel();
      resolve({ said: 'nothing', why: `${why} (${by ?? `exit status ${status}`})`, code: null });
    });
    stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      const said = heard.trimEnd();
      if (said !== 'kept' && said !== 'taken') return;
      cancel();
      // It goes on by itself; neither it nor its pipes keep our process from ending.
      stdout.destroy();
      child.unref();
      resolve({ said, child });
    });
    stdin.on('error', () => {});
    stdin.end(JSON.stringify(instructions));
  });
}

function spawnKeeper(name: string, logPath: string, cacheFolder: string): ChildProcess {
  // Its own complaints go where people look for the runner's.
  const complaints = openSync(logPath, 'a', 0o600);
  try {
    // A session of its own: a Ctrl-C at our terminal is none of its business. Nothing of our environment, and the
    // instructions by a pipe: arguments and environments can be read by others.
    return spawn(execPath, [...nodeOptions, keeperProgram, name], {
      cwd: '/',
      // Without it each keeper would strip the types anew: 80 ms and 12 MB more, measured on Node 24.
      env: { NODE_COMPILE_CACHE: cacheFolder },
      detached: true,
      stdio: ['pipe', 'pipe', complaints],
    });
  } finally {
    closeSync(complaints);
  }
}

function codeOf(error: Error): string | null {
  return 'code' in error ? String(error.code) : null;
}
