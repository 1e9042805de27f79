// Beside GitHub's container hooks, which make the pods of a job's containers, and Secrets and Jobs for them, and take
// them away when the job ends. A runner that dies in the middle takes nothing away, and they belong to nobody: GitHub's
// own controller deletes them by their label `runner-pod`. [actions/runner-container-hooks: packages/k8s]
//
// Here they are made to belong to the runner's pod, so that the cluster's garbage collector deletes them with it. The
// runner calls this program instead; it calls the hooks, and looks meanwhile for what they made. It runs as the pool's
// service account, which has to be allowed to `patch` what it may make; where it is not, a job goes on all the same.

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** What the service account of a pool with containers 'pods' needs: what the hooks ask for, and `patch` of what they make. */
export const hookRules: readonly Rule[] = [
  { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'create', 'delete', 'patch'] },
  { apiGroups: [''], resources: ['pods/exec'], verbs: ['get', 'create'] },
  { apiGroups: [''], resources: ['pods/log'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'create', 'delete', 'patch'] },
  { apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list', 'create', 'delete', 'patch'] },
];

/** Where the kubelet mounts the service account's token. */
export const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The runner takes hooks by their file's ending; this one it runs with its own Node. */
export const hooksProgram = `'use strict';
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { request } = require('node:https');
const { env } = require('node:process');

const lookAgainMs = 500;
const answerMsMax = 5000;
const pod = env.ACTIONS_RUNNER_POD_NAME;
const uid = env.RUNNER_POD_UID;
const account = (file) => readFileSync('${accountFolder}/' + file, 'utf8').trim();

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const options = {
      host: env.KUBERNETES_SERVICE_HOST,
      port: env.KUBERNETES_SERVICE_PORT,
      ca: account('ca.crt'),
      method,
      path,
      timeout: answerMsMax,
      headers: {
        authorization: 'Bearer ' + account('token'),
        ...(body && { 'content-type': 'application/merge-patch+json' }),
      },
    };
    const asked = request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (text += chunk));
      answer.on('error', reject);
      answer.on('end', () => {
        if (answer.statusCode < 300) resolve(JSON.parse(text));
        else if (answer.statusCode === 404) resolve(null);
        else reject(new Error(method + ' ' + path + ': ' + answer.statusCode));
      });
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
    asked.end(body && JSON.stringify(body));
  });
}

async function own() {
  const namespace = account('namespace');
  const owner = { apiVersion: 'v1', kind: 'Pod', name: pod, uid };
  for (const [api, resource] of [
    ['/api/v1', 'pods'],
    ['/api/v1', 'secrets'],
    ['/apis/batch/v1', 'jobs'],
  ]) {
    const at = api + '/namespaces/' + namespace + '/' + resource;
    const listed = await call('GET', at + '?labelSelector=' + encodeURIComponent('runner-pod=' + pod));
    for (const { metadata } of listed.items)
      if (!metadata.ownerReferences && !metadata.deletionTimestamp)
        await call('PATCH', at + '/' + metadata.name, {
          metadata: { uid: metadata.uid, ownerReferences: [owner] },
        });
  }
}

let isSaid = false;
async function ownAll() {
  try {
    await own();
  } catch (error) {
    if (!isSaid) console.error('what the container hooks made does not belong to this pod: ' + error.message);
    isSaid = true;
  }
}

const hooks = spawn(process.execPath, [env.CONTAINER_HOOKS], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => hooks.kill(signal));
const ended = new Promise((resolve) => {
  hooks.on('error', () => resolve(1));
  hooks.on('exit', (code) => resolve(code ?? 1));
});
(async () => {
  let isOver = false;
  ended.then(() => (isOver = true));
  while (!isOver) {
    await ownAll();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, lookAgainMs))]);
  }
  await ownAll();
  process.exit(await ended);
})();
`;
