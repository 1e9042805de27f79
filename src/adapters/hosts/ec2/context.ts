// What all calls of one host on EC2 share.

import type { DeploymentPrefix, HostName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Offers } from '../../../ports/offers.ts';
import type { Ec2Clients } from './client.ts';
import type { Made } from './made.ts';
import type { Ec2HostOptions } from './options.ts';

export interface HostContext {
  deployment: DeploymentPrefix;
  host: HostName;
  options: Ec2HostOptions;
  made: Made;
  clients: Ec2Clients;
  offers: Offers;
  clock: Clock;
  random: Random;
}
