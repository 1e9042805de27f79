// Completion for shells: `runners complete bash|zsh|fish|powershell` prints what the shell reads.

import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

export function addCompletion(program: Command): Command {
  tab(program);
  return program;
}
