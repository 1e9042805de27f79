// What a runner finds in its environment: this list, what its pool adds, and nothing of ours.

import { platform } from 'node:process';
import type { LaunchRequest } from '../../../ports/host.ts';
import type { DataFolders, WorkFolders } from './folders.ts';
import type { givenNames } from './options.ts';

/** The one account, of a user or of ourselves, that the runner has. */
export interface Account {
  name: string;
  uid: number;
  /** `null` where there is none, as for `nobody`. */
  home: string | null;
}

/** What a runner gets of the environment that the orchestrator was started in, by the choice of who wires it. */
export interface BaseEnvironment {
  /** Where commands are looked for. */
  path: string;
  language: string;
}

/** Homebrew's place on Macs with Apple silicon comes first; it is nowhere else. */
export const defaultBaseEnvironment: BaseEnvironment = {
  path: `${platform === 'darwin' ? '/opt/homebrew/bin:' : ''}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  language: platform === 'darwin' ? 'en_US.UTF-8' : 'C.UTF-8',
};

/** Which processes are the runner's: its children inherit it. GitHub's runner has a `RUNNER_TRACKING_ID` of its own. */
export function trackingOf({ id }: DataFolders, machine: string): string {
  return `${machine}@${id}`;
}

export function markOf(folders: DataFolders, machine: string): string {
  return `RUNNER_TRACKING=${trackingOf(folders, machine)}`;
}

export function environmentOf(
  request: Pick<LaunchRequest, 'name' | 'pool' | 'labels' | 'traceparent'>,
  given: {
    jitConfig: string;
    tracking: string;
    folders: WorkFolders;
    account: Account;
    base: BaseEnvironment;
    /** Of the pool; its names are none of the given ones, by its schema. */
    extra: Readonly<Record<string, string>>;
  },
): Record<string, string> {
  const { account, folders, base } = given;
  const own: Partial<Record<(typeof givenNames)[number] | 'PATH', string>> = {
    PATH: base.path,
    LANG: base.language,
    HOME: account.home ?? folders.home,
    USER: account.name,
    LOGNAME: account.name,
    TMPDIR: folders.temporary,
    // Read and then deleted by GitHub's runner; in an argument everybody on the computer could read it.
    ACTIONS_RUNNER_INPUT_JITCONFIG: given.jitConfig,
    // run.sh then hands signals on to the runner, which cancels its job.
    RUNNER_MANUALLY_TRAP_SIG: '1',
    RUNNER_NAME: request.name,
    RUNNER_POOL: request.pool,
    RUNNER_LABELS: request.labels.join(','),
    RUNNER_WORK_DIR: folders.work,
    RUNNER_TRACKING: given.tracking,
    TRACEPARENT: request.traceparent,
    // Without it run.sh refuses to start as root.
    ...(account.uid === 0 ? { RUNNER_ALLOW_RUNASROOT: '1' } : {}),
  };
  return { ...own, ...given.extra };
}
