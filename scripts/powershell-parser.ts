// PowerShell, read by tree-sitter's grammar of it, from PyPI (MIT): no PowerShell itself is in the registries that a
// Linux machine has at hand. It finds what is no PowerShell, commands that nobody has, and variables that nobody sets.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { installed, run } from './emulator.ts';

const versions = { 'tree-sitter': '0.26.1', 'tree-sitter-powershell': '0.26.4' };

interface Read {
  errors: string[];
  commands: string[];
  functions: string[];
  sets: string[];
  uses: string[];
}

/** Of the language itself. */
const automatic = ['$_', '$true', '$false', '$null', '$Matches', '$LASTEXITCODE'];

/** What is wrong with it: nothing, where the list is empty. `known`: commands that the machine has. */
export async function wrongInPowerShell(script: string, known: readonly string[]): Promise<string[]> {
  const { errors, commands, functions, sets, uses } = await read(script);
  const plain = (names: readonly string[]) =>
    new Set(names.map((name) => name.replace('$script:', '$').toLowerCase()));
  const has = plain([...functions, ...known]);
  const set = plain([...sets, ...automatic]);
  return [
    ...errors,
    ...commands
      .filter((name) => !has.has(name.toLowerCase()))
      .map((name) => `nobody has the command ${name}`),
    ...[...plain(uses)]
      .filter((name) => !name.startsWith('$env:') && !set.has(name))
      .map((name) => `nobody sets the variable ${name}`),
  ];
}

async function read(script: string): Promise<Read> {
  const wanted = Object.entries(versions).map(([name, version]) => `${name}==${version}`);
  const folder = await installed(`${wanted.join('-')}-venv`, async (unfinished) => {
    await run('python3', ['-m', 'venv', unfinished]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await run(join(unfinished, 'bin', 'python'), [...pip, ...wanted]);
  });
  const python = join(folder, 'bin', 'python');
  const child = spawn(python, [join(import.meta.dirname, 'powershell-parser.py')]);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.end(script);
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  if (code !== 0) throw new Error(`the parser of PowerShell ended with ${code}: ${err.trim()}`);
  return JSON.parse(out) as Read;
}
