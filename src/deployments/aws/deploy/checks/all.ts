// Everything that a deployment needs, looked at before anything is changed. All that is missing is told at once; what
// can only be known when something else is there is left for the next time.

import { createGitHubApp, type GitHubApp } from '../../../../adapters/github/app/index.ts';
import type { AwsSettings } from '../../../../config/aws.ts';
import { loadConfiguration } from '../../../../config/load.ts';
import { ConfigurationError, describeWarning, type Problem } from '../../../../config/problem.ts';
import type { Configuration } from '../../../../core/configuration.ts';
import type { Clock, Random } from '../../../../ports/clock.ts';
import { warnOfOpenFiles } from '../../../embedded/secret-files.ts';
import { type Clients, createClients, regionOfProfile } from '../clients.ts';
import { type Place, placeOf } from '../place.ts';
import { lookAtApp } from './app.ts';
import { readBootstrap } from './bootstrap.ts';
import { checkHosts, checkIdentityKeys, checkImageBuilder } from './configuration.ts';
import { readIdentity } from './credentials.ts';
import { checkEnvironment, type DeployEnvironment } from './environment-file.ts';
import { checkTraces } from './traces.ts';

export interface CheckOptions {
  /** With the file's beneath the real ones. */
  variables: Readonly<Record<string, string | undefined>>;
  environmentFile: string;
  /** Types of hosts that have infrastructure. */
  deployable: readonly string[];
  /** Makes the bootstrap by itself where it is missing. */
  mayBootstrap: boolean;
  clock: Clock;
  random: Random;
}

/** All that was read on the way. */
export interface Ready {
  place: Place & { region: string };
  clients: Clients;
  account: string;
  /** For people: who deploys. */
  who: string;
  needsBootstrap: boolean;
  given: DeployEnvironment;
  configuration: Configuration;
  settings: AwsSettings;
  github: GitHubApp;
  warnings: readonly string[];
}

export type Checked =
  | { outcome: 'ready'; ready: Ready }
  | { outcome: 'refused'; problems: readonly Problem[]; warnings: readonly string[] };

export async function checkAll(options: CheckOptions): Promise<Checked> {
  const problems: Problem[] = [];
  const warnings: string[] = [];

  const environment = checkEnvironment(options.variables, options.environmentFile);
  const given = environment.outcome === 'read' ? environment.read : null;
  if (environment.outcome === 'refused') problems.push(...environment.problems);
  warnings.push(
    ...warnOfOpenFiles([options.environmentFile, options.variables['GITHUB_APP_PRIVATE_KEY'] ?? '']),
  );

  const configured = await readConfiguration(options, problems, warnings);
  const [account, github] = await Promise.all([
    lookAtAccount(options, problems),
    given && configured ? lookAtGitHub(options, given, configured.configuration, problems, warnings) : null,
  ]);

  if (configured && account) {
    const { place, clients } = account;
    problems.push(...checkIdentityKeys(configured.configuration, place.region));
    // An emulator has no such setting.
    if (!place.isEmulator) {
      const traces = await checkTraces(clients.xray, configured.settings, place.region);
      problems.push(...traces.problems);
      warnings.push(...traces.warnings);
    }
  }
  if (problems.length > 0 || !given || !configured || !account || !github) {
    account?.clients.close();
    return { outcome: 'refused', problems, warnings };
  }
  return { outcome: 'ready', ready: { ...account, ...configured, given, github, warnings } };
}

async function readConfiguration(
  { variables, deployable }: CheckOptions,
  problems: Problem[],
  warnings: string[],
): Promise<Pick<Ready, 'configuration' | 'settings'> | null> {
  const file = variables['RUNNERS_CONFIG'] || 'runners.config.ts';
  try {
    const read = await loadConfiguration(file);
    warnings.push(...read.warnings.map(describeWarning));
    const { isEmulator } = placeOf(variables, null);
    problems.push(...checkHosts(read.configuration, deployable, isEmulator));
    if (!isEmulator) problems.push(...checkImageBuilder(read.configuration, variables));
    return { configuration: read.configuration, settings: read.aws };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    problems.push(
      ...error.problems.map((one) => ({ ...one, place: one.place === '' ? file : `${file}: ${one.place}` })),
    );
    return null;
  }
}

type Account = Pick<Ready, 'place' | 'clients' | 'account' | 'who' | 'needsBootstrap'>;

async function lookAtAccount(
  { variables, mayBootstrap }: CheckOptions,
  problems: Problem[],
): Promise<Account | null> {
  const identity = await lookAtIdentity(variables, problems);
  if (identity === null) return null;
  const { clients, account, place } = identity;
  const bootstrap = await readBootstrap(clients.ssm, account, place.region);
  const needsBootstrap = bootstrap.outcome === 'missing';
  if (bootstrap.outcome === 'denied' || (bootstrap.outcome === 'missing' && !mayBootstrap)) {
    problems.push(bootstrap.problem);
  }
  return { ...identity, needsBootstrap };
}

/** Whose credentials they are, and where they are used: what every command needs. */
export async function lookAtIdentity(
  variables: CheckOptions['variables'],
  problems: Problem[],
): Promise<Omit<Account, 'needsBootstrap'> | null> {
  const place = placeOf(variables, await regionOfProfile(variables));
  const isRegion = place.region !== null && /^[a-z]{2,4}(?:-[a-z]+)+-\d+$/.test(place.region);
  if (!isRegion) problems.push(noRegion(place.region));
  // Whose the credentials are can be asked in any region, so that both are told at once.
  const region = isRegion && place.region !== null ? place.region : regionToAskIn;
  const clients = createClients(variables, region);
  const identity = await readIdentity(clients.sts);
  if ('problem' in identity) problems.push(identity.problem);
  if ('problem' in identity || !isRegion) {
    clients.close();
    return null;
  }
  return { place: { ...place, region }, clients, account: identity.account, who: identity.arn };
}

const regionToAskIn = 'us-east-1';

function noRegion(given: string | null): Problem {
  return {
    place: 'AWS region',
    what: given === null ? 'neither the environment nor a profile names one' : `'${given}' is none`,
    allowed: 'the name of a region, such as eu-central-1',
    remedy: 'set AWS_REGION, or `aws configure set region <region>` for the profile in use',
  };
}

async function lookAtGitHub(
  { clock, random }: CheckOptions,
  given: DeployEnvironment,
  configuration: Configuration,
  problems: Problem[],
  warnings: string[],
): Promise<GitHubApp> {
  const { apiUrl, webUrl } = given.environment.gitHub;
  const github = createGitHubApp({
    appId: given.appId,
    privateKey: given.privateKey,
    apiUrl,
    clock,
    random,
  });
  const seen = await lookAtApp({ github, apiUrl, webUrl, clock }, configuration);
  problems.push(...seen.problems);
  warnings.push(...seen.warnings);
  return github;
}
