import { randomBytes } from 'node:crypto';
import { isDeploymentPrefix } from '../core/ids.ts';
import type { Deployment } from '../ports/jobs-table.ts';

const prefixLength = 5;
const claimKeyBytes = 32;

/** Who a deployment is, made by chance, and kept in its table by whoever asks first. */
export function makeDeployment(): Deployment {
  const prefix = [...randomBytes(prefixLength)].map((byte) => (byte % 36).toString(36)).join('');
  if (!isDeploymentPrefix(prefix)) throw new Error(`not a deployment's prefix: ${prefix}`);
  return { prefix, claimKey: randomBytes(claimKeyBytes).toString('base64') };
}
