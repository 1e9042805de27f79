// Where machines ship their logs, and by which right: a log group for the host, and a role that may write there and
// nothing else. A job can take it from its machine; what it could do is write lines that are not true.

import {
  InstanceProfile,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { HostSettings } from '../../../../core/configuration.ts';
import { shippedLogGroup } from './names.ts';

export interface ShippedLogs {
  /** Its name. Streams in it: `<runner>/console`, `<runner>/diag`. */
  group: string;
  profileName: string;
  roleArn: string;
}

/** Where the deployment says nothing. */
const retentionDaysDefault = 30;

interface ShippedLogsProps {
  stackName: string;
  settings: Pick<HostSettings, 'name'>;
  logRetentionDays?: number;
}

export function createShippedLogs(
  scope: Construct,
  { stackName, settings, logRetentionDays = retentionDaysDefault }: ShippedLogsProps,
): ShippedLogs {
  const group = shippedLogGroup(stackName, settings.name);
  const logs = new LogGroup(scope, 'Group', {
    logGroupName: group,
    retention: logRetentionDays as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, 'Role', {
    description: `Machines of host ${settings.name} ship their logs`,
    assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    inlinePolicies: {
      Ship: new PolicyDocument({
        statements: [
          new PolicyStatement({
            actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            resources: [logs.logGroupArn],
          }),
        ],
      }),
    },
  });
  const { instanceProfileName } = new InstanceProfile(scope, 'Profile', { role });
  return { group, profileName: instanceProfileName, roleArn: role.roleArn };
}
