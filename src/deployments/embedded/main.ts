// `make start`: the whole system in one process. With an App's credentials it serves that GitHub; without them it shows
// itself at work beside a simulated one.

import { env, exit, stderr, stdout } from 'node:process';
import { createSystemClock } from '../../adapters/clock/system/index.ts';
import { createSystemRandom } from '../../adapters/clock/system/random.ts';
import { createConsole } from '../../adapters/telemetry/console/index.ts';
import { type Environment, readEnvironment } from '../../config/environment.ts';
import { withEnvironmentFile } from '../../config/environment-file.ts';
import { ConfigurationError } from '../../config/problem.ts';
import { showDemo } from './demo/demo.ts';
import { warnOfOpenFiles } from './secret-files.ts';
import { serve } from './serve.ts';
import { stopOnSignals } from './stopping.ts';

const environmentFile = '.env';

try {
  await main();
} catch (error) {
  // For the person who started it: what is wrong and what to do, not where in the code it was found out.
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  exit(1);
}

async function main(): Promise<void> {
  const variables = withEnvironmentFile(environmentFile, env);
  const environment = demandEnvironment(variables);
  const clock = createSystemClock();
  const random = createSystemRandom();
  if (environment.app === null) {
    const isDirectoryGiven = (variables['DATA_DIR'] ?? '') !== '';
    const mayColour = !variables['NO_COLOR'] && variables['TERM'] !== 'dumb';
    return showDemo({ environment, isDirectoryGiven, mayColour, clock, random });
  }
  // Whoever read the log is gone, or the terminal is: that is no reason to leave the jobs alone.
  stdout.on('error', () => {});
  const telemetry = createConsole({
    clock,
    level: environment.logLevel,
    format: stdout.isTTY ? 'plain' : 'json',
    output: stdout,
  });
  for (const warning of warnOfOpenFiles([environmentFile, environment.app.privateKey]))
    telemetry.log('warn', warning);
  const running = await serve({ environment, credentials: environment.app, clock, random, telemetry });
  stopOnSignals({
    clock,
    say: (text) => telemetry.log('info', text),
    stop: async () => {
      await running.stop();
      telemetry.log('info', 'stopped; runners of local hosts go on, and are adopted at the next start');
    },
  });
}

function demandEnvironment(variables: Readonly<Record<string, string | undefined>>): Environment {
  const read = readEnvironment(variables);
  if (read.outcome === 'read') return read.environment;
  throw new ConfigurationError('The environment', read.problems);
}
