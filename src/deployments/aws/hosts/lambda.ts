// Functions of Lambda as runners: which ones comes from the environment.

import { createLambdaClient } from '../../../adapters/hosts/lambda/client.ts';
import { readResult } from '../../../adapters/hosts/lambda/events.ts';
import { createLambdaHost } from '../../../adapters/hosts/lambda/index.ts';
import { readMade } from '../../../adapters/hosts/lambda/made.ts';
import { lambdaHostOptions, lambdaTraits } from '../../../adapters/hosts/lambda/options.ts';
import type { HostOpener } from '../host-opener.ts';

export const open: HostOpener['open'] = ({ settings, clock, random, environment }) =>
  createLambdaHost({
    options: lambdaHostOptions.parse(settings.options),
    made: readMade(environment, settings.name),
    client,
    clock,
    random,
  });

export const traits: HostOpener['traits'] = () => lambdaTraits();

export const readEvent: HostOpener['readEvent'] = (event) => readResult(event);

let opened: ReturnType<typeof createLambdaClient> | null = null;

/** Once in each environment of a function, and only where something is launched. */
function client(): ReturnType<typeof createLambdaClient> {
  opened ??= createLambdaClient();
  return opened;
}
