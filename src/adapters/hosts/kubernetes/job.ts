// The Job of a runner and the Secret beside it.
//
// It runs once: no retry (`backoffLimit: 0`), since a second pod would find its claim spent; and no second pod while the
// first is still ending (`podReplacementPolicy: Failed`). The cluster itself ends what lives too long
// (`activeDeadlineSeconds`) and deletes what has ended (`ttlSecondsAfterFinished`), if this system is gone.

import type { LaunchRequest } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { annotationsOf, labelsOf } from './labels.ts';
import { merged, type Plain } from './merge.ts';
import type { KubernetesMachine } from './options.ts';
import { podOf } from './pod.ts';

export function jobOf(context: HostContext, request: LaunchRequest, machine: KubernetesMachine): Plain {
  const { options } = context;
  const labels = labelsOf(context, request.pool);
  const annotations = annotationsOf(request);
  const template = merged(
    {
      metadata: {
        labels,
        annotations: {
          ...annotations,
          // A node is not taken away below a job: neither by the cluster autoscaler nor by Karpenter.
          'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
          'karpenter.sh/do-not-disrupt': 'true',
        },
      },
      spec: podOf(context.osOf(request.pool), request, {
        ...machine,
        image: imageOf(context, machine.image),
      }),
    },
    machine.patch,
  );
  // Whatever a patch says: by these it is found and counted, and without the other it would start again.
  const kept = { metadata: { labels, annotations }, spec: { restartPolicy: 'Never' } };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: request.name, namespace: options.namespace, labels, annotations },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      activeDeadlineSeconds: Math.ceil(request.lifetimeMsMax / 1000),
      ttlSecondsAfterFinished: options.endedSeconds,
      template: merged(template, kept),
    },
  };
}

function imageOf({ images }: HostContext, image: string): string {
  return images === null ? image : image.replace(/^ghcr\.io\//, `${images}/`);
}

export function secretOf(context: HostContext, request: LaunchRequest, jobUid: string): Plain {
  const { configuration, name } = request;
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    // Nobody changes it, and the kubelet need not look whether somebody did.
    immutable: true,
    metadata: {
      name,
      namespace: context.options.namespace,
      labels: labelsOf(context, request.pool),
      // The garbage collector deletes it with the Job.
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid: jobUid }],
    },
    stringData:
      configuration.kind === 'claimed'
        ? { token: configuration.token }
        : { jitconfig: configuration.jitConfig },
  };
}
