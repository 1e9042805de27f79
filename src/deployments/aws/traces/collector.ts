// A collector, or a service that speaks OTLP. The headers that it wants, such as a key, are a secret.

import { z } from 'zod';
import { createDelivery } from '../../../adapters/tracers/otlp/delivery.ts';
import { createSecret } from '../secrets.ts';
import { createSecretReader } from '../secrets-manager.ts';
import { deliveryMsMax, type OpenBackEnd, resourceOf } from './opener.ts';

/** `{ "x-api-key": "…" }`, as HTTP can carry it. */
const headersSchema = z
  .record(z.string().regex(/^[\w-]{1,100}$/), z.string().regex(/^[\x20-\x7e]{1,4096}$/))
  .refine((headers) => Object.keys(headers).length <= 20);

export const openBackEnd: OpenBackEnd = (world, environment) => {
  const { TRACES_HEADERS_SECRET_ARN: arn } = environment;
  const readText = createSecretReader();
  const secret =
    arn === ''
      ? null
      : createSecret({ ...world, fetchText: () => readText(arn), schema: headersSchema, name: arn });
  return {
    spreadMsMax: Number.POSITIVE_INFINITY,
    deliver: createDelivery({
      url: environment.TRACES_URL,
      resource: resourceOf(environment),
      headersOf: async ({ headers }) => ({ ...(await secret?.read()), ...headers }),
      timeoutMs: deliveryMsMax,
    }),
  };
};
