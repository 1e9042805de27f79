// A runner's own directory: made before it starts, with its copy of GitHub's runner, and removed when it has ended.

import { constants } from 'node:fs';
import { chmod, cp, lchown, mkdir, readdir, rm } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import type { WorkFolders } from './folders.ts';
import { isCode } from './write-once.ts';

export interface Owner {
  uid: number;
  gid: number;
}

/**
 * What a runner directory that was used before has in its root, and a new runner must not find: another runner's
 * registration, its work and its logs.
 */
const leftInRunnerRoot = /^(?:_work|_diag|\.runner.*|\.credentials.*|\.service|svc\.sh)$/;

/** Files of a job that is just dying come and go while its directory is removed. */
const removeTriesMax = 10;
const removeAgainMs = 200;
const passingCodes = ['EBUSY', 'EMFILE', 'ENFILE', 'ENOTEMPTY'] as const;

type Sleep = (ms: number) => Promise<unknown>;

export async function makeWorkDirectory(
  folders: WorkFolders,
  runnerDirectory: string | null,
  owner: Owner | null,
  sleep: Sleep,
): Promise<void> {
  // What an earlier, broken attempt at this very name left behind.
  await removeTree(folders.root, sleep);
  await mkdir(folders.root, { mode: 0o700 });
  await mkdir(folders.work, { mode: 0o700 });
  await mkdir(folders.temporary, { mode: 0o700 });
  await mkdir(folders.home, { mode: 0o700 });
  if (runnerDirectory !== null) await copyRunner(runnerDirectory, folders.runner);
  if (owner) await giveTo(folders.root, owner);
}

/** Clones blocks where the file system can (APFS, XFS, Btrfs); never links, as the runner writes into its directory. */
async function copyRunner(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
    filter: (path) => relative(from, path) !== basename(path) || !leftInRunnerRoot.test(basename(path)),
  });
}

/** Children first, so that nothing below changes while we may still have to walk through. Links are not followed. */
async function giveTo(path: string, owner: Owner): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) await giveTo(child, owner);
    else await lchown(child, owner.uid, owner.gid);
  }
  await lchown(path, owner.uid, owner.gid);
}

/**
 * Removes it all, read-only directories too (Go's module cache is one). Resolves where there is nothing. The tries are
 * of the whole: `rm` with retries of its own makes them anew in every folder, and a mount three folders deep, which a
 * job has left, would hold the runner's place for half an hour.
 */
export async function removeTree(path: string, sleep: Sleep): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await removeOnce(path);
    } catch (error) {
      if (tries >= removeTriesMax || !isCode(error, ...passingCodes)) throw error;
      await sleep(removeAgainMs);
    }
  }
}

async function removeOnce(path: string): Promise<void> {
  const remove = () => rm(path, { recursive: true, force: true });
  try {
    await remove();
  } catch (error) {
    if (!isCode(error, 'EACCES', 'EPERM')) throw error;
    await openDirectories(path);
    await remove();
  }
}

async function openDirectories(path: string): Promise<void> {
  await chmod(path, 0o700);
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await openDirectories(join(path, entry.name));
  }
}
