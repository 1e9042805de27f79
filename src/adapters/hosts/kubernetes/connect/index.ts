// The three ways to a cluster. A function on AWS imports its one, `eks.ts`, so that it carries no other.

import type { Clock } from '../../../../ports/clock.ts';
import type { KubernetesAuth } from '../options.ts';
import type { Connection } from './connection.ts';
import { connectToEks } from './eks.ts';
import { connectByKubeconfig, connectInCluster } from './kubeconfig.ts';

export function connectTo(auth: KubernetesAuth, clock: Clock): Connection {
  switch (auth.kind) {
    case 'kubeconfig':
      return connectByKubeconfig(auth);
    case 'inCluster':
      return connectInCluster();
    case 'eks': {
      const { cluster, region } = auth;
      if (cluster === undefined)
        throw new Error(
          "auth 'eks' names no cluster: give `cluster`; only a deployment on AWS makes one of its own",
        );
      return connectToEks({ cluster, region, clock });
    }
    default:
      return auth satisfies never;
  }
}
