// Every kind of host: what the configuration may say about it and its machines, and where it is. Loaded when it is
// used, so that nobody pays for the SDK of a host that they do not have.

import { ec2HostOptions, ec2Machine } from './ec2/options.ts';
import { kubernetesHostOptions, kubernetesMachine } from './kubernetes/options.ts';
import { lambdaHostOptions, lambdaMachine } from './lambda/options.ts';
import { localHostOptions, localMachine } from './local/options.ts';
import { microvmHostOptions, microvmMachine } from './microvm/options.ts';
import { simulatedHostOptions, simulatedMachine } from './simulated/options.ts';

export const hostTypes = {
  local: { options: localHostOptions, machine: localMachine, load: () => import('./local/index.ts') },
  ec2: { options: ec2HostOptions, machine: ec2Machine, load: () => import('./ec2/index.ts') },
  kubernetes: {
    options: kubernetesHostOptions,
    machine: kubernetesMachine,
    load: () => import('./kubernetes/index.ts'),
  },
  lambda: { options: lambdaHostOptions, machine: lambdaMachine, load: () => import('./lambda/index.ts') },
  microvm: { options: microvmHostOptions, machine: microvmMachine, load: () => import('./microvm/index.ts') },
  simulated: {
    options: simulatedHostOptions,
    machine: simulatedMachine,
    load: () => import('./simulated/index.ts'),
  },
} as const;

export type HostType = keyof typeof hostTypes;
