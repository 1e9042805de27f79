// The user that a pool's runners have the rights of.

import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { platform } from 'node:process';
import type { Account } from './environment.ts';

export interface RunnerUser extends Account {
  gid: number;
  /** Words before the command that give it the user's further groups, such as `docker`; empty: it gets none. */
  prefix: readonly string[];
}

const lookUpMsMax = 10_000;

/** Whom this process belongs to. In a container its number may have no name. */
export function ownAccount(uid: number): Account {
  try {
    const { username, homedir } = userInfo();
    return { name: username, uid, home: isDirectory(homedir) ? homedir : null };
  } catch {
    return { name: String(uid), uid, home: null };
  }
}

/** The user of that name; throws what a person can act on. The name is checked by the pool's schema. */
export async function findUser(name: string, ownUid: number): Promise<RunnerUser> {
  const uid = await idOf(name, '-u');
  const gid = await idOf(name, '-g');
  if (ownUid !== 0 && ownUid !== uid) {
    throw new Error(
      `the pool's user is ${name}, and this process (uid ${ownUid}) may not start processes as ${name}: ` +
        `run it as root, or as ${name}, or leave \`user\` out`,
    );
  }
  const prefix = ownUid === 0 ? await prefixFor(uid, gid) : [];
  return { name, uid, gid, home: await homeOf(name), prefix };
}

async function idOf(name: string, which: '-u' | '-g'): Promise<number> {
  const output = await run('id', [which, name]);
  if (output === null)
    throw new Error(
      `this computer has no user ${name} (\`id ${which} ${name}\` fails): create it, or name another`,
    );
  return Number(output);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A shell knows homes wherever they are kept: in /etc/passwd, in a directory service, on macOS. */
async function homeOf(name: string): Promise<string | null> {
  const home = await run('/bin/sh', ['-c', `echo ~${name}`]);
  return home?.startsWith('/') && isDirectory(home) ? home : null;
}

/**
 * A process that only changes its uid and gid loses all other groups of its user. On Linux `setpriv` (util-linux)
 * sets them; elsewhere, and with a `setpriv` that can not (BusyBox), the runner has its user's first group alone.
 */
async function prefixFor(uid: number, gid: number): Promise<string[]> {
  if (platform !== 'linux') return [];
  const prefix = ['/usr/bin/setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--init-groups', '--'];
  const [program = '', ...args] = prefix;
  return (await run(program, [...args, 'true'])) === null ? [] : prefix;
}

/** The first folder on the way to `path`, or itself, that the user may not pass through; `null`: the way is free. */
export function firstClosedFolder(path: string, { uid, gid }: RunnerUser): string | null {
  if (uid === 0) return null;
  const way = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/') || '/');
  return way.find((folder) => !mayPass(folder, uid, gid)) ?? null;
}

/** By the mode bits of owner, first group and others; an access list that says more is not seen. */
function mayPass(folder: string, uid: number, gid: number): boolean {
  const { mode, uid: ownerUid, gid: ownerGid } = statSync(folder);
  if (ownerUid === uid) return (mode & 0o100) !== 0;
  return ownerGid === gid ? (mode & 0o010) !== 0 : (mode & 0o001) !== 0;
}

/** The output, trimmed; `null` where it fails. */
function run(file: string, args: readonly string[]): Promise<string | null> {
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };
  return new Promise((resolve) => {
    execFile(file, [...args], { env, timeout: lookUpMsMax }, (error, stdout) => {
      resolve(error ? null : stdout.trim());
    });
  });
}
