// The few calls to a Kubernetes API server that this host makes. Objects go out as they are: the official client's
// serializer drops, without a word, every field that it does not know, and a pool's patch may have such fields. So it
// is the server that refuses a misspelt one (`fieldValidation=Strict`), by name.

import { z } from 'zod';
import type { Clock } from '../../../ports/clock.ts';
import { linesOf, textOf } from './answers.ts';
import { type Call as CallToServer, createCaller } from './call.ts';
import type { Connection } from './connect/connection.ts';
import { accessReview, type Job, job, type Pod, page, pod, type Warning, warning } from './objects.ts';
import { Refusal, readRefusal } from './refusals.ts';

export type Resource = 'jobs' | 'secrets' | 'pods' | 'events';
export type Verb = 'create' | 'get' | 'list' | 'watch' | 'delete';

export interface Listed<Item> {
  items: Item[];
  resourceVersion: string;
}

interface Watched {
  type: string;
  object: unknown;
}

export interface Api {
  createJob(body: unknown, withinMs: number): Promise<Job>;
  getJob(name: string, withinMs?: number): Promise<Job | null>;
  /** The Job stays until its pods are gone. `null`: there is none of this name, or it is not the one of `uid`. */
  deleteJob(name: string, uid: string | null): Promise<Job | null>;
  createSecret(body: unknown, withinMs: number): Promise<void>;
  /** All pages. */
  listJobs(labelSelector: string): Promise<Listed<Job>>;
  listPods(labelSelector: string, fieldSelector?: string): Promise<Listed<Pod>>;
  listWarnings(fieldSelector: string): Promise<Listed<Warning>>;
  /** Until the server ends it, or `signal` does. Throws where it is refused. */
  watch(asked: WatchRequest, onEvent: (event: Watched) => void): Promise<void>;
  /** Whether we may, by the server's own word. */
  may(verb: Verb, resource: Resource): Promise<{ allowed: boolean; reason: string }>;
}

interface WatchRequest {
  resource: Resource;
  query: Readonly<Record<string, string>>;
  timeoutSeconds: number;
  signal: AbortSignal;
}

/** Of a list: some hundred kilobytes an answer. */
const pageItems = 250;
/** 50,000 objects; whoever has more has another problem. */
const pagesMax = 200;
/** A watch whose server is lost without a word is given up so long after its time. */
const watchGraceMs = 20_000;

const methods: Readonly<Record<Verb, CallToServer['method']>> = {
  create: 'POST',
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  delete: 'DELETE',
};

interface Call {
  verb: Verb;
  resource: Resource | 'selfsubjectaccessreviews';
  name?: string;
  query?: Readonly<Record<string, string>>;
  body?: unknown;
}

export function createApi(deps: { connection: Connection; namespace: string; clock: Clock }): Api {
  const { namespace, clock } = deps;
  const caller = createCaller(deps);

  function pathOf({ resource, name }: Call): string {
    switch (resource) {
      case 'selfsubjectaccessreviews':
        return '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      case 'jobs':
        return `/apis/batch/v1/namespaces/${namespace}/jobs${name ? `/${name}` : ''}`;
      case 'secrets':
      case 'pods':
      case 'events':
        return `/api/v1/namespaces/${namespace}/${resource}${name ? `/${name}` : ''}`;
      default:
        return resource satisfies never;
    }
  }

  function ask<Schema extends z.ZodType>(
    call: Call,
    schema: Schema,
    withinMs?: number,
  ): Promise<z.output<Schema>> {
    return caller.ask(toServer(call), schema, withinMs);
  }

  async function listAll<Schema extends z.ZodType>(
    resource: Resource,
    query: Readonly<Record<string, string>>,
    schema: Schema,
  ): Promise<Listed<z.output<Schema>>> {
    const items: z.output<Schema>[] = [];
    let next = '';
    for (let pages = 0; pages < pagesMax; pages += 1) {
      const asked = { ...query, limit: String(pageItems), ...(next && { continue: next }) };
      const read = await ask({ verb: 'list', resource, query: asked }, page);
      for (const item of read.items) {
        const parsed = schema.safeParse(item);
        if (parsed.success) items.push(parsed.data);
      }
      next = read.metadata.continue;
      if (next === '') return { items, resourceVersion: read.metadata.resourceVersion };
    }
    throw new Error(`more than ${pagesMax * pageItems} ${resource} of ours in namespace ${namespace}`);
  }

  return {
    createJob: (body, withinMs) =>
      ask({ verb: 'create', resource: 'jobs', query: { fieldValidation: 'Strict' }, body }, job, withinMs),
    getJob: async (name, withinMs) => {
      try {
        return await ask({ verb: 'get', resource: 'jobs', name }, job, withinMs);
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) return null;
        throw error;
      }
    },
    deleteJob: async (name, uid) => {
      const body = {
        propagationPolicy: 'Foreground',
        ...(uid !== null && { preconditions: { uid } }),
      };
      try {
        return await ask({ verb: 'delete', resource: 'jobs', name, body }, job.nullable().catch(null));
      } catch (error) {
        if (error instanceof Refusal && (error.status === 404 || isOtherUid(error))) return null;
        throw error;
      }
    },
    createSecret: async (body, withinMs) => {
      await ask({ verb: 'create', resource: 'secrets', body }, z.unknown(), withinMs);
    },
    listJobs: (labelSelector) => listAll('jobs', { labelSelector }, job),
    listPods: (labelSelector, fieldSelector) =>
      listAll('pods', { labelSelector, ...(fieldSelector !== undefined && { fieldSelector }) }, pod),
    listWarnings: (fieldSelector) => listAll('events', { fieldSelector }, warning),
    watch: async ({ resource, query, timeoutSeconds, signal }, onEvent) => {
      const giveUp = new AbortController();
      const stopWaiting = clock.after(timeoutSeconds * 1000 + watchGraceMs, () => giveUp.abort());
      const call: Call = {
        verb: 'watch',
        resource,
        query: {
          ...query,
          watch: 'true',
          allowWatchBookmarks: 'true',
          timeoutSeconds: String(timeoutSeconds),
        },
      };
      try {
        const response = await caller.open(toServer(call), AbortSignal.any([signal, giveUp.signal]));
        if (response.statusCode !== 200) {
          const text = await textOf(response, describe(call));
          throw readRefusal(describe(call), response.statusCode ?? 0, text, response.headers['retry-after']);
        }
        for await (const line of linesOf(response, describe(call))) onEvent(JSON.parse(line) as Watched);
      } finally {
        stopWaiting();
      }
    },
    may: async (verb, resource) => {
      const resourceAttributes = { namespace, verb, resource, group: resource === 'jobs' ? 'batch' : '' };
      const body = {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes },
      };
      const answered = await ask(
        { verb: 'create', resource: 'selfsubjectaccessreviews', body },
        accessReview,
      );
      return { allowed: answered.status.allowed, reason: answered.status.reason };
    },
  };

  function toServer(call: Call): CallToServer {
    const { verb, query, body } = call;
    return {
      what: describe(call),
      method: methods[verb],
      path: pathOf(call),
      ...(query && { query }),
      ...(body !== undefined && { body }),
    };
  }

  function describe({ verb, resource, name }: Call): string {
    return `${verb} ${resource}${name ? ` ${name}` : ''} in namespace ${namespace}`;
  }
}

/** "the UID in the precondition (…) does not match the UID in record (…)" */
function isOtherUid({ status, said }: Refusal): boolean {
  return status === 409 && said.includes('UID in the precondition');
}
