// What a runner that dies in the middle of a job leaves of the job's containers, on Kubernetes itself: nothing. The hooks
// are a stand-in, which makes what GitHub's make, with the labels that they give; the program around them is ours, and
// runs as a process with a service account's files.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { whyNoKubernetes } from '../../scripts/kubernetes.ts';
import { accountFolder, hookRules, hooksProgram } from '../../src/adapters/hosts/kubernetes/hooks.ts';
import { until } from '../end-to-end/harness.ts';
import { type Cluster, startCluster } from './cluster.ts';

/** Makes a pod and a Secret and, asked to, takes them away again: as `prepare_job` and `cleanup_job` do. */
const standInHooks = (folder: string): string => `
const { request } = require('node:https');
const { readFileSync } = require('node:fs');
const account = (file) => readFileSync('${folder}/' + file, 'utf8').trim();
const call = (method, path, body) => new Promise((resolve, reject) => {
  const asked = request({
    host: process.env.KUBERNETES_SERVICE_HOST, port: process.env.KUBERNETES_SERVICE_PORT, ca: account('ca.crt'),
    method, path: '/api/v1/namespaces/' + account('namespace') + path,
    headers: { authorization: 'Bearer ' + account('token'), 'content-type': 'application/json' },
  }, (answer) => { answer.resume(); answer.on('end', () => answer.statusCode < 300 ? resolve() : reject(new Error(path + answer.statusCode))); });
  asked.on('error', reject);
  asked.end(body && JSON.stringify(body));
});
const pod = process.env.ACTIONS_RUNNER_POD_NAME;
const metadata = (name) => ({ name, labels: { 'runner-pod': pod } });
let text = '';
process.stdin.on('data', (chunk) => (text += chunk));
process.stdin.on('end', async () => {
  if (JSON.parse(text).command === 'fail') process.exit(3);
  await call('POST', '/secrets', { metadata: metadata(pod + '-secret') });
  const spec = { restartPolicy: 'Never', containers: [{ name: 'job', image: 'job' }] };
  await call('POST', '/pods', { metadata: metadata(pod + '-workflow'), spec });
  process.stdout.write('made');
});
`;

describe('the pods of a job', { concurrency: 1, skip: whyNoKubernetes }, () => {
  let cluster: Cluster;
  let folder = '';
  before(async () => {
    cluster = await startCluster();
    folder = mkdtempSync(join(tmpdir(), 'hooks-'));
  });
  after(async () => {
    await cluster?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As the runner calls its hooks: by standard input. */
  async function callHooks(namespace: string, command: string, rules: readonly unknown[]) {
    await cluster.allow(namespace, 'limited', rules);
    const at = `/api/v1/namespaces/${namespace}`;
    const runner = await cluster.call('POST', `${at}/pods`, {
      metadata: { name: 'runner' },
      spec: { restartPolicy: 'Never', containers: [{ name: 'runner', image: 'runner' }] },
    });
    const config = JSON.parse(readFileSync(cluster.kubeconfigOf('limited'), 'utf8')) as {
      users: { user: { token: string } }[];
    };
    writeFileSync(join(folder, 'token'), config.users[0]?.user.token ?? '');
    writeFileSync(join(folder, 'ca.crt'), cluster.ca);
    writeFileSync(join(folder, 'namespace'), namespace);
    writeFileSync(join(folder, 'stand-in.cjs'), standInHooks(folder));
    writeFileSync(join(folder, 'hooks.cjs'), hooksProgram.replaceAll(accountFolder, folder));
    const { hostname, port } = new URL(cluster.server);
    // A new Role is known to the server some ms later.
    const secrets = `/apis/authorization.k8s.io/v1/namespaces/${namespace}/localsubjectaccessreviews`;
    await until('it may', async () => {
      const resourceAttributes = { namespace, verb: 'create', resource: 'secrets' };
      const spec = { user: cluster.userOf('limited'), resourceAttributes };
      const { status } = await cluster.call('POST', secrets, { metadata: { namespace }, spec });
      return status['allowed'] === true;
    });
    const child = spawn(process.execPath, [join(folder, 'hooks.cjs')], {
      env: {
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
        CONTAINER_HOOKS: join(folder, 'stand-in.cjs'),
        ACTIONS_RUNNER_POD_NAME: 'runner',
        RUNNER_POD_UID: runner.metadata.uid,
      },
    });
    let said = '';
    let complained = '';
    child.stdout.on('data', (chunk) => {
      said += String(chunk);
    });
    child.stderr.on('data', (chunk) => {
      complained += String(chunk);
    });
    child.stdin.end(JSON.stringify({ command }));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { code, said, complained };
  }

  const there = (namespace: string) => {
    const at = `/api/v1/namespaces/${namespace}`;
    return Promise.all(
      [`${at}/pods/runner-workflow`, `${at}/secrets/runner-secret`].map((path) =>
        cluster.call('GET', path).then(Boolean, () => false),
      ),
    );
  };

  test('go with the pod of a runner that died in the middle, and so do their Secrets', async () => {
    const namespace = await cluster.namespace('hooks');
    const { code, said, complained } = await callHooks(namespace, 'prepare_job', hookRules);
    assert.deepEqual({ code, said, complained }, { code: 0, said: 'made', complained: '' });
    assert.deepEqual(await there(namespace), [true, true]);
    await cluster.call('DELETE', `/api/v1/namespaces/${namespace}/pods/runner`, { gracePeriodSeconds: 0 });
    await until('all is gone', async () => !(await there(namespace)).includes(true), 60_000);
  });

  test('are made all the same where their account may not patch them, and that is said', async () => {
    const namespace = await cluster.namespace('hooks-without');
    const rules = hookRules.map((rule) => ({
      ...rule,
      verbs: rule.verbs.filter((verb) => verb !== 'patch'),
    }));
    const { code, said, complained } = await callHooks(namespace, 'prepare_job', rules);
    assert.deepEqual({ code, said }, { code: 0, said: 'made' });
    assert.match(complained, /does not belong to this pod: PATCH .*403/);
  });

  test('end as the hooks end', async () => {
    const namespace = await cluster.namespace('hooks-failing');
    assert.equal((await callHooks(namespace, 'fail', hookRules)).code, 3);
  });
});
