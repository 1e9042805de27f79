// The stand-in cluster over HTTP, in the API server's words: create, get, list by pages, watch, delete, and the question
// what one may. Faults come as the test wants them.

import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Connection } from '../connect/connection.ts';
import {
  ClusterRefusal,
  type ClusterSettings,
  createCluster,
  type Kind,
  type StandInCluster,
  type StandInObject,
} from './cluster.ts';

interface StandInCall {
  verb: string;
  resource: string;
  name: string;
}

/** What becomes of a call. `lose`: it is done, and the answer is lost. `drop`: it does not arrive. */
export type Fate =
  | 'pass'
  | 'lose'
  | 'drop'
  | { status: number; reason?: string; message?: string; retryAfter?: string };

export interface StandInSettings extends ClusterSettings {
  fate?: (call: StandInCall, calls: readonly StandInCall[]) => Fate;
  /** All, where it is left out. */
  allows?: (call: Pick<StandInCall, 'verb' | 'resource'>) => boolean;
}

export interface StandIn {
  cluster: StandInCluster;
  calls: StandInCall[];
  countOf(verb: string, resource: string): number;
  connection(): Connection;
  /** Watches end, as they do when an API server is restarted. */
  breakWatches(): void;
  close(): Promise<void>;
}

const pathPattern =
  /^(?:\/api\/v1|\/apis\/batch\/v1)\/namespaces\/([a-z0-9-]+)\/(jobs|pods|secrets|events)(?:\/([a-z0-9.-]+))?$/;

/** Fields of a pod's spec that tests use; all others are misspelt. */
const podFields = new Set(
  (
    'restartPolicy terminationGracePeriodSeconds enableServiceLinks automountServiceAccountToken serviceAccountName ' +
    'imagePullSecrets os nodeSelector tolerations securityContext initContainers containers volumes priorityClassName'
  ).split(' '),
);

