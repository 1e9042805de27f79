// What the configuration may say about a Kubernetes cluster and a pod on it. No client, no CDK: the configuration
// loads this.

import { z } from 'zod';
import type { HostTraits } from '../../../ports/host.ts';

/** Names of namespaces, service accounts, secrets: a DNS label. [Kubernetes: Object names and IDs] */
const label = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/)
  .meta({ allowed: 'a name of lower-case letters, digits and -' });

const path = z.string().min(1).max(1024);

const authWays = z.discriminatedUnion('kind', [
  /** A kubeconfig, with all ways that it knows: certificates, tokens, programs that print a token. */
  z.strictObject({
    kind: z.literal('kubeconfig'),
    /** Left out: what `KUBECONFIG` names, else `~/.kube/config`. */
    file: path.optional(),
    /** Left out: the file's current one. */
    context: z.string().min(1).max(253).optional(),
  }),
  /** The service account of the pod that the system itself runs in. */
  z.strictObject({ kind: z.literal('inCluster') }),
  /** EKS, as the IAM identity that the system itself has. */
  z.strictObject({
    kind: z.literal('eks'),
    /** On AWS left out: a cluster is made. */
    cluster: z
      .string()
      .max(100)
      .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/)
      .meta({ allowed: "the name of an EKS cluster, such as 'production'" })
      .optional(),
    /** Left out: the region that the system itself is in. */
    region: z
      .string()
      .regex(/^[a-z]{2}(-[a-z]+)+-\d$/)
      .meta({ allowed: "a region, such as 'eu-west-1'" })
      .optional(),
  }),
]);

const auth = authWays.meta({
  allowed:
    "an object with kind 'kubeconfig' (and file, context), 'inCluster', or 'eks' (and cluster, region)",
});

export type KubernetesAuth = z.output<typeof auth>;

/**
 * The same launch may be asked for again within its lease (5 minutes at most), and finds its Job then; so an ended Job
 * has to stay for longer.
 */
const endedSecondsMin = 360;

export const kubernetesHostOptions = z.strictObject({
  /** All that is made is made in it. One namespace holds people who may see each other's jobs. */
  namespace: label.default('runners'),
  auth: auth.default({ kind: 'kubeconfig' }),
  /** `handedOver`: for pods that can not reach PUBLIC_URL. The registration then waits with the pod. */
  configuration: z.enum(['claimed', 'handedOver']).default('claimed'),
  /** Ended Jobs are deleted by the cluster after this. */
  endedSeconds: z.number().int().min(endedSecondsMin).max(86_400).default(600),
  /** Hear of ends and failures at once, by three connections that stay open. Never on AWS: a list tells there. */
  watch: z.boolean().default(true),
  /** An image that can not be pulled for so long is a failed boot. A registry has short troubles too. */
  pullErrorSeconds: z.number().int().min(1).max(3600).default(45),
  /** On AWS: images of `ghcr.io` are pulled through a cache in ECR. The secret has a name and a token for ghcr.io. */
  imageCache: z
    .strictObject({
      secretArn: z
        .string()
        .max(512)
        .regex(/^arn:[\w-]+:secretsmanager:[\w-]+:\d{12}:secret:ecr-pullthroughcache\/[\w/+=.@-]+$/)
        .meta({ allowed: "the ARN of a secret whose name begins with 'ecr-pullthroughcache/'" }),
    })
    .optional(),
  /** On AWS: who makes the namespace, its Role and its quota: the deploy, or a person with what is printed for it. */
  setUp: z.enum(['byDeploy', 'byHand']).default('byDeploy'),
  /** On AWS, with a cluster that is made: IAM roles and users that are its administrators. */
  administrators: z
    .array(
      z
        .string()
        .max(512)
        .regex(/^arn:[\w-]+:iam::\d{12}:(role|user)\/[\w+=,.@/-]+$/)
        .meta({ allowed: 'ARNs of IAM roles or users' }),
    )
    .max(20)
    .default([]),
});

