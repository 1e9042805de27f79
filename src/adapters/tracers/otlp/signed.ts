// X-Ray's OTLP endpoint: requests are signed as every request to AWS is, body included.
// [CloudWatch: OTLP endpoints; AWS: Signature Version 4]

import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
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

type Data = string | ArrayBuffer | ArrayBufferView;

/** Node's own, in the shape that the signer asks for. */
export class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: Data) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: Data): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('a hash is used once');
  }
}

function bytesOf(data: Data): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data, 'utf8');
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}
