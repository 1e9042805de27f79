// Runs the CDK's command-line tool, the version that package-lock.json names. It is told where the assembly is and
// nothing else: it reads no file of this project, and its environment has no secret of the App.

import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { isEvent } from './progress.ts';

type Variables = Readonly<Record<string, string | undefined>>;

export interface CdkRun {
  args: readonly string[];
  variables: Variables;
  region: string;
  logFile: string;
  onLine: (line: string) => void;
  /** Ends the tool. What CloudFormation has begun, it goes on with by itself. */
  signal: AbortSignal;
}

/** Of what it said last, for the error. */
const tailLines = 15;

export interface CdkEnded {
  status: number;
  tail: readonly string[];
}

export function runCdk({ args, variables, region, logFile, onLine, signal }: CdkRun): Promise<CdkEnded> {
  const folder = resolve(dirname(logFile));
  mkdirSync(folder, { recursive: true });
  const log = createWriteStream(logFile, { flags: 'a' });
  const tail: string[] = [];
  const take = (text: string) => {
    const line = stripVTControlCharacters(text).trimEnd();
    log.write(`${line}\n`);
    if (line === '') return;
    // Events of single resources crowd out the reason, which stands below them.
    if (!isEvent(line)) tail.push(line);
    if (tail.length > tailLines) tail.shift();
    onLine(line);
  };
  return new Promise((done, fail) => {
    const child = spawn(execPath, [cdkProgram(), ...args, ...quietly], {
      env: cdkEnvironment(variables, region),
      // Away from the project's cdk.json: even a bootstrap would run the app that it names.
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C is for this process, which then ends the tool in order.
      detached: true,
      signal,
      killSignal: 'SIGINT',
    });
    for (const stream of [child.stdout, child.stderr]) linesOf(stream, take);
    child.once('error', (error) => {
      // Of an abort `close` comes all the same, with what was said until then.
      if (error.name !== 'AbortError') fail(error);
    });
    child.once('close', (status) => log.end(() => done({ status: status ?? 1, tail })));
  });
}

/** No telemetry, no news, no colours, no questions. */
const quietly = [
  ...['--no-version-reporting', '--no-notices', '--no-color'],
  ...['--ci', '--yes', '--no-lookups'],
];

function cdkProgram(): string {
  return resolve(dirname(fileURLToPath(import.meta.resolve('aws-cdk/package.json'))), 'bin', 'cdk');
}

/** What the tool needs of an environment; all else, secrets among it, stays here. */
const passedOn =
  /^(?:AWS_\w+|PATH|HOME|USERPROFILE|TMPDIR|TEMP|LANG|LC_\w+|TZ|(?:HTTPS?|NO|ALL)_PROXY|NODE_EXTRA_CA_CERTS|NODE_USE_ENV_PROXY|SSL_CERT_\w+)$/i;

export function cdkEnvironment(variables: Variables, region: string): Record<string, string> {
  const kept = Object.entries(variables).flatMap(([name, value]) =>
    value && passedOn.test(name) ? [[name, value] as const] : [],
  );
  return {
    ...Object.fromEntries(kept),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  };
}

function linesOf(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split(/\r?\n/);
    rest = lines.pop() ?? '';
    lines.forEach(take);
  });
  stream.on('end', () => {
    if (rest !== '') take(rest);
  });
}
