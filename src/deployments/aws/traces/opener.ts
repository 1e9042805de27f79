// How the tracer comes by the place that spans go to: each is a file that exports `openBackEnd`, and a function is
// bundled with the one that it needs.

import type { Deliver } from '../../../adapters/tracers/otlp/delivery.ts';
import type { Environment } from '../environment.ts';
import type { World } from '../ports.ts';

export interface BackEnd {
  deliver: Deliver;
  /** The most that lies between the first and the last moment of one request's spans. */
  spreadMsMax: number;
}

export type OpenBackEnd = (
  world: World,
  environment: Pick<Environment, 'TRACES_URL' | 'TRACES_HEADERS_SECRET_ARN' | 'REGION' | 'METRICS_NAMESPACE'>,
) => BackEnd;

/** One that takes longer is asked again later: three requests, one after the other, fit into the function's 20 s. */
export const deliveryMsMax = 6_000;

export function resourceOf({ REGION, METRICS_NAMESPACE }: Pick<Environment, 'REGION' | 'METRICS_NAMESPACE'>) {
  return {
    'service.name': 'runners',
    'service.namespace': METRICS_NAMESPACE,
    'cloud.provider': 'aws',
    'cloud.region': REGION,
  };
}
