// One orchestrator for one data directory: two would each count half of the runners and adopt all of them.
//
// The lock is the highest `lock.<n>.json`: it names the process that holds it, proved by its start time, or says that
// it is free. To take it is to write the next number, which one of all who try can do. The highest number never falls,
// so that one who read it long ago can not take a lock that others have taken and given back since.

import { mkdir, readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createProcessTable, identityOf, isRunning } from './processes/index.ts';
import { isCode, writeOnce } from './write-once.ts';

export interface DataDirectoryLock {
  release(): Promise<void>;
}

const content = z.union([
  z.object({ pid: z.number().int(), startedAt: z.string() }),
  z.object({ free: z.literal(true) }),
]);

/** Each loss means that another process took a step, so a few tries are plenty. */
const triesMax = 10;

/** Makes the directory if it is missing. Throws where another process, or this one, holds it. */
export async function takeDataDirectory(dataDirectory: string): Promise<DataDirectoryLock> {
  // Runners that have a user of their own must pass through it; its files are for their owner alone.
  await mkdir(dataDirectory, { recursive: true, mode: 0o711 });
  const processes = createProcessTable();
  const own = await identityOf(processes, process.pid);
  if (!own)
    throw new Error(`can not find the start time of this process (${process.pid}): is /proc mounted?`);

  for (let tries = 0; tries < triesMax; tries += 1) {
    const highest = await highestLock(dataDirectory);
    const holder = highest === 0 ? null : await readLock(lockPath(dataDirectory, highest));
    if (holder === 'vanished') continue;
    if (holder && 'pid' in holder && (await isRunning(processes, holder)))
      throw new Error(heldBy(dataDirectory, holder.pid));
    const taken = highest + 1;
    if (!(await writeOnce(lockPath(dataDirectory, taken), own))) continue;
    if ((await highestLock(dataDirectory)) !== taken) {
      await unlinkIfThere(lockPath(dataDirectory, taken));
      continue;
    }
    await removeBelow(dataDirectory, taken);
    return { release: () => release(dataDirectory, taken) };
  }
  throw new Error(
    `could not take the data directory ${dataDirectory}: others take it at the same time. Start one.`,
  );
}

async function release(dataDirectory: string, taken: number): Promise<void> {
  if (await writeOnce(lockPath(dataDirectory, taken + 1), { free: true }))
    await removeBelow(dataDirectory, taken + 1);
}

function heldBy(dataDirectory: string, pid: number): string {
  const who = pid === process.pid ? 'this process itself' : `process ${pid}, which is running`;
  return (
    `the data directory ${dataDirectory} is in use by ${who}. One data directory serves one orchestrator: ` +
    'stop the other one, or give this one a directory of its own.'
  );
}

function lockPath(dataDirectory: string, number: number): string {
  return join(dataDirectory, `lock.${number}.json`);
}

/** 0 where there is none. */
async function highestLock(dataDirectory: string): Promise<number> {
  return Math.max(0, ...(await lockNumbers(dataDirectory)));
}

async function lockNumbers(dataDirectory: string): Promise<number[]> {
  return (await readdir(dataDirectory)).flatMap((file) => {
    const number = /^lock\.(\d{1,15})\.json$/.exec(file)?.[1];
    return number ? [Number(number)] : [];
  });
}

async function readLock(path: string): Promise<z.output<typeof content> | 'vanished'> {
  try {
    return content.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (isCode(error, 'ENOENT')) return 'vanished';
    throw new Error(`${path} is damaged. If no orchestrator uses this directory, delete the file.`, {
      cause: error,
    });
  }
}

async function removeBelow(dataDirectory: string, number: number): Promise<void> {
  for (const older of await lockNumbers(dataDirectory)) {
    if (older < number) await unlinkIfThere(lockPath(dataDirectory, older));
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error;
  });
}
