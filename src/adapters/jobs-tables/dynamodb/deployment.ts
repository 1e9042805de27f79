import type { Deployment } from '../../../ports/jobs-table.ts';
import type { Access } from './access.ts';
import { writeOptimistically } from './optimistic.ts';
import { pack, unpack } from './pack.ts';
import { deploymentRowKey } from './schema.ts';

/** Made once, by whoever asks first. */
export function createDeployments(access: Access) {
  return (make: () => Deployment): Promise<Deployment> =>
    writeOptimistically<Deployment>(access, {
      key: deploymentRowKey,
      probablyNew: false,
      decide(found) {
        if (found !== null) return { row: null, answer: unpack<Deployment>(found.item) };
        const deployment = make();
        return {
          row: { ...deploymentRowKey, item: pack('the deployment', deployment), version: 1 },
          answer: deployment,
        };
      },
    });
}
