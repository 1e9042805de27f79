// One half of the Orchestrator: the functions that launch, or those that terminate, one for each host and operating
// system. Each half is a stack, as CloudFormation takes 500 resources in one.

import type { Function as StationFunction } from 'aws-cdk-lib/aws-lambda';
import { Stack, type StackProps } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostInfrastructure } from '../../../adapters/hosts/infrastructure.ts';
import type { Configuration, OperatingSystem } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import { systemsOf } from '../../stations.ts';
import type { CodeOf } from './code.ts';
import { createLogGroup } from './encryption.ts';
import { createQueue, type QueueWithDeadLetters } from './queues.ts';
import type { Shared } from './shared.ts';
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

export interface Unit extends QueueWithDeadLetters {
  host: HostName;
  os: OperatingSystem;
  station: StationFunction;
}

export class OrchestratorStack extends Stack {
  readonly units: readonly Unit[];

  constructor(scope: Construct, id: string, props: OrchestratorStackProps) {
    const { half, configuration, shared, codeOf, hosts, ...stackProps } = props;
    super(scope, id, stackProps);
    const { settings, encryptionKey } = shared;
    // One log for all: each function writes streams of its own there, and an order can be followed over all hosts.
    const logs = createLogGroup(this, 'Logs', { settings, encryptionKey });
    const status = half === 'launcher' ? 'launch' : 'terminate';
    this.units = unitsOf(configuration).map(({ host, os }): Unit => {
      const unit = new Construct(this, `${host}-${os}`);
      const queues = createQueue(unit, { kind: status, of: half, encryptionKey });
      const { queue } = queues;
      subscribe(unit, { topic: shared.jobsTopic, queue, only: { Host: [host], OS: [os], Status: [status] } });
      const { permissions, environment } = hosts.get(host) ?? {};
      const station = createStationFunction(unit, {
        kind: half,
        shared,
        code: codeOf(half, host, os),
        logs,
        queue,
        host,
        ...(permissions && { permissions }),
        ...(environment && { environment }),
      });
      createQueueMapping(unit, station, queue, half);
      return { host, os, station, ...queues };
    });
  }
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
