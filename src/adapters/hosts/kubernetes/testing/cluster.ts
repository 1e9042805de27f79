// A stand-in of a cluster for fast tests: Jobs, their pods, Secrets and events of one namespace, with the job
// controller, the garbage collector and a kubelet in a few lines. It runs no container. The same tests run against
// Kubernetes itself in the slow suite, which shows where this one is wrong.

import type { Cancel, Clock } from '../../../../ports/clock.ts';

export interface StandInObject {
  metadata: {
    name: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp?: string;
    labels: Record<string, string>;
    annotations: Record<string, string>;
    ownerReferences?: { uid: string }[];
    deletionTimestamp?: string;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
  [key: string]: unknown;
}

export type Kind = 'jobs' | 'pods' | 'secrets' | 'events';

export interface Change {
  version: number;
  kind: Kind;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: StandInObject;
}

export interface ClusterSettings {
  clock: Clock;
  /** Pods that the namespace's quota has room for. */
  podsMax?: number;
  jobsMax?: number;
  /** What the kubelet says of a pod's first container instead of starting it, or of its place. */
  trouble?: (pod: StandInObject) => { waiting: string; message: string } | { unschedulable: string } | null;
}

export class ClusterRefusal extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** Of controllers and kubelet: each step takes so long. */
const stepMs = 3;
/** A Job tries again to make a pod that was refused. */
const retryMs = 40;
/** Old enough that a watch from there is told to list again. */
const changesKept = 10_000;

export function createCluster({ clock, podsMax, jobsMax, trouble }: ClusterSettings) {
  const kinds: Record<Kind, Map<string, StandInObject>> = {
    jobs: new Map(),
    pods: new Map(),
    secrets: new Map(),
    events: new Map(),
  };
  const changes: Change[] = [];
  const listeners = new Set<(change: Change) => void>();
  const timers = new Set<Cancel>();
  let version = 1;
  let made = 0;

  function after(delayMs: number, task: () => void): void {
    const cancel = clock.after(delayMs, () => {
      timers.delete(cancel);
      task();
    });
    timers.add(cancel);
  }

  function write(kind: Kind, type: Change['type'], object: StandInObject): void {
    version += 1;
    const written = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    if (type === 'DELETED') kinds[kind].delete(object.metadata.name);
    else kinds[kind].set(object.metadata.name, written);
    const change = { version, kind, type, object: written };
    changes.push(change);
    if (changes.length > changesKept) changes.shift();
    for (const listener of listeners) listener(change);
  }

  function create(kind: Kind, given: Partial<StandInObject>): StandInObject {
    const name = given.metadata?.name ?? '';
    if (kinds[kind].has(name))
      throw new ClusterRefusal(409, 'AlreadyExists', `${kind} "${name}" already exists`);
    made += 1;
    const uid = `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`;
    const creationTimestamp = new Date(clock.now()).toISOString();
    const metadata = {
      ...{ labels: {}, annotations: {}, creationTimestamp },
      ...given.metadata,
      ...{ name, uid, resourceVersion: '' },
    };
    write(kind, 'ADDED', { ...given, metadata });
    return kinds[kind].get(name) as StandInObject;
  }

  // ---- The job controller

  function createJob(given: Partial<StandInObject>): StandInObject {
    if (jobsMax !== undefined && kinds.jobs.size >= jobsMax)
      throw new ClusterRefusal(
        403,
        'Forbidden',
        `jobs.batch "${given.metadata?.name}" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, ` +
          `used: count/jobs.batch=${kinds.jobs.size}, limited: count/jobs.batch=${jobsMax}`,
      );
    const job = create('jobs', { ...given, status: {} });
    const deadline = Number(job.spec?.['activeDeadlineSeconds'] ?? 0);
    after(deadline * 1000, () => endJob(job.metadata.uid, 'Failed', 'DeadlineExceeded', 'it took too long'));
    after(stepMs, () => makePod(job.metadata.uid));
    return job;
  }

  const jobOf = (uid: string): StandInObject | undefined =>
    [...kinds.jobs.values()].find(({ metadata }) => metadata.uid === uid);
  const podsOf = (uid: string): StandInObject[] =>
    [...kinds.pods.values()].filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid);

  function makePod(uid: string): void {
    const job = jobOf(uid);
    if (!job || job.metadata.deletionTimestamp || hasEnded(job)) return;
    const { name } = job.metadata;
    if (podsMax !== undefined && kinds.pods.size >= podsMax) {
      refusedPod(
        job,
        `pods "${name}-abcde" is forbidden: exceeded quota: few, requested: pods=1, used: pods=${podsMax}`,
      );
      after(retryMs, () => makePod(uid));
      return;
    }
    const template = (job.spec?.['template'] ?? {}) as Partial<StandInObject>;
    made += 1;
    const pod = create('pods', {
      ...template,
      metadata: {
        ...(template.metadata as StandInObject['metadata']),
        name: `${name}-${made.toString(36).padStart(5, 'x')}`,
        labels: { ...template.metadata?.labels, 'batch.kubernetes.io/job-name': name },
        ownerReferences: [{ uid }],
      },
      status: { phase: 'Pending' },
    });
    write('jobs', 'MODIFIED', { ...(jobOf(uid) ?? job), status: { active: 1 } });
    startPod(pod.metadata.name);
  }

  function refusedPod(job: StandInObject, message: string): void {
    const name = `${job.metadata.name}.failed`;
    const event = {
      metadata: { name } as StandInObject['metadata'],
      involvedObject: { kind: 'Job', name: job.metadata.name, uid: job.metadata.uid },
      reason: 'FailedCreate',
      type: 'Warning',
      message: `Error creating: ${message}`,
    };
    const before = kinds.events.get(name);
    if (before) write('events', 'MODIFIED', before);
    else create('events', event);
  }

