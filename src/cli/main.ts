// `runners`: see program.ts. Here is what it reaches: this terminal, the clock, and the systems.

import { env, exit, stderr, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { withEnvironmentFile } from '../config/environment-file.ts';
import { addCompletion } from './completion.ts';
import { openLocalSource } from './local-source.ts';
import { createProgram, type ProgramDeps, runCommand } from './program.ts';
import { exitCodes } from './source.ts';
import { paintFor } from './text.ts';

const variables = withEnvironmentFile('.env', env);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
// Whoever read the output has enough: `runners watch | head`.
stdout.on('error', () => exit(exitCodes.done));

const deps: ProgramDeps = {
  open: async ({ dataDir, stack }) => {
    if (stack === undefined) return openLocalSource(dataDir);
    // Loaded only for who asks AWS: the others need not wait for it.
    const { openAwsSource } = await import('./aws-source.ts');
    return openAwsSource(stack, variables);
  },
  now: Date.now,
  out: (text) => void stdout.write(text),
  error: (text) => void stderr.write(text),
  paint: paintFor(stdout.isTTY && stdout.hasColors()),
  clear: stdout.isTTY ? '\u001b[2J\u001b[H' : null,
  dataDirectory: variables['DATA_DIR'] || './data',
  pause: (ms) => sleep(ms, undefined, { signal: stop.signal }).catch(() => {}),
  isStopped: () => stop.signal.aborted,
};

const args = process.argv.slice(2);
if (args[0] === 'complete') addCompletion(createProgram(deps)).parse(args, { from: 'user' });
else process.exitCode = await runCommand(deps, args);
