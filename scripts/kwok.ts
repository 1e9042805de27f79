// kwok, of the Kubernetes project (Apache-2.0 licence): nodes that run nothing, and say of pods what a kubelet would. It
// is built from source through the Go module proxy, once, in some three minutes of a processor; it is kept in the user's
// cache, with the stages that it plays.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { end, installed, run } from './emulator.ts';

const version = '0.8.0';
const module = `sigs.k8s.io/kwok@v${version}`;

interface Kwok {
  program: string;
  /** How nodes come up and live on, and how pods start, as the project gives them out. */
  stages: readonly string[];
}

/** Built by whoever is first. */
export async function builtKwok(): Promise<Kwok> {
  const folder = await installed(`kwok-${version}`, build);
  const stage = (...path: string[]): string => join(folder, 'stage', ...path);
  return {
    program: join(folder, 'kwok'),
    stages: [
      stage('node', 'fast', 'node-initialize.yaml'),
      stage('node', 'heartbeat-with-lease', 'node-heartbeat-with-lease.yaml'),
      stage('pod', 'fast', 'pod-ready.yaml'),
    ],
  };
}

async function build(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const found = spawnSync('go', ['mod', 'download', '-json', module], { cwd: folder, encoding: 'utf8' });
  if (found.status !== 0) throw new Error(`kwok ${version} can not be had: ${found.stderr || found.error}`);
  const { Dir } = JSON.parse(found.stdout) as { Dir: string };
  console.error(`Building kwok ${version}, once: 2 to 6 minutes ...`);
  await run('env', [
    ...[`GOBIN=${folder}`, 'CGO_ENABLED=0'],
    ...['go', 'install', '-trimpath', '-ldflags', '-s -w', `sigs.k8s.io/kwok/cmd/kwok@v${version}`],
  ]);
  // What lies in the proxy's cache may be read alone.
  cpSync(join(Dir, 'kustomize', 'stage'), join(folder, 'stage'), { recursive: true, mode: 0 });
}

/** Plays nodes with this label, in the cluster of a kubeconfig, by these stages. Gives how to stop it. */
export async function startKwok(given: {
  kubeconfig: string;
  nodeSelector: string;
  /** Files. */
  stages: readonly string[];
}): Promise<() => Promise<void>> {
  const { program } = await builtKwok();
  const args = [
    ...['--kubeconfig', given.kubeconfig, '--manage-nodes-with-label-selector', given.nodeSelector],
    ...given.stages.flatMap((file) => ['--config', file]),
    // Nodes say that they live, as the controller of nodes wants it.
    ...['--node-lease-duration-seconds', '40', '-v', 'WARN'],
  ];
  const child = spawn(program, args, { stdio: 'ignore' });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  return async () => {
    process.removeListener('exit', kill);
    await end(child);
  };
}
