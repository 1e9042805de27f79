// The deployed system on this machine: the synthesized templates in an emulator that runs the functions and enforces
// their roles, the wire between both, Lambda's mappings, and the HTTP API's address.
//
//   machines, GitHub ──▶ gateway ──▶ HTTP API ─┐
//                                              ├─▶ functions ──▶ wire ──▶ table, topics, queues, secrets
//            stream, queues ──▶ mappings ──────┘

import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { Emulator } from '../../../../scripts/emulator.ts';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import { connect, emulatedPlace } from './connection.ts';
import { type DeployedStack, deployAssembly } from './deploy/index.ts';
import { tellSurroundings } from './deploy/surroundings.ts';
import { type Gateway, startGateway } from './gateway.ts';
import { type Mappings, startMappings } from './mappings/index.ts';
import { type Schedule, schedulesOf } from './schedules.ts';
import { startWire, type Wire } from './wire/index.ts';

export interface CloudDeps {
  clock: Clock;
  random: Random;
  /** Of a function that failed, or of a mapping's own call. */
  onError(functionName: string, error: unknown): void;
}

export interface Cloud {
  /** Of the emulator itself, for whoever looks at it or makes it ready. */
  endpoint: string;
  /** Of the HTTP API, before and after the deploy. */
  apiUrl: string;
  wire: Wire;
  /** Deploys what was synthesized for `emulatedPlace`; the mappings do not run yet. */
  deploy(assemblyDirectory: string): Promise<Deployed>;
  stop(): Promise<void>;
}

export interface Deployed {
  stacks: readonly DeployedStack[];
  /** Of all stacks. */
  outputs: Readonly<Record<string, string>>;
  schedules: readonly Schedule[];
  /** Once secrets are there and the world is ready. */
  startMappings(): Promise<Mappings>;
}

/**
 * A laptop has few processors: more processes at a time only start more often, which is what takes the longest. Three
 * hosts still have their Publishers side by side.
 */
const concurrencyMax = 3;

export async function startCloud(deps: CloudDeps): Promise<Cloud> {
  const ends: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    // It then checks each call against the policies of whoever makes it, as AWS does.
    const emulator: Emulator = await startMiniStack({ AUTH: 'true' });
    ends.push(emulator.stop);
    const wire = await startWire(emulator.endpoint);
    ends.push(wire.stop);
    const gateway = await startGateway(emulator.endpoint);
    ends.push(gateway.stop);
    const { endpoint } = emulator;
    return {
      ...{ endpoint, apiUrl: gateway.url, wire, stop },
      deploy: (directory) => deploy(deps, { endpoint, wire, gateway }, directory, ends),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function deploy(
  deps: CloudDeps,
  { endpoint, wire, gateway }: { endpoint: string; wire: Wire; gateway: Gateway },
  directory: string,
  ends: (() => Promise<void>)[],
): Promise<Deployed> {
  const { clock, random, onError } = deps;
  const stacks = await deployAssembly(
    {
      cloudFormation: connect(CloudFormationClient, endpoint),
      s3: connect(S3Client, endpoint, { forcePathStyle: true }),
      ssm: connect(SSMClient, endpoint),
      clock,
      ...emulatedPlace,
    },
    directory,
  );
  const api = stacks.flatMap(({ template, resources }) =>
    Object.entries(template.Resources ?? {}).flatMap(([id, { Type }]) =>
      Type === 'AWS::ApiGatewayV2::Api' ? (resources[id] ?? []) : [],
    ),
  );
  const [apiId] = api;
  if (apiId !== undefined) gateway.open(apiId);
  const lambda = connect(LambdaClient, endpoint, { maxAttempts: 1 });
  await tellSurroundings(lambda, stacks, {
    ...{ endpointUrl: wire.url, apiUrl: gateway.url, emulatorPort: new URL(endpoint).port },
  });
  return {
    stacks,
    outputs: Object.assign({}, ...stacks.map(({ outputs }) => outputs)) as Record<string, string>,
    schedules: schedulesOf(stacks, lambda),
    async startMappings() {
      const mappings = await startMappings({
        lambda,
        sqs: connect(SQSClient, endpoint),
        streams: connect(DynamoDBStreamsClient, endpoint),
        ...{ clock, random, onError, concurrencyMax },
      });
      ends.push(mappings.stop);
      return mappings;
    },
  };
}