export async function startStandIn(settings: StandInSettings): Promise<StandIn> {
  const cluster = createCluster(settings);
  const calls: StandInCall[] = [];
  const watching = new Set<ServerResponse>();
  const agents = new Set<Agent>();

  function act(call: StandInCall, query: URLSearchParams, body: unknown): [status: number, answer: unknown] {
    const kind = call.resource as Kind;
    const given = body as Partial<StandInObject>;
    switch (call.verb) {
      case 'create':
        if (kind === 'jobs') {
          demandKnownFields(given, query);
          return [201, cluster.createJob(given)];
        }
        return [201, cluster.create(kind, given)];
      case 'get': {
        const found = cluster.kinds[kind].get(call.name);
        if (!found) throw new ClusterRefusal(404, 'NotFound', `${kind} "${call.name}" not found`);
        return [200, found];
      }
      case 'delete': {
        const { preconditions } = (body ?? {}) as { preconditions?: { uid?: string } };
        return [200, cluster.deleteJob(call.name, preconditions?.uid ?? null)];
      }
      case 'list': {
        const items = [...cluster.kinds[kind].values()].filter(selected(query));
        const from = Number(query.get('continue') ?? 0);
        const limit = Number(query.get('limit') ?? items.length);
        const next = from + limit < items.length ? String(from + limit) : '';
        const metadata = { resourceVersion: String(cluster.version()), continue: next };
        return [200, { metadata, items: items.slice(from, from + limit) }];
      }
      default:
        throw new ClusterRefusal(405, 'MethodNotAllowed', `${call.verb} is not known here`);
    }
  }

  function watch(call: StandInCall, query: URLSearchParams, response: ServerResponse): void {
    const isSelected = selected(query);
    const missed = cluster.since(Number(query.get('resourceVersion')));
    response.writeHead(200, { 'content-type': 'application/json' });
    const send = (type: string, object: unknown): void =>
      void response.write(`${JSON.stringify({ type, object })}\n`);
    if (missed === null) {
      send('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' });
      return void response.end();
    }
    response.flushHeaders();
    const tell = ({ kind, type, object }: (typeof missed)[number]): void => {
      if (kind === call.resource && isSelected(object)) send(type, object);
    };
    for (const change of missed) tell(change);
    const stop = cluster.listen(tell);
    watching.add(response);
    response.once('close', () => {
      stop();
      watching.delete(response);
    });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://cluster');
    const body: unknown = JSON.parse((await textOf(request)) || 'null');
    if (url.pathname.endsWith('/selfsubjectaccessreviews')) {
      const { spec } = body as { spec: { resourceAttributes: { verb: string; resource: string } } };
      return answer(response, 201, {
        status: { allowed: settings.allows?.(spec.resourceAttributes) ?? true },
      });
    }
    const [, , resource = '', name = ''] = pathPattern.exec(url.pathname) ?? [];
    const verb = verbOf(request.method ?? '', name, url.searchParams);
    const call = { verb, resource, name: name || ((body as StandInObject | null)?.metadata?.name ?? '') };
    calls.push(call);
    try {
      if (resource === '')
        throw new ClusterRefusal(404, 'NotFound', 'the server could not find the requested resource');
      if (settings.allows && !settings.allows(call))
        throw new ClusterRefusal(
          403,
          'Forbidden',
          `${resource} is forbidden: User "system" cannot ${verb} resource "${resource}" in the namespace "runners"`,
        );
      const fate = settings.fate?.(call, calls) ?? 'pass';
      if (fate === 'drop') return void request.socket.destroy();
      if (typeof fate === 'object') {
        if (fate.retryAfter) response.setHeader('retry-after', fate.retryAfter);
        throw new ClusterRefusal(fate.status, fate.reason ?? 'Test', fate.message ?? 'as the test wants it');
      }
      if (verb === 'watch') return watch(call, url.searchParams, response);
      const [status, object] = act(call, url.searchParams, body);
      if (fate === 'lose') return void request.socket.destroy();
      answer(response, status, object);
    } catch (error) {
      if (!(error instanceof ClusterRefusal)) throw error;
      const { status: code, reason, message } = error;
      answer(response, code, { kind: 'Status', status: 'Failure', code, reason, message });
    }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => answer(response, 500, { message: String(error) }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    cluster,
    calls,
    countOf: (verb, resource) =>
      calls.filter((call) => call.verb === verb && call.resource === resource).length,
    connection() {
      const agent = new Agent({ keepAlive: true });
      agents.add(agent);
      return {
        access: async () => ({ server: `http://127.0.0.1:${port}`, headers: {}, agent }),
        forget: () => {},
        close: () => agent.destroy(),
      };
    },
    breakWatches: () => {
      for (const response of watching) response.socket?.destroy();
    },
    async close() {
      cluster.close();
      for (const agent of agents) agent.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

function verbOf(method: string, name: string, query: URLSearchParams): string {
  if (method === 'POST') return 'create';
  if (method === 'DELETE') return 'delete';
  if (query.get('watch') === 'true') return 'watch';
  return name === '' ? 'list' : 'get';
}

/** By labels, and by a pod's phase; of other fields it knows none, and of events it has no others anyway. */
function selected(query: URLSearchParams): (object: StandInObject) => boolean {
  const wanted = (query.get('labelSelector') ?? '').split(',').filter((one) => one !== '');
  const [, phase] = /status\.phase=(\w+)/.exec(query.get('fieldSelector') ?? '') ?? [];
  return ({ metadata: { labels }, status }) =>
    (phase === undefined || (status?.['phase'] ?? 'Pending') === phase) &&
    wanted.every((one) => {
      const [key = '', value] = one.split('=');
      return labels[key] === value;
    });
}

function demandKnownFields(given: Partial<StandInObject>, query: URLSearchParams): void {
  const template = given.spec?.['template'] as { spec?: object } | undefined;
  const unknown = Object.keys(template?.spec ?? {}).filter((field) => !podFields.has(field));
  if (query.get('fieldValidation') === 'Strict' && unknown.length > 0)
    throw new ClusterRefusal(
      400,
      'BadRequest',
      `Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.template.spec.${unknown[0]}"`,
    );
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
