// A function that a host's infrastructure has called at each deploy, for what CloudFormation can not make itself. It may
// write its log; what else it may, the host says. Nothing but a custom resource calls it.

import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Duration } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { SetUpFunction } from '../../../adapters/hosts/infrastructure.ts';
import { functions } from '../functions.ts';
import { createLogGroup, type LogProps } from './encryption.ts';
import type { FunctionCode } from './station-function.ts';

export interface SetUpFunctionProps {
  code: FunctionCode;
  /** How long its log is kept; it is encrypted by CloudWatch's own key, as nothing else is there yet. */
  settings: LogProps['settings'];
}

export function createSetUpFunction(scope: Construct, { code, settings }: SetUpFunctionProps): SetUpFunction {
  const { says, memoryMb, timeoutSeconds } = functions.setUp;
  const logs = createLogGroup(scope, 'Logs', { settings, encryptionKey: null });
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      Own: new PolicyDocument({
        statements: [
          new PolicyStatement({
            actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            resources: [logs.logGroupArn],
          }),
        ],
      }),
    },
  });
  const { functionArn } = new LambdaFunction(scope, 'Function', {
    description: `${says} (${code.host})`,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: Code.fromAsset(code.directory),
    memorySize: memoryMb,
    timeout: Duration.seconds(timeoutSeconds),
    role,
    logGroup: logs,
  });
  return { role, serviceToken: functionArn, secondsMax: timeoutSeconds };
}
