// X-Ray's OTLP endpoint: requests are signed as every request to AWS is, body included.
// [CloudWatch: OTLP endpoints; AWS: Signature Version 4]

import { Hash } from '@smithy/core/serde';
import { SignatureV4 } from '@smithy/signature-v4';
import type { HashConstructor } from '@smithy/types';
import type { Clock } from '../../../ports/clock.ts';
import type { DeliverySettings } from './delivery.ts';

export interface Signing {
  region: string;
  credentials(): Promise<{ accessKeyId: string; secretAccessKey: string; sessionToken?: string }>;
  clock: Clock;
}

export function signedForXRay({ region, credentials, clock }: Signing): DeliverySettings['headersOf'] {
  const signer = new SignatureV4({ service: 'xray', region, credentials, sha256: Sha256 });
  return async ({ url, headers, body }) => {
    const request = {
      method: 'POST',
      protocol: url.protocol,
      hostname: url.hostname,
      path: url.pathname,
      headers: { ...headers, host: url.host },
      body,
    };
    const signed = await signer.sign(request, { signingDate: new Date(clock.now()) });
    return signed.headers;
  };
}

/** Node's own, in the shape that the signer asks for: as the SDK's clients have it. */
export const Sha256: HashConstructor = Hash.bind(null, 'sha256');
