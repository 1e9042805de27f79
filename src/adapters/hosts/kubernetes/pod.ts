// The pod of a runner: an init container that fetches the configuration, then the runner. Without a word from its pool
// it passes Pod Security's `restricted` profile, and has no service account's token.

import type { OperatingSystem } from '../../../core/configuration.ts';
import type { LaunchRequest } from '../../../ports/host.ts';
import { hooksProgram } from './hooks.ts';
import type { Plain } from './merge.ts';
import type { KubernetesMachine } from './options.ts';
import { claimScript, paths, runScript, windowsClaimScript, windowsRunScript } from './scripts.ts';

/** Of `runner` in GitHub's image. */
const runnerUser = 1001;
/** A runner that is told to end cancels its job first; what does not listen is killed. */
const endingSeconds = 30;

export function podOf(os: OperatingSystem, request: LaunchRequest, machine: KubernetesMachine): Plain {
  const isWindows = os === 'windows';
  const { serviceAccount, imagePullSecrets } = machine;
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: endingSeconds,
    enableServiceLinks: false,
    automountServiceAccountToken: serviceAccount !== undefined,
    ...(serviceAccount !== undefined && { serviceAccountName: serviceAccount }),
    ...(imagePullSecrets.length > 0 && { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    os: { name: isWindows ? 'windows' : 'linux' },
    nodeSelector: { 'kubernetes.io/os': isWindows ? 'windows' : 'linux', ...machine.nodeSelector },
    ...(machine.tolerations.length > 0 && { tolerations: machine.tolerations }),
    securityContext: podSecurity(isWindows, machine),
    initContainers: [...dockerContainers(machine), claimContainer(isWindows, request, machine)],
    containers: [runnerContainer(isWindows, request, machine)],
    volumes: [
      // Windows knows no volumes in memory.
      { name: 'runner-claim', emptyDir: isWindows ? {} : { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'runner-secret', secret: { secretName: request.name, defaultMode: 0o440 } },
      ...dockerVolumes(machine),
      ...machine.volumes,
    ],
  };
}

/** The token's volume is here alone: no job sees it. */
function claimContainer(isWindows: boolean, request: LaunchRequest, machine: KubernetesMachine): Plain {
  const at = isWindows ? paths.windows : paths.linux;
  const { configuration } = request;
  return {
    ...container('claim', isWindows ? windowsClaimScript : claimScript, isWindows, machine),
    env: environmentOf({
      RUNNER_NAME: request.name,
      ...(configuration.kind === 'claimed' && { CLAIM_URL: configuration.url }),
    }),
    volumeMounts: [
      { name: 'runner-claim', mountPath: at.memory },
      { name: 'runner-secret', mountPath: at.secret, readOnly: true },
    ],
  };
}

function runnerContainer(isWindows: boolean, request: LaunchRequest, machine: KubernetesMachine): Plain {
  const at = isWindows ? paths.windows : paths.linux;
  return {
    ...container('runner', isWindows ? windowsRunScript : runScript, isWindows, machine),
    env: [
      ...environmentOf({
        RUNNER_DIRECTORY: machine.directory ?? at.directory,
        // GitHub's `run.sh` passes a signal on only with this: a pod that is deleted cancels its job.
        RUNNER_MANUALLY_TRAP_SIG: '1',
        ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT: '1',
        TRACEPARENT: request.traceparent,
        ...containerModes[machine.containers],
        ...machine.environment,
      }),
      ...(machine.containers === 'pods'
        ? [
            { name: 'ACTIONS_RUNNER_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'RUNNER_POD_UID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } },
          ]
        : []),
    ],
    volumeMounts: [
      { name: 'runner-claim', mountPath: at.memory },
      ...dockerMounts(machine),
      ...machine.volumeMounts,
    ],
  };
}

function container(name: string, script: string, isWindows: boolean, machine: KubernetesMachine): Plain {
  return {
    name,
    image: machine.image,
    ...(machine.imagePullPolicy !== undefined && { imagePullPolicy: machine.imagePullPolicy }),
    command: isWindows
      ? ['powershell', '-NoProfile', '-NonInteractive', '-Command', script]
      : ['/bin/sh', '-c', script],
    // A pod needs what its largest container asks for, not the sum; and a quota may want all of them to say it.
    resources: resourcesOf(machine),
    ...(machine.rights === 'restricted' &&
      !isWindows && {
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      }),
  };
}

function resourcesOf({ requests, limits }: KubernetesMachine): Plain {
  return { requests, ...(Object.keys(limits).length > 0 && { limits }) };
}

function podSecurity(isWindows: boolean, { rights }: KubernetesMachine): Plain {
  if (isWindows)
    return rights === 'restricted'
      ? { runAsNonRoot: true, windowsOptions: { runAsUserName: 'ContainerUser' } }
      : { windowsOptions: { runAsUserName: 'ContainerAdministrator' } };
  const common = { fsGroup: runnerUser, seccompProfile: { type: 'RuntimeDefault' } };
  return rights === 'restricted' ? { ...common, runAsNonRoot: true, runAsUser: runnerUser } : common;
}

function environmentOf(values: Readonly<Record<string, string>>): Plain[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

// ---- What a job's own containers run on

const work = '/home/runner/_work';
const externals = '/home/runner/externals';
const dockerSocket = '/var/run/docker';
/** Of the socket: the runner's user is in it by the pod's `fsGroup`. */
const dockerGroup = String(runnerUser);

const containerModes: Readonly<Record<KubernetesMachine['containers'], Readonly<Record<string, string>>>> = {
  none: {},
  docker: {
    DOCKER_HOST: `unix://${dockerSocket}/docker.sock`,
    RUNNER_WAIT_FOR_DOCKER_IN_SECONDS: '120',
  },
  pods: {
    // Without a volume that both pods would have to reach: files are copied.
    CONTAINER_HOOKS: '/home/runner/k8s-novolume/index.js',
    // Ours, which calls them: written there before the runner starts.
    ACTIONS_RUNNER_CONTAINER_HOOKS: paths.linux.hooks,
    RUNNER_HOOKS_PROGRAM: hooksProgram,
    // A job without a container of its own would run with the service account's token.
    ACTIONS_RUNNER_REQUIRE_JOB_CONTAINER: 'true',
  },
};

/**
 * The daemon mounts folders into a job's containers by their path as it sees them itself: so the work folder and the
 * runner's own Node (`externals`) are volumes at the same place in both.
 */
function dockerContainers(machine: KubernetesMachine): Plain[] {
  if (machine.containers !== 'docker') return [];
  const mounts = dockerMounts(machine);
  return [
    {
      ...container('externals', `cp -r ${externals}/. /run/externals/`, false, machine),
      volumeMounts: [{ name: 'docker-externals', mountPath: '/run/externals' }],
    },
    {
      name: 'docker',
      image: machine.dockerImage,
      args: ['dockerd', `--host=unix://${dockerSocket}/docker.sock`, `--group=${dockerGroup}`],
      // A side-car: it is up before the claim, and ends after the runner. [Kubernetes 1.29: Sidecar containers]
      restartPolicy: 'Always',
      securityContext: { privileged: true, runAsUser: 0, runAsNonRoot: false },
      startupProbe: {
        exec: { command: ['docker', '--host', `unix://${dockerSocket}/docker.sock`, 'info'] },
        periodSeconds: 1,
        failureThreshold: 120,
      },
      volumeMounts: mounts,
    },
  ];
}

function dockerMounts({ containers }: KubernetesMachine): Plain[] {
  if (containers !== 'docker') return [];
  return [
    { name: 'docker-work', mountPath: work },
    { name: 'docker-socket', mountPath: dockerSocket },
    { name: 'docker-externals', mountPath: externals },
  ];
}

function dockerVolumes({ containers }: KubernetesMachine): Plain[] {
  if (containers !== 'docker') return [];
  return ['docker-work', 'docker-socket', 'docker-externals'].map((name) => ({ name, emptyDir: {} }));
}
