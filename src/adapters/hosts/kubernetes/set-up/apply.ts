// The objects of a namespace, brought into a cluster and taken out again. The server merges what is applied (server-side
// apply): what is the same already is not written, and what others have added stays. [Kubernetes: Server-Side Apply]
//
//   namespace   is made if it is not there, with a note of who made it; its labels must not be somebody else's already
//   the others  have names that are ours alone, and are put right whatever was done to them, unless another deployment
//               made them
//
// Out again: what this deployment made; the namespace too, if no other host still has objects there.

import { z } from 'zod';
import type { Clock, EpochMs } from '../../../../ports/clock.ts';
import type { Call, Caller } from '../call.ts';
import type { Plain } from '../merge.ts';
import { Refusal } from '../refusals.ts';

const kinds = {
  Namespace: { api: '/api/v1', resource: 'namespaces' },
  ServiceAccount: { api: '/api/v1', resource: 'serviceaccounts' },
  ResourceQuota: { api: '/api/v1', resource: 'resourcequotas' },
  Role: { api: '/apis/rbac.authorization.k8s.io/v1', resource: 'roles' },
  RoleBinding: { api: '/apis/rbac.authorization.k8s.io/v1', resource: 'rolebindings' },
  NetworkPolicy: { api: '/apis/networking.k8s.io/v1', resource: 'networkpolicies' },
} as const;

const texts = z.record(z.string(), z.string()).default({});
const object = z.looseObject({
  kind: z.enum(['Namespace', 'ServiceAccount', 'ResourceQuota', 'Role', 'RoleBinding', 'NetworkPolicy']),
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: texts,
    annotations: texts,
  }),
});
type ClusterObject = z.output<typeof object>;

/** What is applied: the list of manifests.ts. */
export const objectList = z.object({ items: z.array(object) });
export type ObjectList = z.output<typeof objectList>;

const found = z.object({ metadata: z.object({ uid: z.string(), annotations: texts }) });
const listed = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

/** Who writes which field, in the server's books. */
const manager = 'ephemeral-runners';
/** Of the note on a namespace: a second name, since a manager that applies takes back what it does not apply again. */
const makingManager = 'ephemeral-runners-making';
const madeByKey = 'runners/made-by';
const managedByKey = 'app.kubernetes.io/managed-by';

const askAgainMs = 1_000;

export interface Owner {
  /** Of the deployment, the same at each of its runs. */
  madeBy: string;
}

export async function applyObjects(caller: Caller, { items }: ObjectList, owner: Owner): Promise<void> {
  for (const item of items) {
    if (item.kind === 'Namespace') {
      await makeNamespace(caller, item, owner);
      await applied(caller, item, false).catch((error: unknown) => {
        if (!(error instanceof Refusal && error.status === 409)) throw error;
        throw new Error(labelledOtherwise(item, error.said), { cause: error });
      });
    } else {
      const maker = (await look(caller, item))?.metadata.annotations[madeByKey] ?? owner.madeBy;
      if (maker !== owner.madeBy) throw new Error(madeByAnother(item, maker));
      await applied(caller, noted(item, owner), true);
    }
  }
}

async function applied(caller: Caller, item: ClusterObject, force: boolean): Promise<void> {
  const query = { fieldManager: manager, fieldValidation: 'Strict', ...(force && { force: 'true' }) };
  const call: Call = { what: `apply ${sayOf(item)}`, method: 'PATCH', path: pathOf(item), query, body: item };
  await caller.ask({ ...call, contentType: 'application/apply-patch+yaml' }, z.unknown());
}

function noted(item: ClusterObject, { madeBy }: Owner): ClusterObject {
  const annotations = { ...item.metadata.annotations, [madeByKey]: madeBy };
  return { ...item, metadata: { ...item.metadata, annotations } };
}

