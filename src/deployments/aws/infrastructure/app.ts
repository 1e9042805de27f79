// The whole deployment as a CDK app. Nothing is looked up: neither the account, nor the region, nor what is in them, so
// the same input gives the same templates anywhere.
//
//   network         if a host has machines in a network that is to be made
//   hosts           what hosts need: each by its adapter's infrastructure.ts
//   pipeline        table, topics, queues, HTTP API, secrets, and every function that is there once
//   launchers       the Orchestrator's halves: a function and a queue for each host and operating system
//   terminators
//   observability   alarms, who is told, and a dashboard
//
// A stack reads what an earlier one made as it is at its own deploy (`Fn::GetStackOutput`), and holds none of it back:
// an export would forbid to take a host out, as long as another stack still names what it was. So all of them have to
// be deployed, in this order, even those whose own template is the same as before.

import type { IVpc } from 'aws-cdk-lib/aws-ec2';
import { CfnRole, ManagedPolicy, PermissionsBoundary } from 'aws-cdk-lib/aws-iam';
import { App, Aspects, Stack, Tags } from 'aws-cdk-lib/core';
import type { Construct, IConstruct } from 'constructs';
import type { CreateHostInfrastructure } from '../../../adapters/hosts/infrastructure.ts';
import type { AwsSettings } from '../../../config/aws.ts';
import type { Configuration } from '../../../core/configuration.ts';
import { deploymentTag } from '../outputs.ts';
import { codeAmong } from './code.ts';
import { hostInfrastructures } from './hosts.ts';
import { HostsStack } from './hosts-stack.ts';
import { existingNetwork, NetworkStack } from './network-stack.ts';
import { ObservabilityStack } from './observability-stack.ts';
import { OrchestratorStack } from './orchestrator-stack.ts';
import { PipelineStack } from './pipeline-stack.ts';
import type { GitHubNames } from './shared.ts';
import type { FunctionCode } from './station-function.ts';

export interface AppProps {
  configuration: Configuration;
  settings: AwsSettings;
  gitHub: GitHubNames;
  /** One for each function. */
  bundles: readonly FunctionCode[];
  /** What types of hosts need; those of hosts.ts where it is left out. */
  infrastructures?: Readonly<Record<string, CreateHostInfrastructure>>;
  /** Where the assembly is written; the CDK's own choice where it is left out. */
  outDirectory?: string;
}

export function createApp(props: AppProps): App {
  const {
    configuration,
    settings,
    gitHub,
    bundles,
    infrastructures = hostInfrastructures,
    outDirectory,
  } = props;
  const app = new App({
    ...(outDirectory !== undefined && { outdir: outDirectory }),
    analyticsReporting: false,
    context: {
      '@aws-cdk/core:defaultCrossStackReferences': 'weak',
      // What CloudFormation would refuse is refused here.
      '@aws-cdk/core:validateAgainstDefaultRules': true,
    },
  });
  const name = (part: string) => `${settings.stackName}-${part}`;
  const says = (what: string) => ({ description: `Ephemeral GitHub Actions runners: ${what}` });
  const codeOf = codeAmong(bundles);

  const { hosts } = new HostsStack(app, name('hosts'), {
    ...says('what hosts need'),
    deploymentName: settings.stackName,
    configuration,
    keeping: settings,
    codeOf,
    infrastructures,
    vpc: networkOf(app, name('network'), settings),
  });
  const pipeline = new PipelineStack(app, name('pipeline'), {
    ...says('the pipeline'),
    configuration,
    settings,
    gitHub,
    codeOf,
    hosts,
  });
  const { shared } = pipeline;
  const orchestrator = { configuration, shared, codeOf, hosts };
  const launchers = new OrchestratorStack(app, name('launchers'), {
    ...says('functions that launch'),
    half: 'launcher',
    ...orchestrator,
  });
  const terminators = new OrchestratorStack(app, name('terminators'), {
    ...says('functions that terminate'),
    half: 'terminator',
    ...orchestrator,
  });
  new ObservabilityStack(app, name('observability'), {
    ...says('alarms and a dashboard'),
    settings,
    encryptionKey: shared.encryptionKey,
    hosts: configuration.hosts,
    functions: [
      ...pipeline.watched.functions,
      ...launchers.watched.functions,
      ...terminators.watched.functions,
    ],
    queues: [...pipeline.watched.queues, ...launchers.watched.queues, ...terminators.watched.queues],
    streamFailures: pipeline.streamFailures,
    tableName: shared.table.ref,
    apiId: pipeline.apiId,
    stepsLogGroupName: pipeline.stepsLogs.logGroupName,
  });

  tagAll(app, settings);
  boundRoles(app, settings);
  return app;
}

/** Made when the first host asks. */
function networkOf(app: App, id: string, settings: AwsSettings): (scope: Construct) => IVpc {
  let vpc: IVpc | null = null;
  return (scope) => {
    vpc ??=
      settings.network.kind === 'existing'
        ? existingNetwork(scope, 'Network', settings)
        : new NetworkStack(app, id, {
            settings,
            description: 'Ephemeral GitHub Actions runners: the network of machines',
          }).vpc;
    return vpc;
  };
}

function tagAll(app: App, { stackName, tags }: AwsSettings): void {
  for (const [key, value] of Object.entries({ ...tags, [deploymentTag]: stackName })) {
    Tags.of(app).add(key, value);
  }
}

function boundRoles(app: App, { permissionsBoundary, rolePath }: AwsSettings): void {
  if (permissionsBoundary !== undefined) {
    const policy = ManagedPolicy.fromManagedPolicyArn(new Stack(), 'Boundary', permissionsBoundary);
    PermissionsBoundary.of(app).apply(policy);
  }
  Aspects.of(app).add({
    visit(node: IConstruct) {
      if (node instanceof CfnRole) node.path = rolePath;
    },
  });
}
