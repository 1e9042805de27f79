// The types of hosts that can be deployed, and what each needs on AWS. A new one is a folder in src/adapters/hosts and
// a line here.

import { createInfrastructure as ec2 } from '../../../adapters/hosts/ec2/infrastructure.ts';
import type { CreateHostInfrastructure } from '../../../adapters/hosts/infrastructure.ts';
import { createInfrastructure as kubernetes } from '../../../adapters/hosts/kubernetes/infrastructure.ts';
import { createInfrastructure as lambda } from '../../../adapters/hosts/lambda/infrastructure.ts';
import { createInfrastructure as microvm } from '../../../adapters/hosts/microvm/infrastructure.ts';
import { createInfrastructure as simulated } from '../../../adapters/hosts/simulated/infrastructure.ts';

export const hostInfrastructures: Readonly<Record<string, CreateHostInfrastructure>> = {
  ec2,
  kubernetes,
  lambda,
  microvm,
  simulated,
};
