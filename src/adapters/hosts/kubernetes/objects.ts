// What is read of Kubernetes' objects: the few fields that decide something, and nothing else. All of the rest, most of
// a list's bytes, is let go of at once.

import { z } from 'zod';

const text = z.string().default('');
const texts = z.record(z.string(), z.string()).default({});
const count = z.number().int().default(0);

const metadata = z.object({
  name: z.string(),
  uid: z.string().min(1),
  labels: texts,
  annotations: texts,
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
});

const condition = z.object({ type: z.string(), status: z.string(), reason: text, message: text });
const conditions = z.array(condition).default([]);

export const job = z.object({
  metadata,
  status: z.object({ conditions, active: count, ready: count, terminating: count }).default({
    conditions: [],
    active: 0,
    ready: 0,
    terminating: 0,
  }),
});
export type Job = z.output<typeof job>;

const ended = z.object({ exitCode: z.number().int(), reason: text, message: text });
const containerStatus = z.object({
  name: text,
  state: z
    .object({
      waiting: z.object({ reason: text, message: text }).optional(),
      terminated: ended.optional(),
    })
    .default({}),
});
const containerStatuses = z.array(containerStatus).default([]);

export const pod = z.object({
  metadata,
  status: z
    .object({
      phase: text,
      reason: text,
      message: text,
      conditions,
      initContainerStatuses: containerStatuses,
      containerStatuses,
    })
    .default({
      phase: '',
      reason: '',
      message: '',
      conditions: [],
      initContainerStatuses: [],
      containerStatuses: [],
    }),
});
export type Pod = z.output<typeof pod>;

/** An Event, as Kubernetes calls a sentence about an object. */
export const warning = z.object({
  involvedObject: z.object({ name: text, uid: text }),
  reason: text,
  message: text,
});
export type Warning = z.output<typeof warning>;

export const page = z.object({
  metadata: z
    .object({ resourceVersion: text, continue: text })
    .default({ resourceVersion: '', continue: '' }),
  items: z.array(z.unknown()).default([]),
});

export const accessReview = z.object({ status: z.object({ allowed: z.boolean(), reason: text }) });

/** Which Events tell of pods that could not be made. */
export const refusedPods = 'involvedObject.kind=Job,reason=FailedCreate';

/** The end of a Job: how it came about, where it has come. Its pods are gone then, or have ended. */
export function endOf({ status }: Job): { reason: string; message: string } | null {
  const end = status.conditions.find(
    ({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True',
  );
  // Before 1.31 a Job is called failed while its pods still end.
  if (!end || status.active > 0 || status.terminating > 0) return null;
  return { reason: end.type === 'Complete' ? '' : end.reason, message: end.message };
}

/** The Job that a pod belongs to, by the label that the job controller gives it. */
export function jobNameOf({ metadata: { labels } }: Pod): string {
  return labels['batch.kubernetes.io/job-name'] ?? labels['job-name'] ?? '';
}
