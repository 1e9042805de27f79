// What all calls of one host on Lambda share.

import type { LambdaClient } from '@aws-sdk/client-lambda';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Made } from './made.ts';
import type { LambdaHostOptions } from './options.ts';

export interface HostContext {
  options: LambdaHostOptions;
  made: Made;
  /** Opened by who launches; who only looks needs none. */
  client: () => LambdaClient;
  clock: Clock;
  random: Random;
}
