// dynoxide: a second, stricter DynamoDB, from crates.io (MIT or Apache-2.0 licence).

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type Emulator, installed, run, startEmulator } from './emulator.ts';

const version = '3.2.0';

/** Without a Rust tool chain it can't be built. */
export function canBuildDynoxide(): boolean {
  return spawnSync('cargo', ['--version']).status === 0;
}

export async function startDynoxide(): Promise<Emulator> {
  const folder = await installed(`dynoxide-${version}`, (unfinished) =>
    run('cargo', [
      ...['install', 'dynoxide-rs', '--version', version, '--locked', '--quiet', '--root', unfinished],
      ...['--no-default-features', '--features', 'native-sqlite,http-server,cli'],
    ]),
  );
  return startEmulator({
    name: `dynoxide ${version}`,
    command: join(folder, 'bin', 'dynoxide'),
    args: (port) => ['serve', '--host', '127.0.0.1', '--port', String(port), '--log', 'quiet'],
    readyPath: '/',
  });
}
