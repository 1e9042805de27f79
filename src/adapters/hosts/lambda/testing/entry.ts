// The image's program in an environment of the stand-in: from its folder, with a runner from another one.

import { fileURLToPath } from 'node:url';
import type { StartProgram } from './environment.ts';

const entry = fileURLToPath(new URL('../image/entry.sh', import.meta.url));

/** `path`: where the programs are that it calls. It may end its own group alone: others live on this machine. */
export function startEntry(given: { runnerFolder: string; path: string }): StartProgram {
  return ({ scratch, variables }) => ({
    command: 'bash',
    args: [entry, given.runnerFolder, scratch],
    env: { ...variables, PATH: given.path },
  });
}

/** In a world of processes of its own, where it is alone, as on Lambda. Only root may make one. */
export function startEntryAlone(given: { runnerFolder: string; path: string }): StartProgram {
  return ({ scratch, variables }) => ({
    command: 'unshare',
    args: [
      ...['--pid', '--mount', '--fork', '--kill-child', 'sh', '-euc'],
      'mount -t proc proc /proc; exec bash "$@"',
      ...['sh', entry, given.runnerFolder, scratch, 'alone'],
    ],
    env: { ...variables, PATH: given.path },
  });
}
