// Why pods are not up, asked where nobody watches: on AWS, with the host's list. Two lists more, and only where there is
// a Job whose pod is missing (a quota, Pod Security), or one whose pod does not run (no node, no image).

import type { ListedMachine } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { selectorOf } from './labels.ts';
import { endOf, type Job, jobNameOf, type Pod, refusedPods } from './objects.ts';
import { type Trouble, troubleOf, warningOf } from './reasons.ts';

type ByUid = ReadonlyMap<string, NonNullable<ListedMachine['trouble']>>;

export async function troublesOf(context: HostContext, jobs: readonly Job[]): Promise<ByUid> {
  const found = new Map<string, NonNullable<ListedMachine['trouble']>>();
  if (context.options.watch) return found;
  const starting = jobs.filter((job) => endOf(job) === null && job.metadata.deletionTimestamp === undefined);
  const withoutPod = starting.filter(({ status }) => status.active === 0);
  const notReady = starting.filter(({ status }) => status.active > status.ready);
  try {
    if (withoutPod.length > 0) {
      const uids = new Set(withoutPod.map(({ metadata }) => metadata.uid));
      const { items } = await context.api.listWarnings(refusedPods);
      for (const warning of items)
        if (uids.has(warning.involvedObject.uid))
          found.set(warning.involvedObject.uid, told(warningOf(warning), 0));
    }
    if (notReady.length > 0) {
      const uidOf = new Map(notReady.map(({ metadata }) => [metadata.name, metadata.uid]));
      const { items } = await context.api.listPods(selectorOf(context), 'status.phase=Pending');
      for (const pod of items) {
        const uid = uidOf.get(jobNameOf(pod));
        const trouble = troubleOf(pod);
        if (uid !== undefined && trouble) found.set(uid, told(trouble, patienceLeftMs(context, pod)));
      }
    }
  } catch {
    // Notes for people: the list is good without them, and a boot that hangs has its deadline.
  }
  return found;
}

function told({ kind, says }: Trouble, patienceMs: number): NonNullable<ListedMachine['trouble']> {
  const isFailed = kind === 'failed' || (kind === 'failing' && patienceMs <= 0);
  return { happened: isFailed ? 'failed' : 'waits', cause: says };
}

/** From when it was made: since when it fails is not said. */
function patienceLeftMs({ clock, options }: HostContext, { metadata }: Pod): number {
  const madeAt = Date.parse(metadata.creationTimestamp ?? '');
  return options.pullErrorSeconds * 1000 - (clock.now() - madeAt);
}
