// Completion for shells: `runners complete bash|zsh|fish|powershell` prints what the shell reads.

import tab from '@bomb.sh/tab/commander';
import { type Command, CommanderError } from 'commander';
import { exitCodes } from './source.ts';

/** Answers the exit code. */
export function complete(program: Command, args: readonly string[]): number {
  tab(program);
  try {
    program.parse([...args], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  }
}
