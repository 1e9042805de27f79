import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { OperatingSystem } from '../../../core/configuration.ts';
import type { DeploymentPrefix, HostName, PoolName } from '../../../core/ids.ts';
import { runnerName } from '../../../core/ids.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import type { Api } from './api.ts';
import { createEndedByName, type HostContext } from './context.ts';
import { jobOf } from './job.ts';
import { manifestsOf, podSecurityFor, readSubject } from './manifests.ts';
import { merged, type Plain } from './merge.ts';
import { kubernetesHostOptions, kubernetesMachine } from './options.ts';
import { launchRequest } from './testing.ts';

const deployment = 'own1' as DeploymentPrefix;
const host = 'here' as HostName;
const pool = 'small' as PoolName;

interface Job {
  metadata: { name: string; labels: Record<string, string> };
  spec: Record<string, unknown> & {
    template: {
      metadata: { labels: Record<string, string>; annotations: Record<string, string> };
      spec: Record<string, unknown> & { containers: Plain[]; initContainers: Plain[]; volumes: Plain[] };
    };
  };
}

function jobWith(
  machine: Readonly<Record<string, unknown>> = {},
  { os = 'linux' as OperatingSystem, images = null as string | null } = {},
): Job {
  const context: HostContext = {
    ...{ deployment, host, images, osOf: () => os, clock: createVirtualClock(0), random: () => 0.5 },
    options: kubernetesHostOptions.parse({}),
    api: {} as Api,
    ended: createEndedByName(),
  };
  const name = runnerName(deployment, host, pool, '0'.repeat(26));
  const request = launchRequest({ name, attempt: 1, deployment, pool, now: 0 });
  return jobOf(context, request, kubernetesMachine.parse(machine)) as unknown as Job;
}

describe('the Job of a runner', () => {
  test('runs once, never beside itself, and ends and goes without us', () => {
    const { spec } = jobWith();
    const { template, ...rest } = spec;
    assert.deepEqual(rest, {
      ...{ parallelism: 1, completions: 1, backoffLimit: 0, podReplacementPolicy: 'Failed' },
      ...{ activeDeadlineSeconds: 86_400, ttlSecondsAfterFinished: 600 },
    });
    assert.equal(template.spec['restartPolicy'], 'Never');
  });

  test('mounts no token of the cluster unless a service account is asked for', () => {
    assert.equal(jobWith().spec.template.spec['automountServiceAccountToken'], false);
    const { spec } = jobWith({ serviceAccount: 'builder' }).spec.template;
    assert.deepEqual([spec['automountServiceAccountToken'], spec['serviceAccountName']], [true, 'builder']);
  });

  test("shows the runner's container neither the claim's token nor its volume", () => {
    const { containers, initContainers } = jobWith().spec.template.spec;
    assert.ok(!JSON.stringify(containers).includes('runner-secret'));
    assert.ok(JSON.stringify(initContainers).includes('runner-secret'));
    assert.ok(!JSON.stringify(jobWith()).includes('the token of a test'));
  });

  test('of Windows asks for such nodes, and for nothing that Windows does not know', () => {
    const image = 'acme/runner:ltsc2025';
    const { spec } = jobWith({ image, nodeSelector: { size: 'large' } }, { os: 'windows' }).spec.template;
    const all = [...spec.initContainers, ...spec.containers];
    for (const one of all) {
      assert.equal(one['image'], image);
      assert.equal((one['command'] as string[])[0], 'powershell');
      assert.equal(one['securityContext'], undefined);
    }
    // What Pod Security's restricted profile wants of Windows. [Kubernetes: Pod Security Standards]
    assert.deepEqual(spec['securityContext'], {
      runAsNonRoot: true,
      windowsOptions: { runAsUserName: 'ContainerUser' },
    });
    const mounts = all.flatMap((one) => one['volumeMounts'] as { mountPath: string }[]);
    for (const { mountPath } of mounts) assert.match(mountPath, /^C:\\/);
    assert.deepEqual(spec['nodeSelector'], { 'kubernetes.io/os': 'windows', size: 'large' });
    assert.deepEqual(spec['os'], { name: 'windows' });
    const text = JSON.stringify(spec);
    for (const foreign of ['seccomp', 'fsGroup', 'capabilities', '"Memory"', '/bin/sh'])
      assert.ok(!text.includes(foreign), foreign);
  });

  test('takes a patch last, but keeps what it is found by', () => {
    const patch = {
      metadata: { labels: { team: 'lint', 'runners/prefix': 'else1' } },
      spec: {
        restartPolicy: 'OnFailure',
        priorityClassName: 'low',
        containers: [{ name: 'runner', resources: { limits: { memory: '4Gi' } } }],
      },
    };
    const { metadata, spec } = jobWith({ patch }).spec.template;
    assert.equal(metadata.labels['runners/prefix'], deployment);
    assert.equal(metadata.labels['team'], 'lint');
    assert.equal(spec['restartPolicy'], 'Never');
    assert.equal(spec['priorityClassName'], 'low');
    assert.equal(spec.containers.length, 1);
    assert.deepEqual(spec.containers[0]?.['resources'], {
      requests: { cpu: '1', memory: '2Gi' },
      limits: { memory: '4Gi' },
    });
  });

  test("pulls GitHub's images through a cache where there is one, and others as they are named", () => {
    const images = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/ephemeral-runners/pods';
    const imageOf = (job: Job) => job.spec.template.spec.containers[0]?.['image'];
    assert.equal(imageOf(jobWith({}, { images })), `${images}/actions/actions-runner:latest`);
    assert.equal(imageOf(jobWith({ image: 'acme/runner:1' }, { images })), 'acme/runner:1');
  });

  test('with a Docker daemon starts that before the claim, and shares what both have to see', () => {
    const { initContainers, containers } = jobWith({ containers: 'docker' }).spec.template.spec;
    assert.deepEqual(
      initContainers.map((container) => container['name']),
      ['externals', 'docker', 'claim'],
    );
    const mountsOf = (container: Plain | undefined) =>
      ((container?.['volumeMounts'] ?? []) as { name: string; mountPath: string }[])
        .filter(({ name }) => name.startsWith('docker-'))
        .map(({ mountPath }) => mountPath);
    assert.deepEqual(mountsOf(initContainers[1]), mountsOf(containers[0]));
  });
});

