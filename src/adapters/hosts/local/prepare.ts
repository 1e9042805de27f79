// A launch as it is asked for, turned into what its keeper has to do; or why it can not be launched, found out before
// anything is started.

import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { geteuid } from 'node:process';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import type { LocalContext } from './context.ts';
import { type Account, environmentOf, markOf, trackingOf } from './environment.ts';
import { logPath, workFolders } from './folders.ts';
import type { KeeperInstructions } from './keeper-protocol.ts';
import { type LocalMachineOptions, localMachine } from './options.ts';
import { findUser, firstClosedFolder, ownAccount, type RunnerUser } from './user.ts';

export type Refused = Extract<LaunchAnswer, { outcome: 'refused' }>;
type Command = KeeperInstructions['command'];

const ownRunner: Command = ['./run.sh'];

export async function prepare(
  context: LocalContext,
  request: LaunchRequest,
  machine: string,
): Promise<KeeperInstructions | Refused> {
  const { folders, records, options } = context;
  if (request.configuration.kind !== 'handedOver') {
    return invalid('a local host hands the configuration over itself; its runners can not claim one');
  }
  const parsed = localMachine.safeParse(request.machine);
  if (!parsed.success)
    return invalid(`the pool's machine is not one of a local host: ${parsed.error.message}`);
  const { directory, environment: extra, logBytesMax, user: userName } = parsed.data;

  try {
    const ownUid = geteuid?.() ?? 0;
    const user = userName === undefined ? null : await findUser(userName, ownUid);
    if (user) checkWay(folders.runners, user);
    const command = findCommand(parsed.data, context.base.path);
    if (!user) warnOfOwnUser(context, request);
    const work = workFolders(folders, request.name);
    const { jitConfig } = request.configuration;
    const account: Account = user ?? ownAccount(ownUid);
    return {
      fencePath: records.fencePath(machine),
      endPath: records.endPath(machine),
      logPath: logPath(folders, request.name),
      logBytesMax,
      folders: work,
      runnerDirectory: directory ?? null,
      command: user ? withPrefix(user.prefix, command) : command,
      environment: environmentOf(request, {
        jitConfig,
        tracking: trackingOf(folders, machine),
        folders: work,
        account,
        base: context.base,
        extra,
      }),
      mark: markOf(folders, machine),
      owner: user && ownUid === 0 ? { uid: user.uid, gid: user.gid } : null,
      ownerByCommand: user !== null && user.prefix.length > 0,
      endGraceMs: options.endGraceMs,
      lifetimeMsMax: request.lifetimeMsMax,
    };
  } catch (error) {
    return invalid(error instanceof Error ? error.message : String(error));
  }
}

export function invalid(reason: string): Refused {
  return { outcome: 'refused', refusal: 'invalid', reason, retryAfterMs: null };
}

function withPrefix(prefix: readonly string[], command: Command): Command {
  const [program, ...rest] = prefix;
  return program === undefined ? command : [program, ...rest, ...command];
}

/** The command with its program's place: looked up here, where a person can be told that it is missing. */
function findCommand({ command, directory }: LocalMachineOptions, path: string): Command {
  if (directory !== undefined && !statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(
      `the pool's directory ${directory} is none: unpack GitHub's runner there, or name another`,
    );
  }
  const [program, ...args] = command ?? ownRunner;
  if (program === undefined) return ownRunner;
  if (isAbsolute(program)) {
    if (!isProgram(program)) throw new Error(`the pool's command ${program} is no program that can be run`);
    return [program, ...args];
  }
  if (program.includes('/')) {
    if (directory === undefined) {
      throw new Error(
        `the pool's command ${program} is relative to nothing: give a directory, or an absolute path`,
      );
    }
    if (!isProgram(join(directory, program))) {
      const remedy = "unpack GitHub's runner there (it has run.sh), or name the command";
      throw new Error(`the pool's directory ${directory} has no program ${program}: ${remedy}`);
    }
    // Run in the copy, where the runner starts.
    return [program, ...args];
  }
  const found = path.split(':').find((folder) => isProgram(join(folder, program)));
  if (found === undefined)
    throw new Error(`the pool's command ${program} is in none of the folders of PATH (${path})`);
  return [join(found, program), ...args];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function checkWay(runnersFolder: string, user: RunnerUser): void {
  const closed = firstClosedFolder(runnersFolder, user);
  if (closed === null) return;
  const remedy = `let others pass through it (\`chmod o+x ${closed}\`), or put the data directory elsewhere`;
  throw new Error(
    `the user ${user.name} can not reach ${runnersFolder}, where its runners work: ${closed} is closed. ${remedy}.`,
  );
}

function warnOfOwnUser({ warn }: LocalContext, { pool }: LaunchRequest): void {
  const { name } = ownAccount(geteuid?.() ?? 0);
  warn(
    `own-user ${pool}`,
    `Jobs of the pool ${pool} run as ${name}, as this orchestrator does: they can read what it can, the key of its ` +
      'GitHub App too. Let only code that you trust use this pool, or run as root and give the pool a `user`.',
  );
}
