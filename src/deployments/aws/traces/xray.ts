// X-Ray, at its OTLP endpoint.

import { createDelivery } from '../../../adapters/tracers/otlp/delivery.ts';
import { signedForXRay } from '../../../adapters/tracers/otlp/signed.ts';
import { defaultProvider } from '../credentials.ts';
import { deliveryMsMax, type OpenBackEnd, resourceOf } from './opener.ts';

/** It refuses a request whose spans are more than a day apart. [CloudWatch: OTLP endpoint limits] */
const spreadMsMax = 24 * 60 * 60_000;

export const openBackEnd: OpenBackEnd = ({ clock }, environment) => ({
  spreadMsMax,
  deliver: createDelivery({
    url: environment.TRACES_URL,
    resource: resourceOf(environment),
    headersOf: signedForXRay({ region: environment.REGION, credentials: defaultProvider(), clock }),
    timeoutMs: deliveryMsMax,
  }),
});