describe('a merge', () => {
  test('goes into objects, deletes by null, and means items of lists by their names', () => {
    const base = { a: { b: 1, c: 2 }, list: [{ name: 'x', v: 1 }, { name: 'y' }], plain: [1, 2] };
    const patch = { a: { b: null, d: 3 }, list: [{ name: 'x', v: 2 }, { name: 'z' }], plain: [3] };
    assert.deepEqual(merged(base, patch), {
      a: { c: 2, d: 3 },
      list: [{ name: 'x', v: 2 }, { name: 'y' }, { name: 'z' }],
      plain: [3],
    });
    assert.deepEqual(base.list, [{ name: 'x', v: 1 }, { name: 'y' }], 'what it began with is untouched');
  });
});

describe('what a namespace needs', () => {
  const given = {
    name: 'github-runners-here',
    options: kubernetesHostOptions.parse({ watch: false }),
    limit: 10,
    hookAccounts: [],
  } as const;

  test('is a Role of a few verbs, bound to whom the system is, and no right on a Secret but to create one', () => {
    const subject = { kind: 'ServiceAccount', name: 'system', namespace: 'ci' } as const;
    const { items } = manifestsOf({ ...given, subject, podSecurity: 'restricted' }) as { items: Plain[] };
    assert.deepEqual(items.find(({ kind }) => kind === 'Role')?.['rules'], [
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'get', 'list', 'delete'] },
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['list'] },
      { apiGroups: [''], resources: ['events'], verbs: ['list'] },
    ]);
    assert.deepEqual(items.find(({ kind }) => kind === 'RoleBinding')?.['subjects'], [subject]);
  });

  test('is as strict as the pools let it be', () => {
    const machine = (given: object) => kubernetesMachine.parse(given);
    assert.equal(podSecurityFor([machine({})]), 'restricted');
    assert.equal(podSecurityFor([machine({}), machine({ rights: 'sudo' })]), 'baseline');
    assert.equal(podSecurityFor([machine({ containers: 'docker' })]), 'privileged');
  });

  test('reads whom a person means', () => {
    assert.deepEqual(readSubject('group:ci'), { kind: 'Group', name: 'ci' });
    assert.deepEqual(readSubject('serviceaccount:ci/system'), {
      ...{ kind: 'ServiceAccount', namespace: 'ci', name: 'system' },
    });
    for (const text of ['ci', 'group:', 'serviceaccount:system', 'user:a/b'])
      assert.equal(readSubject(text), null);
  });
});
