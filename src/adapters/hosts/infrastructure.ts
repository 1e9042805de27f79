// What each host's `infrastructure.ts` makes on AWS, and what the functions that call the host are given for it. Types
// alone: the CDK is imported by the deployment and by those files, never by what runs.

import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import type { EventPattern } from 'aws-cdk-lib/aws-events';
import type { IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { HostSettings, PoolSettings } from '../../core/configuration.ts';

interface HostInfrastructureProps {
  /** Of the whole deployment: what a person names it by. */
  stackName: string;
  settings: HostSettings;
  pools: readonly PoolSettings[];
  /** The network of the deployment, made when a host asks for it. */
  vpc: () => IVpc;
  /** For logs that a host makes. */
  logRetentionDays?: number;
  /** The function that sets the host up where CloudFormation can not reach, made when the host asks for it. */
  setUp?: (scope: Construct) => SetUpFunction;
}

export interface SetUpFunction {
  /** It may write its log, and what the host adds. */
  role: IRole;
  /** What a custom resource calls. */
  serviceToken: string;
  secondsMax: number;
}

export interface HostInfrastructure {
  /** What Orchestrators of this host, and the Reconciler, may do: no more than the adapter calls. */
  permissions: readonly PolicyStatement[];
  /** What only the function that launches may do beside that. */
  launchPermissions?: readonly PolicyStatement[];
  /** It remembers in the table what had no capacity, which its launchers ask by a query. */
  remembersOffers?: boolean;
  /** Resources with a wildcard in these, each with the reason. Another one is refused when templates are made. */
  wildcards?: readonly Wildcard[];
  /** What the adapter is told by the environment: names of what was made here, never a secret. */
  environment: Readonly<Record<string, string>>;
  /** Images that are built for it, and what the function that keeps them new is told and may do. */
  images?: Pick<HostInfrastructure, 'permissions' | 'wildcards' | 'environment'>;
  /** Events on the account's default bus that tell of machines' ends. */
  events: readonly EventPattern[];
  /** What the function that reads those events may do, where they do not tell all. */
  eventPermissions?: readonly PolicyStatement[];
}

export interface Wildcard {
  /** As in the permission. Where it is made of what only CloudFormation knows, as cdk-nag shows that: `<AWS::Region>`. */
  resource: string;
  reason: string;
}

export type CreateHostInfrastructure = (
  scope: Construct,
  props: HostInfrastructureProps,
) => HostInfrastructure;
