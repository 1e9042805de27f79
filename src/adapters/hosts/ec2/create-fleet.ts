// An instant fleet of one machine: one synchronous request in which EC2 chooses among the offers. It answers with the
// machine, or with what stood in the way of each offer that it tried, and both with HTTP 200.

import {
  type _InstanceType,
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type FleetLaunchTemplateOverrides,
  type FleetOnDemandAllocationStrategy,
  type SpotAllocationStrategy,
} from '@aws-sdk/client-ec2';
import type { Ask, Came } from './ask.ts';
import type { HostContext } from './context.ts';
import type { OfferTerms } from './offer-list.ts';
import type { Ec2Machine } from './options.ts';

export async function createFleet(
  { clients }: HostContext,
  ask: Ask,
  abortSignal: AbortSignal,
): Promise<Came> {
  const answer = await clients.once.send(new CreateFleetCommand(inputOf(ask)), { abortSignal });
  return {
    machines: (answer.Instances ?? []).flatMap(({ InstanceIds }) => InstanceIds ?? []),
    errors: (answer.Errors ?? []).map(({ ErrorCode, ErrorMessage, LaunchTemplateAndOverrides }) => ({
      code: ErrorCode ?? 'Unknown',
      message: ErrorMessage ?? '',
      offer: offerMeant(ask.offers, LaunchTemplateAndOverrides?.Overrides),
    })),
  };
}

function inputOf({ token, template, machine, offers, tags }: Ask): CreateFleetCommandInput {
  const [LaunchTemplateId, Version] = template.split(':');
  const isSpot = offers[0]?.market === 'spot';
  return {
    Type: 'instant',
    ClientToken: token,
    TargetCapacitySpecification: {
      TotalTargetCapacity: 1,
      DefaultTargetCapacityType: isSpot ? 'spot' : 'on-demand',
    },
    ...(isSpot
      ? { SpotOptions: { AllocationStrategy: spotStrategies[machine.allocation] } }
      : { OnDemandOptions: { AllocationStrategy: onDemandStrategies[machine.allocation] } }),
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId, Version },
        Overrides: offers.map((offer) => ({
          InstanceType: offer.instanceType as _InstanceType,
          SubnetId: offer.subnet,
          ...(machine.allocation === 'inOrder' && { Priority: offer.priority }),
        })),
      },
    ],
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tags },
      { ResourceType: 'volume', Tags: tags },
    ],
  };
}

const spotStrategies: Record<Ec2Machine['allocation'], SpotAllocationStrategy> = {
  byPrice: 'price-capacity-optimized',
  byCapacity: 'capacity-optimized',
  inOrder: 'capacity-optimized-prioritized',
};

/** On demand, EC2 knows no order by capacity. */
const onDemandStrategies: Record<Ec2Machine['allocation'], FleetOnDemandAllocationStrategy> = {
  byPrice: 'lowest-price',
  byCapacity: 'lowest-price',
  inOrder: 'prioritized',
};

function offerMeant(
  offers: readonly OfferTerms[],
  overrides: FleetLaunchTemplateOverrides | undefined,
): OfferTerms | null {
  const { InstanceType, SubnetId, AvailabilityZone } = overrides ?? {};
  const isMeant = (offer: OfferTerms) =>
    offer.instanceType === InstanceType && (offer.subnet === SubnetId || offer.zone === AvailabilityZone);
  return offers.find(isMeant) ?? null;
}
