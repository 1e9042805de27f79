// What deployed functions are told of where they are, which no template can know: their calls of AWS go by the wire,
// each with its function's name, and machines claim at the gateway.

import {
  type EnvironmentResponse,
  GetFunctionConfigurationCommand,
  type LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import type { DeployedStack } from './index.ts';

export interface Surroundings {
  /** Of the emulator itself: the URLs of its queues begin with it, and the SDK sends to those. */
  emulatorPort: string;
  /** Where functions reach AWS. */
  endpointUrl: string;
  /** Where the HTTP API is reached. */
  apiUrl: string;
}

export async function tellSurroundings(
  client: LambdaClient,
  stacks: readonly DeployedStack[],
  surroundings: Surroundings,
): Promise<void> {
  for (const { caller, name } of functionsOf(stacks)) {
    const { Environment = {} } = await client.send(
      new GetFunctionConfigurationCommand({ FunctionName: name }),
    );
    await client.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: name,
        Environment: { Variables: variablesOf(caller, Environment, surroundings) },
      }),
    );
  }
}

function variablesOf(
  caller: string,
  { Variables: given = {} }: EnvironmentResponse,
  { emulatorPort, endpointUrl, apiUrl }: Surroundings,
): Record<string, string> {
  const atEmulator = new RegExp(`^http://(?:localhost|127\\.0\\.0\\.1):${emulatorPort}(?=/)`);
  const variables = Object.entries(given).map(([name, value]) => [
    name,
    name === 'CLAIM_URL' ? `${apiUrl}/runners/claim` : value.replace(atEmulator, endpointUrl),
  ]);
  return {
    ...(Object.fromEntries(variables) as Record<string, string>),
    AWS_ENDPOINT_URL: endpointUrl,
    AWS_SDK_UA_APP_ID: caller,
  };
}

export interface DeployedFunction {
  logicalId: string;
  /** What the wire knows it by: two stacks may use the same logical id. */
  caller: string;
  /** What it is called there. */
  name: string;
  stack: DeployedStack;
}

/** Our own: a function that is an image is a runner. */
export function functionsOf(stacks: readonly DeployedStack[]): DeployedFunction[] {
  return stacks.flatMap((stack) =>
    Object.entries(stack.template.Resources ?? {}).flatMap(([logicalId, { Type, Properties = {} }]) => {
      const name = stack.resources[logicalId];
      return Type === 'AWS::Lambda::Function' && name !== undefined && Properties['PackageType'] !== 'Image'
        ? [{ logicalId, caller: callerOf(stack, logicalId), name, stack }]
        : [];
    }),
  );
}

/** `PublisherFunction1938950E`, `launchers.onelinuxFunctionD5A4B9F8`. */
function callerOf({ name }: DeployedStack, logicalId: string): string {
  const part = name.slice(name.lastIndexOf('-') + 1);
  return part === 'pipeline' ? logicalId : `${part}.${logicalId}`;
}