  function endJob(uid: string, type: 'Complete' | 'Failed', reason: string, message: string): void {
    const job = jobOf(uid);
    if (!job || hasEnded(job)) return;
    for (const pod of podsOf(uid)) if (!isOver(pod)) removePod(pod.metadata.name);
    const conditions = [{ type, status: 'True', reason, message }];
    write('jobs', 'MODIFIED', { ...job, status: { conditions } });
    const keptSeconds = Number(job.spec?.['ttlSecondsAfterFinished'] ?? 0);
    after(keptSeconds * 1000, () => removeJob(uid));
  }

  function deleteJob(name: string, uid: string | null): StandInObject {
    const job = kinds.jobs.get(name);
    if (!job) throw new ClusterRefusal(404, 'NotFound', `jobs.batch "${name}" not found`);
    if (uid !== null && uid !== job.metadata.uid)
      throw new ClusterRefusal(
        409,
        'Conflict',
        `Operation cannot be fulfilled on Job.batch "${name}": the UID in the precondition (${uid}) does not match the UID in record (${job.metadata.uid}). The object might have been deleted and then recreated`,
      );
    if (!job.metadata.deletionTimestamp) {
      const metadata = { ...job.metadata, deletionTimestamp: new Date(clock.now()).toISOString() };
      write('jobs', 'MODIFIED', { ...job, metadata });
      for (const pod of podsOf(job.metadata.uid)) after(stepMs, () => removePod(pod.metadata.name));
      after(3 * stepMs, () => removeJob(job.metadata.uid));
    }
    return kinds.jobs.get(name) ?? job;
  }

  function removeJob(uid: string): void {
    const job = jobOf(uid);
    for (const pod of podsOf(uid)) removePod(pod.metadata.name);
    for (const secret of [...kinds.secrets.values()])
      if (secret.metadata.ownerReferences?.[0]?.uid === uid) write('secrets', 'DELETED', secret);
    if (job) write('jobs', 'DELETED', job);
  }

  // ---- The kubelet

  function startPod(name: string): void {
    after(stepMs, () => {
      const pod = kinds.pods.get(name);
      if (!pod || pod.metadata.deletionTimestamp) return;
      const said = trouble?.(pod) ?? null;
      if (said) {
        const status =
          'unschedulable' in said
            ? {
                phase: 'Pending',
                conditions: [
                  {
                    type: 'PodScheduled',
                    status: 'False',
                    reason: 'Unschedulable',
                    message: said.unschedulable,
                  },
                ],
              }
            : {
                phase: 'Pending',
                initContainerStatuses: [
                  { name: 'claim', state: { waiting: { reason: said.waiting, message: said.message } } },
                ],
              };
        write('pods', 'MODIFIED', { ...pod, status });
        return;
      }
      // Its volume can not be mounted yet.
      if (!kinds.secrets.has(pod.metadata.labels['batch.kubernetes.io/job-name'] ?? ''))
        return startPod(name);
      write('pods', 'MODIFIED', { ...pod, status: { phase: 'Running' } });
      const job = kinds.jobs.get(pod.metadata.labels['batch.kubernetes.io/job-name'] ?? '');
      if (job && !hasEnded(job)) write('jobs', 'MODIFIED', { ...job, status: { active: 1, ready: 1 } });
    });
  }

  function removePod(name: string): void {
    const pod = kinds.pods.get(name);
    if (pod) write('pods', 'DELETED', pod);
  }

  /** Its runner's container ends, as it does after its job, or as it is told here. */
  function endPod(jobName: string, how: { exitCode: number; reason?: string } = { exitCode: 0 }): void {
    const job = kinds.jobs.get(jobName);
    const pod = job && podsOf(job.metadata.uid)[0];
    if (!job || !pod) return;
    const phase = how.exitCode === 0 ? 'Succeeded' : 'Failed';
    const containerStatuses = [{ name: 'runner', state: { terminated: how } }];
    write('pods', 'MODIFIED', { ...pod, status: { phase, containerStatuses } });
    after(stepMs, () =>
      phase === 'Succeeded'
        ? endJob(job.metadata.uid, 'Complete', 'CompletionsReached', '')
        : endJob(
            job.metadata.uid,
            'Failed',
            'BackoffLimitExceeded',
            'Job has reached the specified backoff limit',
          ),
    );
  }

  return {
    kinds,
    version: () => version,
    create,
    createJob,
    deleteJob,
    endPod,
    /** `null` where it is not known any more what changed since. */
    since: (from: number): Change[] | null =>
      changes.length > 0 && from < (changes[0]?.version ?? 0) - 1
        ? null
        : changes.filter((change) => change.version > from),
    listen(listener: (change: Change) => void): Cancel {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    /** What happened is forgotten, as after a compaction: watches have to list again. */
    forget: () => void changes.splice(0, changes.length - 1),
    /** Jobs that are not over. */
    alive: () =>
      [...kinds.jobs.values()].filter((job) => !hasEnded(job)).map(({ metadata }) => metadata.name),
    close() {
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}

export type StandInCluster = ReturnType<typeof createCluster>;

function hasEnded({ status }: StandInObject): boolean {
  return Array.isArray(status?.['conditions']) && status['conditions'].length > 0;
}

function isOver({ status }: StandInObject): boolean {
  return status?.['phase'] === 'Succeeded' || status?.['phase'] === 'Failed';
}
