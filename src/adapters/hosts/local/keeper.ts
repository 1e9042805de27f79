// A program of its own: the keeper of one runner. The orchestrator starts it, tells it by stdin what to run, and may
// then die: the keeper goes on. It leads a session and a process group that the runner and its jobs are in.
//
//   reads its instructions → records itself (the fence) → says `kept` → makes the work directory → starts the runner
//   → the runner ends → ends all that it left behind → removes the work directory → records the end
//
// The fence comes before everything that leaves a trace: a keeper that finds it taken (somebody revoked the launch, or
// another keeper was quicker) does nothing. Instructions that are cut short, because the orchestrator died while it
// wrote them, are no instructions.
//
// SIGUSR2 asks for an end: the runner gets a SIGTERM, and `endGraceMs` later everything that is left a SIGKILL. The
// same happens when the runner's longest life has passed, so that it ends even if nobody is left to ask. It is not
// SIGTERM that asks, as jobs send that to their whole group (`kill 0`), and the keeper is in it: it outlives such
// signals, and sees what becomes of the runner.

import { type ChildProcess, spawn } from 'node:child_process';
import { flushCompileCache } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BoundedLog, createBoundedLog } from './bounded-log.ts';
import { type KeeperAnswer, type KeeperInstructions, stopSignal } from './keeper-protocol.ts';
import { endKin } from './processes/end-kin.ts';
import { createProcessTable, identityOf, signal } from './processes/index.ts';
import { makeWorkDirectory, removeTree } from './work-directory.ts';
import { writeOnce } from './write-once.ts';

/** `setTimeout` can not wait longer (25 days); no runner lives so long, as GitHub ends jobs after five days. */
const timerMsMax = 2 ** 31 - 1;
/** Output that is still in the pipes of processes that have ended. */
const drainMs = 500;
/** Paths in an error's text make it long; people read the beginning. */
const causeLengthMax = 2000;

/** Why the runner is to end: set once, by the first who asks. */
const stop = Promise.withResolvers<string>();
process.on(stopSignal, () => stop.resolve('it was told to end'));
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => {});
// Whoever listened has died.
process.stdout.on('error', () => {});

await main();

async function main(): Promise<void> {
  const instructions: KeeperInstructions = JSON.parse(await readInput());
  const processes = createProcessTable();
  const own = await identityOf(processes, process.pid);
  if (!own) throw new Error('the keeper can not find its own start time');
  if (!(await writeOnce(instructions.fencePath, { kind: 'keeper', ...own }))) {
    answer('taken');
    return;
  }
  answer('kept');
  // The next keeper finds this program compiled, though this one lives for hours.
  flushCompileCache();

  const log = createBoundedLog(instructions.logPath, instructions.logBytesMax);
  let isUrgent = false;
  const lifetime = setTimeout(
    () => stop.resolve('its longest life has passed'),
    Math.min(instructions.lifetimeMsMax, timerMsMax),
  );
  let stoppedBecause: string | null = null;
  const stopped = stop.promise.then((why) => {
    stoppedBecause = why;
    // The grace counts from the moment that the end was asked for, for the runner and for what it leaves together.
    setTimeout(() => {
      isUrgent = true;
    }, instructions.endGraceMs).unref();
  });

  const runner = await run(instructions, log, stopped);
  await endKin(processes, { keeper: own, mark: instructions.mark }, sleep, () => isUrgent);
  clearTimeout(lifetime);
  await runner.drained;
  const cause = stoppedBecause === null ? runner.ended : `${stoppedBecause}; ${runner.ended}`;
  log.close(cause);
  const left = await removeTree(instructions.folders.root, sleep).then(
    () => '',
    (error: unknown) => `; its work directory could not be removed: ${messageOf(error)}`,
  );
  await writeOnce(instructions.endPath, { cause: `${cause}${left}`.slice(0, causeLengthMax) });
  // Timers must not keep us, nor pipes that processes hold which are beyond our reach.
  process.exit(0);
}

function answer(word: KeeperAnswer): void {
  process.stdout.write(`${word}\n`);
}

interface EndedRunner {
  /** How it ended. */
  ended: string;
  /** Its last output is in the log. */
  drained: Promise<unknown>;
}

const neverStarted = (why: string): EndedRunner => ({ ended: why, drained: Promise.resolve() });

/** Runs the runner until it ends by itself, by the polite signal, or when the grace is over. */
async function run(
  instructions: KeeperInstructions,
  log: BoundedLog,
  stopped: Promise<void>,
): Promise<EndedRunner> {
  const { folders, runnerDirectory, owner } = instructions;
  let isStopped = false;
  void stopped.then(() => {
    isStopped = true;
  });
  try {
    await makeWorkDirectory(folders, runnerDirectory, owner, sleep);
  } catch (error) {
    return neverStarted(`its work directory could not be made: ${messageOf(error)}`);
  }
  if (isStopped) return neverStarted('it was never started');

  const [program, ...args] = instructions.command;
  const child = spawn(program, args, {
    cwd: runnerDirectory === null ? folders.work : folders.runner,
    env: instructions.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(owner && !instructions.ownerByCommand ? { uid: owner.uid, gid: owner.gid } : {}),
  });
  // The configuration is the runner's alone from here on.
  instructions.environment = {};
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk: Buffer) => log.write(chunk));
  const closed = new Promise((resolve) => child.once('close', resolve));
  void stopped
    .then(() => signalChild(child, 'SIGTERM'))
    .then(() => sleep(instructions.endGraceMs))
    .then(() => signalChild(child, 'SIGKILL'));
  const ended = await endOf(child);
  return { ended, drained: Promise.race([closed, sleep(drainMs)]) };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
    child.once('exit', (code, by) => resolve(by ? `ended by ${by}` : `exit status ${code}`));
  });
}

/** Not `child.kill`: where that may not signal, the child emits an error as if it had not started. */
function signalChild({ pid, exitCode, signalCode }: ChildProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  if (pid !== undefined && exitCode === null && signalCode === null) signal(pid, name);
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
