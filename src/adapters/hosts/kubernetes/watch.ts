// What happens in the cluster, heard at once: ends, boots that have failed, pods that have to wait. Nothing depends on
// it but time: what is missed here, the host's list and the deadlines tell.
//
// Three streams: Jobs tell ends; their pods tell why; events about Jobs tell of pods that were refused (a quota, Pod
// Security), which a Job itself never says: it looks as if it ran, for ever. [Kubernetes: Jobs]
//
// Of each Job a few words are kept, whatever the size of its objects.

import type { z } from 'zod';
import type { MachineId } from '../../../core/ids.ts';
import type { Cancel, EpochMs } from '../../../ports/clock.ts';
import type { HostEvent } from '../../../ports/host.ts';
import type { Listed, Resource } from './api.ts';
import type { HostContext } from './context.ts';
import { follow } from './follow.ts';
import { isOwnName, selectorOf } from './labels.ts';
import {
  endOf,
  type Job,
  job,
  jobNameOf,
  type Pod,
  pod,
  refusedPods,
  type Warning,
  warning,
} from './objects.ts';
import { endCauseOf, troubleOf, warningOf } from './reasons.ts';

interface Seen {
  name: string;
  machine: MachineId;
  since: EpochMs;
  /** Why its pod ended, by the pod's own word. */
  cause: string | null;
  isTold: boolean;
  /** A boot fails once. */
  isFailed: boolean;
  /** The last that was said of its waiting, so that it is said once. */
  waits: string | null;
  stopPatience: Cancel | null;
}

/** The pod's word for its end may come some ms after the Job's. */
const causeMsMax = 500;
/** A door that fails is tried again; then the host's list has to tell. */
const tellTriesMax = 5;
const tellAgainMs = 1_000;

export interface Listener {
  onEvent: (event: HostEvent) => Promise<void>;
  onWarning: (text: string) => void;
}

export interface KubernetesWatch {
  /** A Job that was made here: one that ends before any stream shows it is missed by none. */
  launched(name: string, machine: MachineId): void;
  stop(): void;
}

export function startWatch(context: HostContext, { onEvent, onWarning }: Listener): KubernetesWatch {
  const { api, clock, options } = context;
  const labelSelector = selectorOf(context);
  const seen = new Map<string, Seen>();
  const timers = new Set<Cancel>();
  const closing = new AbortController();

  // ---- Jobs

  function onJob(found: Job): void {
    const known = learn(found.metadata.name, found.metadata.uid as MachineId);
    const end = endOf(found);
    if (end === null || known.isTold) return;
    const byJob = end.reason === '' ? 'it has ended' : `${end.reason}: ${end.message}`;
    known.isTold = true;
    known.stopPatience?.();
    const tell = (): void => say(known, 'gone', known.cause ?? byJob);
    if (known.cause !== null) tell();
    else later(causeMsMax, tell);
  }

  function onJobDeleted(name: string): void {
    const known = seen.get(name);
    if (!known) return;
    seen.delete(name);
    known.stopPatience?.();
    if (!known.isTold) say(known, 'gone', known.cause ?? 'it was deleted');
    known.isTold = true;
  }

  function learn(name: string, machine: MachineId): Seen {
    const known = seen.get(name);
    if (known?.machine === machine) return known;
    if (known) onJobDeleted(name);
    const fresh: Seen = {
      name,
      machine,
      since: clock.now(),
      cause: null,
      isTold: false,
      isFailed: false,
      waits: null,
      stopPatience: null,
    };
    seen.set(name, fresh);
    return fresh;
  }

  function onJobsListed(listed: readonly Job[], askedAt: EpochMs): void {
    const names = new Set(listed.map(({ metadata }) => metadata.name));
    for (const { name, since } of [...seen.values()])
      if (since < askedAt && !names.has(name)) onJobDeleted(name);
  }

  // ---- Their pods, and what is said about them

  function onPod(found: Pod): void {
    const known = seen.get(jobNameOf(found));
    if (!known) return;
    // It may come after the Job's end, which waits for it a moment.
    known.cause = endCauseOf(found) ?? known.cause;
    if (known.isTold) return;
    const trouble = troubleOf(found);
    if (trouble === null) {
      known.stopPatience?.();
      known.stopPatience = null;
      return;
    }
    switch (trouble.kind) {
      case 'waits':
        waits(known, trouble.says);
        break;
      case 'failing': {
        waits(known, trouble.says);
        known.stopPatience ??= later(options.pullErrorSeconds * 1000, () => failed(known, trouble.says));
        break;
      }
      case 'failed':
        failed(known, trouble.says);
        break;
      default:
        trouble satisfies never;
    }
  }

  function onWarningEvent(found: Warning): void {
    const known = seen.get(found.involvedObject.name);
    if (!known || known.machine !== found.involvedObject.uid) return;
    const { kind, says } = warningOf(found);
    if (kind === 'failed') failed(known, says);
    else waits(known, says);
  }

  function waits(known: Seen, says: string): void {
    if (known.isTold || known.isFailed || known.waits === says) return;
    known.waits = says;
    say(known, 'waits', says);
  }

  function failed(known: Seen, says: string): void {
    if (known.isTold || known.isFailed) return;
    known.isFailed = true;
    known.cause = says;
    say(known, 'failed', says);
  }

  // ---- Telling

  function say(
    { name, machine }: Pick<Seen, 'name' | 'machine'>,
    happened: HostEvent['happened'],
    cause: string,
    tries = 1,
  ): void {
    if (closing.signal.aborted) return;
    onEvent({ name, machine, happened, cause, at: clock.now() }).catch((error: unknown) => {
      if (tries < tellTriesMax)
        later(tellAgainMs * tries, () => say({ name, machine }, happened, cause, tries + 1));
      else onWarning(`of runner ${name} could not be told that ${cause}: ${String(error)}`);
    });
  }

  function later(delayMs: number, task: () => void): Cancel {
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      task();
    });
    timers.add(cancel);
    return () => {
      cancel();
      timers.delete(cancel);
    };
  }

  function stream<Schema extends z.ZodType>(given: {
    resource: Resource;
    query: Readonly<Record<string, string>>;
    list: () => Promise<Listed<z.output<Schema>>>;
    schema: Schema;
    onItem: (item: z.output<Schema>) => void;
    onListed?: (items: readonly z.output<Schema>[], askedAt: EpochMs) => void;
    onDeleted?: (item: z.output<Schema>) => void;
  }): void {
    void follow({ api, clock, signal: closing.signal, onWarning, ...given });
  }

  stream({
    resource: 'jobs',
    query: { labelSelector },
    list: () => api.listJobs(labelSelector),
    schema: job,
    onItem: onJob,
    onListed: onJobsListed,
    onDeleted: (gone) => onJobDeleted(gone.metadata.name),
  });
  stream({
    resource: 'pods',
    query: { labelSelector },
    list: () => api.listPods(labelSelector),
    schema: pod,
    onItem: onPod,
    onDeleted: onPod,
  });
  stream({
    resource: 'events',
    query: { fieldSelector: refusedPods },
    list: () => api.listWarnings(refusedPods),
    schema: warning,
    onItem: (found) => {
      if (isOwnName(context, found.involvedObject.name)) onWarningEvent(found);
    },
  });

  return {
    launched: (name, machine) => void learn(name, machine),
    stop() {
      closing.abort();
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
