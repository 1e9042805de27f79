// The deployed system and the world around it, put together: what `make start-aws` shows and what the tests of the
// deployment drive. The configuration is bundled, the templates are synthesized and deployed as for an account; then
// the secrets are put into their place, and GitHub is told where to send webhooks.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { z } from 'zod';
import { type AwsSettings, awsSchema } from '../../../config/aws.ts';
import { bundleFunctions } from '../bundle.ts';
import { eventSource } from '../hosts/simulated.ts';
import { createApp } from '../infrastructure/app.ts';
import { outputKeys } from '../outputs.ts';
import { type Cloud, type CloudDeps, type Deployed, startCloud } from './cloud.ts';
import { connect } from './connection.ts';
import type { Mappings } from './mappings/index.ts';
import { type EmulatedWorld, startWorld, type TellDeath, type WorldOptions } from './world/world.ts';

export interface SystemOptions extends WorldOptions, CloudDeps {
  /** Of the deployment, where they are to be others than by default. */
  settings?: z.input<typeof awsSchema>;
  /** What hosts find where they are, before anything runs: clusters, stand-ins of services. */
  onDeployed?(given: { cloud: Cloud; deployed: Deployed; world: EmulatedWorld }): Promise<void>;
  /** Told what is being done, since it takes a while. */
  onStep?(says: string): void;
}

export interface System {
  cloud: Cloud;
  deployed: Deployed;
  world: EmulatedWorld;
  mappings: Mappings;
  /** Where GitHub sends webhooks. */
  webhookUrl: string;
  /** A minute has passed: every schedule fires once. */
  tick(): Promise<void>;
  stop(): Promise<void>;
}

/** The simulated GitHub's name, part of every key. */
const gitHubName = 'github.simulated';

export async function startSystem(options: SystemOptions): Promise<System> {
  const { onStep = () => {} } = options;
  const folder = await mkdtemp(join(tmpdir(), 'runners-aws-'));
  const ends: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    onStep('starting the emulator, the simulated GitHub and the park');
    const world = await startWorld(options);
    ends.push(world.close);
    const cloud = await startCloud(options);
    ends.push(cloud.stop);
    onStep('bundling the functions');
    const assembly = await synthesize(world, awsSchema.parse(options.settings ?? {}), folder);
    onStep('deploying the stacks');
    const deployed = await cloud.deploy(assembly);
    await putSecrets(cloud, deployed, world);
    await options.onDeployed?.({ cloud, deployed, world });
    const mappings = await deployed.startMappings();
    const tick = async () => {
      await Promise.all(deployed.schedules.map(({ fire }) => fire()));
    };
    await tick();
    const webhookUrl = `${cloud.apiUrl}/webhooks/github`;
    world.gitHub.setWebhookUrl(webhookUrl);
    world.tellDeathsTo(tellEventBridge(cloud, ends));
    return { cloud, deployed, world, mappings, webhookUrl, tick, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function synthesize(world: EmulatedWorld, settings: AwsSettings, folder: string): Promise<string> {
  const { configuration, gitHub } = world;
  const bundles = await bundleFunctions({
    configuration,
    outDirectory: join(folder, 'functions'),
    sdk: 'bundled',
    secretsStore: settings.secretsStore,
    tracing: settings.tracing,
  });
  const outDirectory = join(folder, 'cdk.out');
  createApp({
    configuration,
    settings,
    gitHub: { name: gitHubName, apiUrl: gitHub.url },
    bundles,
    outDirectory,
  }).synth();
  return outDirectory;
}

/** As the deploy command does: by the API, never in a template. */
async function putSecrets(cloud: Cloud, { outputs }: Deployed, { app }: EmulatedWorld): Promise<void> {
  const client = connect(SecretsManagerClient, cloud.endpoint);
  const put = (id: string | undefined, value: object) =>
    client.send(new PutSecretValueCommand({ SecretId: id, SecretString: JSON.stringify(value) }));
  await put(outputs[outputKeys.webhookSecret], { current: app.webhookSecret, previous: null });
  await put(outputs[outputKeys.appSecret], { appId: String(app.id), privateKey: app.privateKey });
  client.destroy();
}

/** As a host on AWS tells of its machines: events on the account's bus. */
function tellEventBridge(cloud: Cloud, ends: (() => Promise<void>)[]): TellDeath {
  const client = connect(EventBridgeClient, cloud.endpoint);
  ends.push(async () => client.destroy());
  return async (host, { name, machine, cause, at }) => {
    const Detail = JSON.stringify({ host, name, machine, cause, at });
    const entry = { Source: eventSource, DetailType: 'Machine gone', Detail };
    const { FailedEntryCount = 0 } = await client.send(new PutEventsCommand({ Entries: [entry] }));
    if (FailedEntryCount > 0) throw new Error(`EventBridge did not take the event of ${name}`);
  };
}
