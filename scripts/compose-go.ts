// The library by which Docker itself reads compose files (Apache-2.0), with its own small program around it, from the
// Go module proxy.

import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installed, run } from './emulator.ts';

const version = 'v2.16.2';

/** Without a Go tool chain it can't be built. */
export function canBuildComposeGo(): boolean {
  return spawnSync('go', ['version']).status === 0;
}

export async function composeGo(): Promise<string> {
  const folder = await installed(`compose-go-${version}`, (unfinished) => {
    mkdirSync(unfinished, { recursive: true });
    return run('env', [
      `GOBIN=${unfinished}`,
      'go',
      'install',
      `github.com/compose-spec/compose-go/v2/cmd@${version}`,
    ]);
  });
  return join(folder, 'cmd');
}
