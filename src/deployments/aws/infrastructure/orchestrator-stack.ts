// One half of the Orchestrator: the functions that launch, or those that terminate, one for each host and operating
// system. Each half is a stack, as CloudFormation takes 500 resources in one.

import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Stack, type StackProps } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostInfrastructure } from '../../../adapters/hosts/infrastructure.ts';
import type { Configuration } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import { systemsOf } from '../../stations.ts';
import type { CodeOf } from './code.ts';
import { createLogGroup } from './encryption.ts';
import { createQueue } from './queues.ts';
import type { Shared, Watched } from './shared.ts';
import { createQueueMapping, createStationFunction } from './station-function.ts';
import { subscribe } from './topics.ts';

export interface OrchestratorStackProps extends StackProps {
  half: 'launcher' | 'terminator';
  configuration: Configuration;
  shared: Shared;
  codeOf: CodeOf;
  hosts: ReadonlyMap<HostName, HostInfrastructure>;
}

/** Each unit has 8 resources, of which CloudFormation takes 500 in a stack. */
const unitsMax = 60;

export class OrchestratorStack extends Stack {
  readonly watched: Watched = { functions: [], queues: [] };

  constructor(scope: Construct, id: string, props: OrchestratorStackProps) {
    const { half, configuration, shared, codeOf, hosts, ...stackProps } = props;
    super(scope, id, stackProps);
    const { settings, encryptionKey } = shared;
    // One log for all: each function writes streams of its own there, and an order can be followed over all hosts.
    const logs = createLogGroup(this, 'Logs', { settings, encryptionKey });
    const status = half === 'launcher' ? 'launch' : 'terminate';
    for (const { host, os } of unitsOf(configuration)) {
      const unit = new Construct(this, `${host}-${os}`);
      const { queue, deadLetters } = createQueue(unit, { kind: status, of: half, encryptionKey });
      // Who may start a spare's machine may stop it too.
      const statuses = half === 'launcher' ? ['launch', 'standBy'] : ['terminate'];
      subscribe(unit, { topic: shared.jobsTopic, queue, only: { Host: [host], OS: [os], Status: statuses } });
      const {
        permissions = [],
        launchPermissions = [],
        remembersOffers = false,
        wildcards = [],
        environment = {},
      } = hosts.get(host) ?? {};
      const station = createStationFunction(unit, {
        kind: half,
        shared,
        code: codeOf(half, host, os),
        logs,
        queue,
        host,
        permissions: [
          ...permissions,
          ...(half === 'launcher' ? launchPermissions : []),
          ...(half === 'launcher' && remembersOffers ? [askForOffers(shared)] : []),
        ],
        wildcards,
        environment,
      });
      createQueueMapping(unit, station, queue, half);
      this.watched.functions.push({ kind: half, name: `${half}-${host}-${os}`, function: station });
      this.watched.queues.push({ name: `${status}-${host}-${os}`, queue, deadLetters });
    }
  }
}

function askForOffers({ table }: Shared): PolicyStatement {
  return new PolicyStatement({ actions: ['dynamodb:Query'], resources: [table.attrArn] });
}

function unitsOf(configuration: Configuration) {
  const units = configuration.hosts.flatMap(({ name: host }) =>
    systemsOf(configuration, host).map((os) => ({ host, os })),
  );
  if (units.length <= unitsMax) return units;
  throw new Error(
    `the pools use ${units.length} pairs of a host and an operating system; a deployment has room for ${unitsMax}. ` +
      'Remedy: put some of the hosts into a deployment of their own, with another aws.stackName.',
  );
}
