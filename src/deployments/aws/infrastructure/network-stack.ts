// The network of machines, made when the first host asks for it. Nothing in it can be called from outside: machines
// only ever call. No look-up is made of what there is in the account, so that it can be synthesized anywhere.

import {
  FlowLogDestination,
  GatewayVpcEndpointAwsService,
  IpAddresses,
  IpProtocol,
  type IVpc,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { Fn, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { AwsSettings } from '../../../config/aws.ts';
import { createLogGroup } from './encryption.ts';

/** Zones to use where none are named: a second one for when the first has no machines left. */
const zonesByDefault = 2;

export interface NetworkStackProps extends StackProps {
  settings: AwsSettings;
}

export class NetworkStack extends Stack {
  readonly vpc: IVpc;

  constructor(scope: Construct, id: string, { settings, ...props }: NetworkStackProps) {
    super(scope, id, props);
    const { network } = settings;
    const zones = network.zones ?? [];
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr(network.cidr),
      // By number where they are not named: the region's first.
      availabilityZones: zones.length > 0 ? zones : firstZones(zonesByDefault),
      // Its security group by default is nobody's: every host makes its own, without a way in.
      restrictDefaultSecurityGroup: false,
      ...(network.kind === 'nat' ? behindGateway(network.natGateways, zones.length || zonesByDefault) : open),
      gatewayEndpoints: { S3: { service: GatewayVpcEndpointAwsService.S3 } },
    });
    if (network.flowLogs) {
      const logs = createLogGroup(this, 'FlowLogs', { settings, encryptionKey: null });
      vpc.addFlowLog('FlowLog', { destination: FlowLogDestination.toCloudWatchLogs(logs) });
    }
    // The CDK's class and its interface differ in nothing but in how they leave out what is optional.
    this.vpc = vpc as IVpc;
  }
}

function firstZones(count: number): string[] {
  return Array.from({ length: count }, (_, at) => Fn.select(at, Fn.getAzs()));
}

const open = {
  ipProtocol: IpProtocol.DUAL_STACK,
  natGateways: 0,
  subnetConfiguration: [{ name: 'Machines', subnetType: SubnetType.PUBLIC, mapPublicIpOnLaunch: true }],
};

function behindGateway(gateways: 'one' | 'perZone', zones: number) {
  return {
    natGateways: gateways === 'one' ? 1 : zones,
    subnetConfiguration: [
      { name: 'Gateways', subnetType: SubnetType.PUBLIC, cidrMask: 28, mapPublicIpOnLaunch: false },
      { name: 'Machines', subnetType: SubnetType.PRIVATE_WITH_EGRESS },
    ],
  };
}

/** Subnets that are there already, as the machines' own. */
export function existingNetwork(scope: Construct, id: string, { network }: AwsSettings): IVpc {
  const { vpcId, subnetIds = [], zones = [] } = network;
  if (!vpcId)
    throw new Error("aws.network is of kind 'existing' without vpcId: the configuration was not checked");
  return Vpc.fromVpcAttributes(scope, id, {
    vpcId,
    availabilityZones: zones,
    privateSubnetIds: subnetIds,
  });
}