async function makeNamespace(caller: Caller, item: ClusterObject, { madeBy }: Owner): Promise<void> {
  const { name } = item.metadata;
  const body: Plain = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, annotations: { [madeByKey]: madeBy } },
  };
  try {
    const path = `${kinds.Namespace.api}/${kinds.Namespace.resource}`;
    const call: Call = {
      what: `create ${sayOf(item)}`,
      ...{ method: 'POST', path, query: { fieldManager: makingManager }, body },
    };
    await caller.ask(call, z.unknown());
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 409)) throw error;
  }
}

/** Resolves when nothing is left. Throws if that takes until after `until`. */
export async function removeObjects(
  caller: Caller,
  { items }: ObjectList,
  { madeBy, clock, until }: Owner & { clock: Clock; until: EpochMs },
): Promise<void> {
  // What was made last goes first: nobody's rights outlive the bounds on them.
  for (const item of items.toReversed()) {
    if (item.kind === 'Namespace') {
      if (await isLastIn(caller, item, madeBy)) await removed(caller, item, { clock, until });
    } else {
      const there = await look(caller, item);
      if (there?.metadata.annotations[madeByKey] === madeBy) await removed(caller, item, { clock, until });
    }
  }
}

/** It is this deployment's, and no other host has a Role there. */
async function isLastIn(caller: Caller, item: ClusterObject, madeBy: string): Promise<boolean> {
  const there = await look(caller, item);
  if (there?.metadata.annotations[madeByKey] !== madeBy) return false;
  const { api, resource } = kinds.Role;
  const { items } = await caller.ask(
    {
      what: `list roles in ${sayOf(item)}`,
      method: 'GET',
      path: `${api}/namespaces/${item.metadata.name}/${resource}`,
      query: { labelSelector: `${managedByKey}=${item.metadata.labels[managedByKey] ?? ''}` },
    },
    listed,
  );
  return items.length === 0;
}

async function removed(
  caller: Caller,
  item: ClusterObject,
  { clock, until }: { clock: Clock; until: EpochMs },
): Promise<void> {
  const first = await look(caller, item);
  if (first === null) return;
  const { uid } = first.metadata;
  const body = { propagationPolicy: 'Foreground', preconditions: { uid } };
  const call: Call = { what: `delete ${sayOf(item)}`, method: 'DELETE', path: pathOf(item), body };
  await caller.ask(call, z.unknown()).catch((error: unknown) => {
    if (!(error instanceof Refusal && (error.status === 404 || error.status === 409))) throw error;
  });
  while ((await look(caller, item))?.metadata.uid === uid) {
    if (clock.now() >= until)
      throw new Error(
        `${sayOf(item)} is still ending, with whatever is in it. Remedy: see what holds it ` +
          `(kubectl describe namespace ${item.metadata.namespace ?? item.metadata.name}), then delete again.`,
      );
    await clock.sleep(askAgainMs);
  }
}

async function look(caller: Caller, item: ClusterObject): Promise<z.output<typeof found> | null> {
  try {
    return await caller.ask({ what: `get ${sayOf(item)}`, method: 'GET', path: pathOf(item) }, found);
  } catch (error) {
    if (error instanceof Refusal && error.status === 404) return null;
    throw error;
  }
}

function pathOf({ kind, metadata: { name, namespace } }: ClusterObject): string {
  const { api, resource } = kinds[kind];
  return `${api}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${resource}/${name}`;
}

function sayOf({ kind, metadata: { name, namespace } }: ClusterObject): string {
  return `${kind} ${name}${namespace === undefined ? '' : ` in namespace ${namespace}`}`;
}

function labelledOtherwise({ metadata: { name } }: ClusterObject, said: string): string {
  return (
    `namespace ${name} is there, and its labels are somebody else's: ${said}. Remedy: take them away if they are not ` +
    "wanted, name another namespace in the host's options, or give it setUp: 'byHand'."
  );
}

function madeByAnother(item: ClusterObject, maker: string): string {
  return (
    `${sayOf(item)} is of another deployment (${maker}). Remedy: name another namespace in the host's options, or ` +
    'another host; if that deployment is no more, delete the object.'
  );
}
