// Lambda for the deployed system's runners: the stand-in, with the functions that the stacks have made and their settings
// as they were deployed. In each invocation runs what the image's program would do: it claims with a key of its own,
// works on one job, and answers. Its answers go by the function's destination. Some events run twice, as Lambda has it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { GetFunctionEventInvokeConfigCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { z } from 'zod';
import { payloadSchema } from '../../../src/adapters/hosts/lambda/payload.ts';
import type { FunctionSettings, Program } from '../../../src/adapters/hosts/lambda/testing/platform.ts';
import { programOf } from '../../../src/adapters/hosts/lambda/testing/pretend.ts';
import { type LambdaStandIn, startLambdaStandIn } from '../../../src/adapters/hosts/lambda/testing/server.ts';
import type { PoolName } from '../../../src/core/ids.ts';
import { connect, emulatedPlace } from '../../../src/deployments/aws/emulated/connection.ts';
import { createMachineProgram } from '../../../src/deployments/aws/emulated/world/program.ts';
import type { Clock, Random } from '../../../src/ports/clock.ts';
import type { EventBus } from './event-bus.ts';
import { type DeployedResource, type Ground, hostOfType, type Place, resourcesOf } from './ground.ts';

export interface LambdaGround extends Ground {
  standIn: LambdaStandIn;
  /** Results that came back, one for each invocation. */
  results(): number;
  /** Of them, those of invocations whose runner another one had. */
  spent(): number;
}

interface Given {
  clock: Clock;
  random: Random;
  bus: EventBus;
  onError(error: unknown): void;
}

/** Every so manieth event. */
const twiceEach = 10;
const keyBytes = 32;

export async function startLambdaGround(place: Place, given: Given): Promise<LambdaGround> {
  const { clock, random, bus, onError } = given;
  const { world, cloud, deployed } = place;
  const [host, { name: pool }] = hostOfType(place, 'lambda');
  /** Invocations of each runner. */
  const alive = new Map<string, number>();
  let results = 0;
  let spent = 0;
  const limits = world.limits.observer(host, () => ({
    alive: alive.size,
    byPool: new Map<PoolName, number>([[pool, alive.size]]),
  }));
  const start = createMachineProgram({
    clock,
    random,
    gitHub: world.gitHub.world,
    milestones: ['registered'],
    proofOf: async ({ configuration }) => ({
      token: configuration.kind === 'claimed' ? configuration.token : '',
      key: randomBytes(keyBytes).toString('base64url'),
    }),
  });
  const runner = programOf((machine) =>
    start({ ...machine, standBy: () => onError(new Error(`${machine.name} was told to stand by`)) }),
  );

  const program: Program = (invocation) => {
    const { runner: name } = payloadSchema.parse(JSON.parse(invocation.payload));
    const before = alive.get(name) ?? 0;
    alive.set(name, before + 1);
    if (before === 0) limits.born({ pool });
    const running = runner(invocation);
    void running.free.then(() => {
      const left = (alive.get(name) ?? 0) - 1;
      if (left > 0) alive.set(name, left);
      else alive.delete(name);
    });
    return running;
  };

  const lambda = connect(LambdaClient, cloud.endpoint);
  const functions: FunctionSettings[] = [];
  for (const deployedFunction of resourcesOf(deployed, 'AWS::Lambda::Function'))
    if (deployedFunction.resource.Properties?.['PackageType'] === 'Image')
      functions.push(await settingsOf(lambda, deployedFunction, program));
  lambda.destroy();

  const standIn = await startLambdaStandIn({
    clock,
    functions,
    place: emulatedPlace,
    fate: (_call, calls) => (calls.length % twiceEach === 0 ? 'twice' : 'pass'),
    onResult(record) {
      results += 1;
      const { responsePayload } = record['detail'] as { responsePayload?: { outcome?: string } };
      if (responsePayload?.outcome === 'spent') spent += 1;
      bus.put(record).catch(onError);
    },
  });
  cloud.wire.route('lambda', standIn.endpoint);

  return {
    standIn,
    results: () => results,
    spent: () => spent,
    alive: () => alive.size,
    left: async () => standIn.platform.running().map(({ requestId }) => `invocation ${requestId} runs`),
    close: standIn.close,
  };
}

/** What the emulator keeps of a function by its word, and by the template what it does not keep. */
async function settingsOf(
  lambda: LambdaClient,
  { name, resource }: DeployedResource,
  program: Program,
): Promise<FunctionSettings> {
  const asked = { FunctionName: name, Qualifier: '$LATEST' };
  const once = await lambda.send(new GetFunctionEventInvokeConfigCommand(asked));
  const { OnSuccess, OnFailure } = once.DestinationConfig ?? {};
  assert.equal(once.MaximumRetryAttempts, 0, `${name} tries again`);
  for (const destination of [OnSuccess, OnFailure])
    assert.match(destination?.Destination ?? 'nobody', /:event-bus\/default$/);
  const { Timeout, ReservedConcurrentExecutions, TenancyConfig } = functionSchema.parse(resource.Properties);
  return {
    name,
    timeoutSeconds: Timeout,
    eventAgeSecondsMax: once.MaximumEventAgeInSeconds ?? 0,
    reservedConcurrency: ReservedConcurrentExecutions,
    tenantIsolation: TenancyConfig?.TenantIsolationMode === 'PER_TENANT',
    program,
  };
}

const functionSchema = z.object({
  Timeout: z.int(),
  ReservedConcurrentExecutions: z.int(),
  TenancyConfig: z.object({ TenantIsolationMode: z.string() }).optional(),
});
