// Reads the file of the configuration: TypeScript or JavaScript that exports it, or JSON. Whatever goes wrong is
// told with the path, the place in the file and what to do.

import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { readable } from '../core/reason.ts';
import { type Accepted, demandConfiguration } from './check.ts';
import { hostTypes as allHostTypes, type HostTypes } from './host-types.ts';
import { ConfigurationError } from './problem.ts';

const moduleExtensions = ['.ts', '.mts', '.js', '.mjs'];

/**
 * `path` is taken from the working directory. Throws a `ConfigurationError` with everything that is wrong. A module is
 * loaded once in a process, as any other: a changed one is seen after the next start.
 */
export async function loadConfiguration(
  path: string,
  hostTypes: HostTypes = allHostTypes,
): Promise<Accepted> {
  const file = resolve(path);
  await demandFile(file);
  const written = extname(file) === '.json' ? await readJson(file) : await readModule(file);
  return demandConfiguration(written, file, hostTypes);
}

async function demandFile(file: string): Promise<void> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile()) return;
  throw refusal(file, {
    what: found ? 'it is no file' : 'there is no such file',
    allowed: `a file ${[...moduleExtensions, '.json'].join(', ')} with the configuration`,
    remedy:
      'set RUNNERS_CONFIG to its path, or make one: runners.config.ts in the root of the project is an example to copy',
  });
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    const problem = {
      what: `it is not JSON: ${messageOf(error)}`,
      allowed: 'JSON, without comments and without a comma after the last entry',
      remedy: 'mend it there, or name the file .ts and begin it with `export default`',
    };
    throw refusal(file, problem, error);
  }
}

async function readModule(file: string): Promise<unknown> {
  if (!moduleExtensions.includes(extname(file))) {
    throw refusal(file, {
      what: `its name ends with '${extname(file)}'`,
      allowed: `a name that ends with ${[...moduleExtensions, '.json'].join(', ')}`,
      remedy: 'rename it',
    });
  }
  const exported = await importFile(file);
  if ('default' in exported) return exported['default'];
  const names = Object.keys(exported).slice(0, namesShownMax);
  throw refusal(file, {
    what: names.length > 0 ? `it exports ${names.join(', ')}, but no default` : 'it exports nothing',
    allowed: 'the configuration as default export',
    remedy: 'begin it with `export default defineConfig({` …',
  });
}

/** Names that are enough to recognise a file by. */
const namesShownMax = 5;

async function importFile(file: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const place = await placeOfError(file, error);
    throw refusal(
      file,
      {
        what: `it can not be loaded: ${messageOf(error)}${place === null ? '' : `\n  at ${place}`}`,
        allowed:
          'TypeScript of which the types can be taken out (no enum, no namespace), or JavaScript; a module',
        remedy: 'mend it there',
      },
      error,
    );
  }
}

/** Where in a file: the first place that the error names, or that a check of the syntax finds. */
async function placeOfError(file: string, error: unknown): Promise<string | null> {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const named = placeIn(stack);
  if (named !== null || !(error instanceof SyntaxError)) return named;
  // The error of a JavaScript module keeps its place to itself; the same check, asked for on its own, tells it.
  const checking = promisify(execFile)(process.execPath, ['--check', file], { timeout: checkMsMax, env: {} });
  const said: unknown = await checking.catch((failure: unknown) => failure);
  return said instanceof Error && 'stderr' in said ? placeIn(String(said.stderr)) : null;
}

/** A check reads one file; a machine that needs longer has other worries than a place. */
const checkMsMax = 10_000;

/** Finds `<path>:<line>` at the beginning of a text, or in the first frame of a stack that is no part of Node. */
function placeIn(text: string): string | null {
  const found = /^(?<path>(?:file:|\/|[A-Z]:\\).*:\d+)$|\(?(?<frame>file:.*:\d+:\d+)\)?$/m.exec(
    stripVTControlCharacters(text),
  );
  const place = found?.groups?.['path'] ?? found?.groups?.['frame'];
  if (place === undefined) return null;
  const [, url = '', numbers = ''] = /^(.*?)((?::\d+)+)$/.exec(place) ?? [];
  return `${url.startsWith('file:') ? fileURLToPath(url) : url}${numbers}`;
}

function messageOf(error: unknown): string {
  return readable(error instanceof Error ? error.message : String(error));
}

function refusal(
  file: string,
  problem: { what: string; allowed: string; remedy: string },
  cause?: unknown,
): ConfigurationError {
  return new ConfigurationError(file, [{ place: '', ...problem }], cause);
}
