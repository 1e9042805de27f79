// Pods of a Kubernetes cluster, on EKS or anywhere: for many short jobs.
//
//   launch     create a Job, then the Secret that belongs to it
//   terminate  delete the Job, in the foreground
//   describe   get the Job;  list: Jobs by the deployment's labels, all pages
//   watch      Jobs, their pods and events about them, where the process lives long enough (not on AWS)
//
// The machine's id is the Job's uid: a name may come again, a uid never does.

import type { Host, HostEvent } from '../../../ports/host.ts';
import { createApi } from './api.ts';
import type { Connection } from './connect/connection.ts';
import { createEndedByName, type HostContext } from './context.ts';
import { describe } from './describe.ts';
import { launch } from './launch.ts';
import { list } from './list.ts';
import { kubernetesTraits } from './options.ts';
import { demandRights } from './rights.ts';
import { terminate } from './terminate.ts';
import { startWatch } from './watch.ts';

export interface KubernetesHost extends Host {
  /** Throws, and names verb and resource, where the cluster would not let us do what this host does. */
  demandRights(): Promise<void>;
  /** Hears no more of the cluster; the pods go on. */
  close(): void;
}

export interface KubernetesHostDeps extends Omit<HostContext, 'api' | 'ended' | 'images'> {
  images?: string | null;
  connection: Connection;
  /** Told once for each machine, if there is somebody to tell; across a restart it may be told again. */
  onEvent?: (event: HostEvent) => Promise<void>;
  onWarning: (text: string) => void;
}

export function createKubernetesHost(deps: KubernetesHostDeps): KubernetesHost {
  const { connection, onEvent, options, clock } = deps;
  const api = createApi({ connection, namespace: options.namespace, clock });
  const context: HostContext = { ...deps, images: deps.images ?? null, api, ended: createEndedByName() };
  const watch = onEvent && options.watch ? startWatch(context, { onEvent, onWarning: deps.onWarning }) : null;

  return {
    traits: kubernetesTraits(options),
    async launch(request) {
      const answer = await launch(context, request);
      if (answer.outcome === 'launched') watch?.launched(request.name, answer.machine);
      return answer;
    },
    activate: async () => ({
      outcome: 'refused',
      refusal: 'invalid',
      reason: 'a pod can not stand by',
      retryAfterMs: null,
    }),
    terminate: (target) => terminate(context, target),
    describe: (target) => describe(context, target),
    list: () => list(context),
    demandRights: () => demandRights(context, deps.onWarning),
    close() {
      watch?.stop();
      connection.close();
    },
  };
}
