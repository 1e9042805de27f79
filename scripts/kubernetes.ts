// Kubernetes on this machine: its API server, controller manager and scheduler with etcd, built from source through the
// Go module proxy (Apache-2.0 licence), and no node. `node scripts/kubernetes.ts` starts one to play with.
//
// The first start builds it, which takes 6 minutes of a processor; it is kept in the user's cache, 121 MB. After that a
// cluster is up in some seconds.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { end, freePort, installed, run } from './emulator.ts';

/** Of Kubernetes; its parts that live in repositories of their own have the same with 0 in front. */
const version = '1.34.4';
const stagingVersion = `v0.${version.split('.').slice(1).join('.')}`;

/** A machine at work takes a while to load a program of 121 MB. */
const startMsMax = 90_000;
const askAgainMs = 100;
/** Of what each part printed, for the error when one does not start. */
const outputKept = 4_000;

export interface Kubernetes {
  server: string;
  /** PEM of its certificate authority. */
  ca: string;
  /** May do everything. */
  adminToken: string;
  /** A file with the administrator's way in. */
  kubeconfig: string;
  /** A file with the way in of another user, who may do what Roles give to `name`. */
  kubeconfigOf(name: string): string;
  /** The API server dies, as in an upgrade, and is back on the same port when this resolves. */
  restartServer(downMs?: number): Promise<void>;
  /** Bytes of memory that each part holds now. */
  memory(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Of the loopback: its certificate is good there too, for whoever relays. */
export const secondAddress = '127.0.0.2';

/** Users, each with a token of its own: made at the start, since the server reads them then. */
const users = ['runners', 'limited', 'nobody'];

export function canBuildKubernetes(): boolean {
  return spawnSync('go', ['version']).status === 0 && spawnSync('openssl', ['version']).status === 0;
}

/** For tests: why they are left out; `false` where they are not. */
export const whyNoKubernetes: string | false = canBuildKubernetes()
  ? false
  : 'Kubernetes is built with Go, and its keys are made with openssl: one of them is not on the PATH';

/** The folder of its program, built by whoever is first. */
function builtKubernetes(): Promise<string> {
  return installed(`kubernetes-${version}`, build);
}

/** `authenticator`: who is asked about tokens that it does not know itself, by the webhook of Kubernetes. */
export async function startKubernetes({
  authenticator,
}: {
  authenticator?: string | undefined;
} = {}): Promise<Kubernetes> {
  const program = join(await builtKubernetes(), 'control-plane');
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-'));
  const [serverPort, etcdPort, peerPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const server = `https://127.0.0.1:${serverPort}`;
  const tokens = new Map(['admin', ...users].map((name) => [name, randomBytes(16).toString('hex')]));
  const adminToken = tokens.get('admin') ?? '';
  await writeKeys(folder);
  writeFileSync(
    join(folder, 'tokens.csv'),
    [...tokens]
      .map(([name, token]) => `${token},${name},${name}${name === 'admin' ? ',"system:masters"' : ''}`)
      .join('\n'),
    { mode: 0o600 },
  );
  const ca = readFileSync(join(folder, 'ca.crt'), 'utf8');
  const kubeconfigOf = (name: string): string => {
    const file = join(folder, `${name}.kubeconfig`);
    const token = tokens.get(name) ?? '';
    writeFileSync(file, kubeconfigText({ server, ca, token, name }), { mode: 0o600 });
    return file;
  };
  const kubeconfig = kubeconfigOf('admin');
  const webhookFile = join(folder, 'authenticator.kubeconfig');
  if (authenticator !== undefined) writeFileSync(webhookFile, webhookText(authenticator));
  const etcdUrl = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;

  const parts: Readonly<Record<string, readonly string[]>> = {
    etcd: [
      `--data-dir=${join(folder, 'etcd')}`,
      ...[`--listen-client-urls=${etcdUrl}`, `--advertise-client-urls=${etcdUrl}`],
      ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
      `--initial-cluster=default=${peerUrl}`,
      // Nothing in it outlives this process.
      '--unsafe-no-fsync',
      '--log-level=error',
    ],
    'kube-apiserver': [
      `--etcd-servers=${etcdUrl}`,
      ...['--bind-address=127.0.0.1', `--secure-port=${serverPort}`, '--endpoint-reconciler-type=none'],
      ...[
        `--tls-cert-file=${join(folder, 'server.crt')}`,
        `--tls-private-key-file=${join(folder, 'server.key')}`,
      ],
      ...[
        '--service-account-issuer=https://kubernetes.default.svc',
        '--service-cluster-ip-range=10.0.0.0/24',
      ],
      `--service-account-key-file=${join(folder, 'accounts.key')}`,
      `--service-account-signing-key-file=${join(folder, 'accounts.key')}`,
      ...['--authorization-mode=RBAC', `--token-auth-file=${join(folder, 'tokens.csv')}`],
      ...(authenticator === undefined
        ? []
        : [
            `--authentication-token-webhook-config-file=${webhookFile}`,
            '--authentication-token-webhook-version=v1',
          ]),
      // As clusters in use have it: who may is Pod Security's to say.
      '--allow-privileged=true',
    ],
    'kube-controller-manager': [
      ...[`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'],
      `--service-account-private-key-file=${join(folder, 'accounts.key')}`,
      `--root-ca-file=${join(folder, 'ca.crt')}`,
      ...['--kube-api-qps=300', '--kube-api-burst=600', '--concurrent-job-syncs=20'],
    ],
    'kube-scheduler': [
      ...[`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'],
      ...['--kube-api-qps=300', '--kube-api-burst=600'],
    ],
  };

  const running = new Map<string, { child: ChildProcess; output: () => string }>();
  const killAll = (): void => {
    for (const { child } of running.values()) child.kill('SIGKILL');
  };
  process.once('exit', killAll);

  function start(part: string): void {
    const child = spawn(program, [part, ...(parts[part] ?? [])], { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const listen = (chunk: Buffer): void => {
      output = (output + chunk).slice(-outputKept);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    running.set(part, { child, output: () => output });
  }

  async function until(says: string, look: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + startMsMax; Date.now() < deadline; await sleep(askAgainMs)) {
      const dead = [...running].find(([, { child }]) => child.exitCode !== null || child.signalCode !== null);
      if (dead) throw new Error(`${dead[0]} ended: ${dead[1].output()}`);
      if (await look()) return;
    }
    const said = [...running].map(([part, { output }]) => `${part}: ${output()}`).join('\n');
    throw new Error(`waited ${startMsMax} ms for ${says}, in vain: ${said}`);
  }

  const answers = (path: string) => statusOf(`${server}${path}`, ca, adminToken);

  const cluster: Kubernetes = {
    server,
    ca,
    adminToken,
    kubeconfig,
    kubeconfigOf,
    async restartServer(downMs = 0) {
      const part = running.get('kube-apiserver');
      running.delete('kube-apiserver');
      part?.child.kill('SIGKILL');
      if (part) await end(part.child);
      await sleep(downMs);
      start('kube-apiserver');
      await until('the API server', async () => (await answers('/readyz')) === 200);
    },
    memory: () =>
      Object.fromEntries([...running].map(([part, { child }]) => [part, memoryOf(child.pid ?? 0)])),
    async stop() {
      process.removeListener('exit', killAll);
      // The store last: an API server without it does not end.
      for (const part of ['kube-scheduler', 'kube-controller-manager', 'kube-apiserver', 'etcd']) {
        const child = running.get(part)?.child;
        if (part === 'kube-apiserver') child?.kill('SIGKILL');
        if (child) await end(child);
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
  try {
    start('etcd');
    start('kube-apiserver');
    await until('the API server', async () => (await answers('/readyz')) === 200);
    start('kube-controller-manager');
    start('kube-scheduler');
    // Pods are refused before it is there.
    const account = '/api/v1/namespaces/default/serviceaccounts/default';
    await until('the default service account', async () => (await answers(account)) === 200);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** One program of all four parts, whose modules are those that this version was released with. */
async function build(folder: string): Promise<void> {
  if (!canBuildKubernetes())
    throw new Error(
      'Kubernetes is built with Go, and its keys are made with openssl: one of them is not there. Remedy: install both, ' +
        'or name a cluster in KUBECONFIG.',
    );
  const source = join(folder, 'source');
  mkdirSync(source, { recursive: true });
  copyFileSync(join(import.meta.dirname, 'kubernetes', 'main.go'), join(source, 'main.go'));
  writeFileSync(join(source, 'go.mod'), `module control-plane\n\ngo 1.24.0\n`);
  const env = { GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
  const found = spawnSync('go', ['mod', 'download', '-json', `k8s.io/kubernetes@v${version}`], {
    cwd: source,
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  if (found.status !== 0) throw new Error(`Kubernetes ${version} can not be had: ${found.stderr}`);
  const { GoMod } = JSON.parse(found.stdout) as { GoMod: string };
  // Its own parts are asked for as v0.0.0 there: they lie beside it in its repository, and apart at the proxy.
  const staging = new Set(readFileSync(GoMod, 'utf8').match(/k8s\.io\/[a-z-]+(?= v0\.0\.0(?:\s|$))/g));
  const replaced = [...staging].map((module) => `replace ${module} => ${module} ${stagingVersion}`);
  writeFileSync(
    join(source, 'go.mod'),
    ['module control-plane', 'go 1.24.0', `require k8s.io/kubernetes v${version}`, ...replaced, ''].join(
      '\n\n',
    ),
  );
  console.error(`Building Kubernetes ${version}, once: 6 to 25 minutes ...`);
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const stamp = `-X k8s.io/component-base/version.gitVersion=v${version}`;
  await run('env', ['-C', source, ...variables, 'go', 'mod', 'tidy']);
  await run('env', [
    ...['-C', source, ...variables, 'go', 'build', '-trimpath', '-ldflags', `-s -w ${stamp}`],
    ...['-o', join(folder, 'control-plane'), '.'],
  ]);
  rmSync(source, { recursive: true });
}

async function writeKeys(folder: string): Promise<void> {
  const at = (file: string): string => join(folder, file);
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await run('openssl', [
    ...[
      'req',
      '-x509',
      ...key,
      '-days',
      '2',
      '-subj',
      '/CN=ca',
      '-keyout',
      at('ca.key'),
      '-out',
      at('ca.crt'),
    ],
  ]);
  await run('openssl', [
    ...[
      'req',
      '-x509',
      ...key,
      '-days',
      '2',
      '-subj',
      '/CN=server',
      '-CA',
      at('ca.crt'),
      '-CAkey',
      at('ca.key'),
    ],
    ...['-addext', `subjectAltName=IP:127.0.0.1,IP:${secondAddress}`, '-addext', 'basicConstraints=CA:FALSE'],
    ...['-keyout', at('server.key'), '-out', at('server.crt')],
  ]);
  await run('openssl', ['genrsa', '-out', at('accounts.key'), '2048']);
}

export function kubeconfigText(given: { server: string; ca: string; token: string; name: string }): string {
  const { server, ca, token, name } = given;
  const data = Buffer.from(ca).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'here', cluster: { server, 'certificate-authority-data': data } }],
    users: [{ name, user: { token } }],
    contexts: [{ name: 'here', context: { cluster: 'here', user: name } }],
    'current-context': 'here',
  });
}

function webhookText(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'authenticator', cluster: { server } }],
    users: [{ name: 'api-server', user: {} }],
    contexts: [{ name: 'here', context: { cluster: 'authenticator', user: 'api-server' } }],
    'current-context': 'here',
  });
}

function statusOf(url: string, ca: string, token: string): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(
      url,
      { ca, headers: { authorization: `Bearer ${token}` }, timeout: 2_000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(0));
    asked.end();
  });
}

/** Linux tells. */
function memoryOf(pid: number): number {
  try {
    const [, kilobytes = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return 0;
  }
}

if (import.meta.main) {
  if (process.argv.includes('--build')) {
    // Before the tests, none of which should be as long as this takes.
    if (whyNoKubernetes === false) {
      console.log(`Kubernetes ${version}: built once, in some ten minutes, then taken from the cache ...`);
      await builtKubernetes();
      const { builtKwok } = await import('./kwok.ts');
      await builtKwok();
    } else console.log(`${whyNoKubernetes}: its tests are left out.`);
  } else {
    const { kubeconfig, stop } = await startKubernetes();
    console.log(`KUBECONFIG=${kubeconfig}`);
    process.once('SIGINT', () => void stop());
    process.once('SIGTERM', () => void stop());
  }
}
