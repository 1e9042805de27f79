// What a deploy makes in a cluster, on the API server itself; as who it may is shown beside the source.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { whyNoKubernetes } from '../../scripts/kubernetes.ts';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { createCaller } from '../../src/adapters/hosts/kubernetes/call.ts';
import { connectByKubeconfig } from '../../src/adapters/hosts/kubernetes/connect/kubeconfig.ts';
import { type ManifestsGiven, manifestsOf } from '../../src/adapters/hosts/kubernetes/manifests.ts';
import { applyObjects, objectList, removeObjects } from '../../src/adapters/hosts/kubernetes/set-up/apply.ts';
import { until } from '../end-to-end/harness.ts';
import { type Cluster, type KubernetesObject, startCluster } from './cluster.ts';

const clock = createSystemClock();
const madeBy = 'arn:aws:cloudformation:eu-west-1:123456789012:stack/runners-hosts/1';
const patienceMs = 60_000;

let cluster: Cluster;

const nameOf = (ending: string): string => `${cluster.prefix}-${ending}`;

/** By the ending of the namespace's name. */
function objects(ending: string, given: Partial<ManifestsGiven> = {}) {
  const printed = manifestsOf({
    name: 'github-runners-pods',
    options: { namespace: nameOf(ending), watch: false },
    subject: { kind: 'Group', name: 'github-runners-pods' },
    limit: 20,
    podSecurity: 'restricted',
    hookAccounts: ['ci'],
    ...given,
  });
  return objectList.parse(printed);
}

describe('what a deploy makes in a cluster', { concurrency: 1, skip: whyNoKubernetes }, () => {
  let caller: ReturnType<typeof createCaller>;
  let close = (): void => {};

  before(async () => {
    cluster = await startCluster();
    const connection = connectByKubeconfig({ file: cluster.kubeconfig });
    close = connection.close;
    caller = createCaller({ connection, clock });
  });
  after(async () => {
    close();
    await cluster?.close();
  });

  const apply = (list: ReturnType<typeof objects>, by = madeBy) => applyObjects(caller, list, { madeBy: by });
  const remove = (list: ReturnType<typeof objects>, by = madeBy) =>
    removeObjects(caller, list, { madeBy: by, clock, until: clock.now() + patienceMs });

  const places = (ending: string) => {
    const namespace = nameOf(ending);
    return [
      `/api/v1/namespaces/${namespace}`,
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/roles/github-runners-pods`,
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings/github-runners-pods`,
      `/api/v1/namespaces/${namespace}/resourcequotas/github-runners-pods`,
      `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies/github-runners-pods`,
    ];
  };
  const look = (path: string): Promise<KubernetesObject | null> =>
    cluster.call('GET', path).catch(() => null);
  const there = async (ending: string) =>
    (await Promise.all(places(ending).map(look))).map((found) => found !== null);
  const may = async (ending: string, verb: string, resource: string) => {
    const group = resource === 'jobs' ? 'batch' : '';
    const { status } = await cluster.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      spec: {
        user: 'someone',
        groups: ['github-runners-pods'],
        resourceAttributes: { namespace: nameOf(ending), verb, resource, group },
      },
    });
    return status['allowed'] === true;
  };

  test('is all there, lets the group do what it has to and nothing else, and is gone afterwards', async () => {
    const list = objects('made');
    await apply(list);
    assert.deepEqual(await there('made'), [true, true, true, true, true]);
    const [namespace] = await Promise.all(places('made').map(look));
    assert.equal(namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce'], 'restricted');
    // A new Role is known to the server some ms later.
    await until('the group may', () => may('made', 'create', 'jobs'));
    assert.equal(await may('made', 'get', 'secrets'), false);
    assert.equal(await may('elsewhere', 'create', 'jobs'), false);
    assert.ok(await look(`/api/v1/namespaces/${nameOf('made')}/serviceaccounts/ci`));
    await remove(list);
    assert.deepEqual(await there('made'), [false, false, false, false, false]);
    await remove(list);
  });

  test('made again, it is not even written; changed, it is changed', async () => {
    const versions = async () =>
      (await Promise.all(places('again').map(look))).map((found) => found?.metadata.resourceVersion);
    await apply(objects('again'));
    // The quota's controller writes into it what is used.
    const before = (await versions()).toSpliced(3, 1);
    await apply(objects('again'));
    assert.deepEqual((await versions()).toSpliced(3, 1), before);
    await apply(objects('again', { limit: 30, podSecurity: 'baseline' }));
    const [namespace, , , quota] = await Promise.all(places('again').map(look));
    assert.equal(namespace?.metadata.labels?.['pod-security.kubernetes.io/enforce'], 'baseline');
    assert.deepEqual(quota?.spec['hard'], { 'count/jobs.batch': '1500', pods: '1500' });
    await remove(objects('again'));
  });

  test('a namespace that was there stays, with what others have in it', async () => {
    await cluster.namespace('theirs', { team: 'build' });
    await cluster.call('POST', `/api/v1/namespaces/${nameOf('theirs')}/configmaps`, {
      metadata: { name: 'theirs' },
    });
    await apply(objects('theirs'));
    const labels = (await look(`/api/v1/namespaces/${nameOf('theirs')}`))?.metadata.labels ?? {};
    assert.equal(labels['team'], 'build');
    assert.equal(labels['pod-security.kubernetes.io/enforce'], 'restricted');
    await remove(objects('theirs'));
    assert.deepEqual(await there('theirs'), [true, false, false, false, false]);
    assert.ok(await look(`/api/v1/namespaces/${nameOf('theirs')}/configmaps/theirs`));
  });

  test('a namespace that somebody made stricter or laxer is not changed, and that is said', async () => {
    await cluster.namespace('strict', { 'pod-security.kubernetes.io/enforce': 'restricted' });
    await assert.rejects(
      apply(objects('strict', { podSecurity: 'privileged' })),
      /namespace \S+-strict is there, and its labels are somebody else's: .*pod-security.*Remedy/s,
    );
    const labels = (await look(`/api/v1/namespaces/${nameOf('strict')}`))?.metadata.labels;
    assert.equal(labels?.['pod-security.kubernetes.io/enforce'], 'restricted');
  });

  test('two hosts in one namespace have each their own, and the last takes the namespace along', async () => {
    const name = 'github-runners-more';
    const second = objects('shared', { name, subject: { kind: 'Group', name } });
    await apply(objects('shared'));
    await apply(second);
    await remove(objects('shared'));
    assert.deepEqual(await there('shared'), [true, false, false, false, false]);
    await remove(second);
    assert.equal(await look(`/api/v1/namespaces/${nameOf('shared')}`), null);
  });

  test("another deployment's objects are neither taken over nor taken away", async () => {
    const other = `${madeBy}-other`;
    await apply(objects('taken'));
    await assert.rejects(apply(objects('taken'), other), /is of another deployment .*Remedy/);
    await remove(objects('taken'), other);
    assert.deepEqual(await there('taken'), [true, true, true, true, true]);
    await remove(objects('taken'));
    assert.equal(await look(`/api/v1/namespaces/${nameOf('taken')}`), null);
  });

  test('what somebody has changed by hand is put right by the next deploy', async () => {
    await apply(objects('bent'));
    const [, role] = places('bent');
    await cluster.call('PATCH', role ?? '', { rules: [] });
    await until('the group may not', async () => !(await may('bent', 'create', 'jobs')));
    await apply(objects('bent'));
    await until('the group may again', () => may('bent', 'create', 'jobs'));
    await remove(objects('bent'));
  });
});
