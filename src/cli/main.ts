// `runners`: see program.ts. Here is what it reaches: this terminal, the clock, and the systems.

import { env, exit, stderr, stdout } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { withEnvironmentFile } from '../config/environment-file.ts';
import { complete } from './completion.ts';
import { openLocalSource } from './local-source.ts';
import { createProgram, type ProgramDeps, runCommand } from './program.ts';
import { exitCodes } from './source.ts';
import { paintFor } from './text.ts';

/** For a last line, and for connections to close. */
const leaveMs = 300;
/** As shells have it: 128 and the number of the signal. */
const interrupted = 130;

const variables = withEnvironmentFile('.env', env);
const stop = new AbortController();
// What waits for its next look ends in order; a question that is not answered is left.
process.once('SIGINT', () => {
  stop.abort();
  void sleep(leaveMs, undefined, { ref: false }).then(() => exit(interrupted));
});
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
  paint: paintFor(wantsColours()),
  clear: stdout.isTTY ? '\u001b[2J\u001b[H' : null,
  dataDirectory: variables['DATA_DIR'] || './data',
  pause: (ms) => sleep(ms, undefined, { signal: stop.signal }).catch(() => {}),
  isStopped: () => stop.signal.aborted,
};

const args = process.argv.slice(2);
const isCompletion = args[0] === 'complete';
process.exitCode = isCompletion ? complete(createProgram(deps), args) : await runCommand(deps, args);

/** A terminal that has some, unless `NO_COLOR` says no; anything else only where `FORCE_COLOR` says so. */
function wantsColours(): boolean {
  if (stdout.isTTY) return stdout.hasColors();
  const { FORCE_COLOR, NO_COLOR } = env;
  return FORCE_COLOR !== undefined && FORCE_COLOR !== '0' && !NO_COLOR;
}
