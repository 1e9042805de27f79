// Serves a real GitHub: checks what can be checked before, then runs until it is told to stop.

import { readPrivateKey } from '../../adapters/github/app/credentials.ts';
import { createGitHubApp, type GitHubApp } from '../../adapters/github/app/index.ts';
import { type Environment, publicUrlProblem } from '../../config/environment.ts';
import { hostTypes } from '../../config/host-types.ts';
import { loadConfiguration } from '../../config/load.ts';
import { describeProblem, describeWarning } from '../../config/problem.ts';
import type { Configuration } from '../../core/configuration.ts';
import { gitHubName } from '../../core/ids.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import { GitHubError } from '../../ports/github.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { tellRequest } from '../github-requests.ts';
import { type Running, run } from './run.ts';
import { checkApp } from './startup-checks.ts';

export interface ServeDeps {
  environment: Environment;
  credentials: NonNullable<Environment['app']>;
  clock: Clock;
  random: Random;
  telemetry: Telemetry;
}

/** Throws where it can not start; the message is for the person who started it. */
export async function serve(deps: ServeDeps): Promise<Running> {
  const { environment, credentials, clock, random, telemetry } = deps;
  const { configuration, warnings } = await loadConfiguration(environment.configurationFile);
  for (const warning of warnings) telemetry.log('warn', describeWarning(warning));
  const problem = publicUrlProblem(environment, configuration, hostTypes);
  if (problem) throw new Error(describeProblem(problem));

  const github: GitHubApp = createGitHubApp({
    appId: credentials.appId,
    privateKey: readPrivateKey(credentials.privateKey),
    apiUrl: environment.gitHub.apiUrl,
    clock,
    random,
    onRequest: (made) => tellRequest(telemetry, made, github.rateLeft),
  });
  await lookAtApp(github, configuration, deps);

  const running = await run({
    configuration,
    gitHubName: gitHubName(new URL(environment.gitHub.webUrl).hostname),
    github,
    webhookSecrets: credentials.webhookSecrets,
    dataDirectory: environment.dataDirectory,
    publicUrl: environment.publicUrl,
    clock,
    random,
    telemetry,
    traces: environment.tracing,
    host: environment.host,
    port: environment.port,
  });
  telemetry.log('info', 'serving', {
    webhooks: `${environment.publicUrl ?? running.server.url}/webhooks/github`,
    github: environment.gitHub.webUrl,
    data: environment.dataDirectory,
    configuration: configuration.version,
    prefix: running.deployment.prefix,
  });
  return running;
}

async function lookAtApp(github: GitHubApp, configuration: Configuration, deps: ServeDeps): Promise<void> {
  const { environment, clock, telemetry } = deps;
  const seen = await Promise.all([github.readApp(), github.installations()]).catch((error: unknown) => {
    if (!(error instanceof GitHubError) || !isPassing(error)) throw error;
    if (configuration.allow.kind === 'onlyInstallation')
      throw new Error(unknownInstallations(error), { cause: error });
    telemetry.log('warn', 'GitHub can not be asked about the App now; it goes on unchecked', {
      error: error.message,
      remedy: `none in an outage of GitHub; if it stays, see that ${environment.gitHub.apiUrl} is the address of its API`,
    });
    return null;
  });
  if (!seen) return;
  const [app, installations] = seen;
  const findings = checkApp(
    { app, installations, now: clock.now(), webUrl: environment.gitHub.webUrl },
    configuration,
  );
  const errors = findings.filter(({ level }) => level === 'error');
  for (const { level, text } of findings) if (level === 'warning') telemetry.log('warn', text);
  if (errors.length > 0) throw new Error(errors.map(({ text }) => text).join('\n\n'));
}

/** An outage of GitHub must not keep the system from starting: machines run, and events are on their way. */
function isPassing({ kind }: GitHubError): boolean {
  return kind === 'unavailable' || kind === 'limited';
}

function unknownInstallations({ message }: GitHubError): string {
  return (
    'GitHub can not be asked how often the App is installed, and without `allow` only one installation is served. ' +
    `Remedy: write allow: { owners: [...] } in the configuration, or start again later. GitHub said: ${message}`
  );
}
