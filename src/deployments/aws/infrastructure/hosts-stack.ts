// What each host needs on AWS, by its adapter's own `infrastructure.ts`. It stands before the functions, which are told
// of what was made here and may use it.

import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import { CfnWaitConditionHandle, Stack, type StackProps } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { CreateHostInfrastructure, HostInfrastructure } from '../../../adapters/hosts/infrastructure.ts';
import type { AwsSettings } from '../../../config/aws.ts';
import { type Configuration, poolsOfHost } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import type { CodeOf } from './code.ts';
import { createSetUpFunction } from './set-up-function.ts';

export interface HostsStackProps extends StackProps {
  /** Of the whole deployment. */
  deploymentName: string;
  configuration: Configuration;
  /** How long logs are kept. */
  keeping: Pick<AwsSettings, 'logRetentionDays' | 'retain'>;
  codeOf: CodeOf;
  /** By type of host. */
  infrastructures: Readonly<Record<string, CreateHostInfrastructure>>;
  vpc: (scope: Construct) => IVpc;
}

export class HostsStack extends Stack {
  readonly hosts: ReadonlyMap<HostName, HostInfrastructure>;

  constructor(
    scope: Construct,
    id: string,
    {
      deploymentName: stackName,
      configuration,
      keeping,
      codeOf,
      infrastructures,
      vpc,
      ...props
    }: HostsStackProps,
  ) {
    super(scope, id, props);
    // Costs nothing and does nothing: a stack has to have something, and not every host needs anything.
    new CfnWaitConditionHandle(this, 'Always');
    this.hosts = new Map(
      configuration.hosts.map((settings) => {
        const { name, type } = settings;
        const create = infrastructures[type];
        if (!create) throw new Error(notDeployable(name, type, Object.keys(infrastructures)));
        const pools = poolsOfHost(configuration, name);
        const setUp = (within: Construct) =>
          createSetUpFunction(within, { code: codeOf('setUp', name), settings: keeping });
        const { logRetentionDays } = keeping;
        const given = { stackName, settings, pools, vpc: () => vpc(this), logRetentionDays, setUp };
        return [name, create(new Construct(this, name), given)];
      }),
    );
  }
}

function notDeployable(name: string, type: string, deployable: readonly string[]): string {
  return (
    `host ${name} is of type ${type}, which can not be deployed to AWS; those that can are ${deployable.join(', ')}. ` +
    'Remedy: give it another type, or take it and its pools out of the configuration that is deployed.'
  );
}