export type KubernetesHostOptions = z.output<typeof kubernetesHostOptions>;

/** GitHub's own. Its newest, since a runner that is older than 30 days is given no job. */
export const runnerImage = 'ghcr.io/actions/actions-runner:latest';

const quantity = z
  .string()
  .max(32)
  .regex(/^\d+(\.\d+)?([EPTGMk]i?|m)?$/)
  .meta({ allowed: "an amount as Kubernetes writes it, such as '500m' or '2Gi'" });
const quantities = z.record(z.string().max(253), quantity);
const image = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[\w./:@-]+$/)
  .meta({ allowed: "an image's reference, such as 'ghcr.io/actions/actions-runner:latest'" });
const objects = z.array(z.record(z.string(), z.unknown())).max(50);

/** etcd takes 1.5 MB for an object; a list of a thousand pods is read as a whole each minute. */
const patchBytesMax = 16_384;

/** `machine` of a pool. */
export const kubernetesMachine = z
  .strictObject({
    /** Needs `sh`, `curl` and GitHub's runner; on Windows PowerShell and the runner. */
    image: image.default(runnerImage),
    imagePullPolicy: z.enum(['Always', 'IfNotPresent', 'Never']).optional(),
    /** Secrets of the namespace that registries take. */
    imagePullSecrets: z.array(label).max(10).default([]),
    /**
     * What a job's `container:` and `services:` run on. `none`: such jobs fail. `docker`: a Docker daemon beside the
     * runner, privileged. `pods`: pods of their own (GitHub's container hooks), by the pool's service account.
     */
    containers: z.enum(['none', 'docker', 'pods']).default('none'),
    /** `restricted`: Pod Security's strictest profile. `sudo`: a job may become root in its container, as at GitHub's. */
    rights: z.enum(['restricted', 'sudo']).default('restricted'),
    /** Jobs have its rights, by its token. Left out: no token is mounted. */
    serviceAccount: label.optional(),
    requests: quantities.default({ cpu: '1', memory: '2Gi' }),
    limits: quantities.default({}),
    nodeSelector: z.record(z.string().max(317), z.string().max(63)).default({}),
    tolerations: objects.default([]),
    volumes: objects.default([]),
    volumeMounts: objects.default([]),
    environment: z.record(z.string().regex(/^[A-Za-z_]\w{0,127}$/), z.string().max(8192)).default({}),
    /** Where the image has GitHub's runner; on Windows `C:\actions-runner` if left out. */
    directory: path.optional(),
    /** With `docker`. */
    dockerImage: image.default('docker:28-dind'),
    /** Merged over the pod's template at the end: lists by their `name`, `null` deletes. */
    patch: z.record(z.string(), z.unknown()).default({}),
  })
  .refine(({ containers, serviceAccount }) => containers !== 'pods' || serviceAccount !== undefined, {
    path: ['serviceAccount'],
    error: "containers 'pods' needs a service account that may make pods: see docs/hosts/kubernetes.md",
  })
  .refine(({ patch }) => JSON.stringify(patch).length <= patchBytesMax, {
    path: ['patch'],
    error: `a patch has ${patchBytesMax} bytes at most: every Job carries it`,
  });

export type KubernetesMachine = z.output<typeof kubernetesMachine>;

export function kubernetesTraits({
  configuration,
}: Pick<KubernetesHostOptions, 'configuration'>): HostTraits {
  return {
    configuration,
    // A pod that waits without a job holds its node's room, and starts no sooner than the next one's image is pulled.
    standby: false,
    // From the runner's exit, the job controller needs some seconds to see it; side-cars have their time to end.
    endGraceMs: 45_000,
    // Lists are read from etcd by quorum: as old as the answer is on its way.
    listStalenessMs: 10_000,
    // The API server gives up a request after 60 s. [kube-apiserver: --request-timeout]
    callEffectMs: 70_000,
  };
}
