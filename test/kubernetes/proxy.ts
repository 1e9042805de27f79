// Between the system and the API server: counts its calls, and spoils some of them as servers do. 429 and 503 are said
// before anything is done; 500 and a lost answer come after it was.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';

export interface Proxy {
  kubeconfig: string;
  counted(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

type Fault = 'none' | 'busy' | 'down' | 'failed' | 'lost';
/** In turn, so that each kind comes often, to each kind of call. */
const turns: readonly Fault[] = [
  'none',
  'none',
  'busy',
  'none',
  'failed',
  'none',
  'none',
  'down',
  'none',
  'lost',
  'none',
];

export async function startProxy(
  cluster: Cluster,
  { user, faults }: { user: string; faults: boolean },
): Promise<Proxy> {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  const agent = new Agent({ ca: cluster.ca, keepAlive: true });
  const counts: Record<string, number> = {};
  let turn = 0;

  const server = createServer((incoming, outgoing) => {
    const call = callOf(incoming);
    counts[call] = (counts[call] ?? 0) + 1;
    let fault: Fault = 'none';
    if (faults && !call.startsWith('watch')) {
      fault = turns[turn % turns.length] ?? 'none';
      turn += 1;
    }
    if (fault === 'busy' || fault === 'down') {
      incoming.resume();
      outgoing.writeHead(fault === 'busy' ? 429 : 503, {
        'retry-after': '1',
        'content-type': 'application/json',
      });
      outgoing.end(JSON.stringify({ kind: 'Status', message: 'too many requests, please try again later' }));
      return;
    }
    const { host: _host, ...headers } = incoming.headers;
    const asked = request(
      cluster.server + (incoming.url ?? ''),
      { method: incoming.method, headers, agent },
      (answer) => {
        if (fault === 'lost') {
          answer.resume();
          answer.once('end', () => incoming.socket.destroy());
          return;
        }
        if (fault === 'failed') {
          answer.resume();
          outgoing.writeHead(500, { 'content-type': 'application/json' });
          outgoing.end(JSON.stringify({ kind: 'Status', message: 'etcdserver: request timed out' }));
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
        answer.once('error', () => outgoing.destroy());
      },
    );
    asked.once('error', () => incoming.socket.destroy());
    outgoing.once('close', () => asked.destroy());
    incoming.pipe(asked);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const config = JSON.parse(readFileSync(cluster.kubeconfigOf(user), 'utf8')) as {
    clusters: { cluster: Record<string, unknown> }[];
  };
  for (const entry of config.clusters)
    entry.cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true };
  const kubeconfig = join(folder, 'kubeconfig');
  writeFileSync(kubeconfig, JSON.stringify(config), { mode: 0o600 });

  return {
    kubeconfig,
    counted: () => ({ ...counts }),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
      agent.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function callOf({ method, url = '' }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'http://proxy');
  const [, resource = 'other', name] =
    /\/(jobs|secrets|pods|events|selfsubjectaccessreviews)(\/[^/]+)?$/.exec(pathname) ?? [];
  if (method === 'POST') return `create ${resource}`;
  if (method === 'DELETE') return `delete ${resource}`;
  if (searchParams.get('watch') === 'true') return `watch ${resource}`;
  return `${name === undefined ? 'list' : 'get'} ${resource}`;
}
