// What Lambda is given to build a pool's image from: a folder with its Dockerfile and the two programs, each one file.

import { readFileSync } from 'node:fs';
import { buildSync } from 'esbuild';
import type { MicrovmMachine } from '../options.ts';

/** The Node that GitHub's runner brings. */
const target = 'node24';

/** The same machine gives the same bytes, wherever it is built. */
export function buildContextOf(
  machine: Pick<MicrovmMachine, 'runner' | 'packages'>,
): Readonly<Record<string, string>> {
  return {
    Dockerfile: dockerfileOf(machine),
    'hooks.mjs': bundled('hooks.ts'),
    'work.mjs': bundled('work.ts'),
  };
}

function dockerfileOf({ runner, packages }: Pick<MicrovmMachine, 'runner' | 'packages'>): string {
  const written: Readonly<Record<string, string>> = {
    ...(runner && { RUNNER_VERSION: runner.version, RUNNER_SHA256: runner.sha256 }),
    ...(packages.length > 0 && { PACKAGES: `"${packages.join(' ')}"` }),
  };
  let text = readFileSync(new URL('Dockerfile', import.meta.url), 'utf8');
  for (const [name, value] of Object.entries(written)) {
    const line = new RegExp(`^ARG ${name}=.*$`, 'm');
    if (!line.test(text)) throw new Error(`the Dockerfile has no line for the argument ${name}`);
    text = text.replace(line, () => `ARG ${name}=${value}`);
  }
  return text;
}

function bundled(file: string): string {
  const { outputFiles } = buildSync({
    entryPoints: [new URL(file, import.meta.url).pathname],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target,
    legalComments: 'none',
    logLevel: 'error',
  });
  const [output] = outputFiles;
  if (!output) throw new Error(`${file} could not be bundled`);
  return output.text;
}
