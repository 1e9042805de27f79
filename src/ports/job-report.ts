// GitHub's JSON of a job → `JobReport`, for the webhook's door and for REST answers alike. GitHub adds actions,
// statuses and conclusions without notice, so those stay open; what routing and counting stand on (ids, labels,
// names of repositories) is checked; what only people read is cut to a bound. Times come as ISO 8601.

import { z } from 'zod';
import type { JobReport, RepositoryRef } from './github.ts';

/** Where the JSON can't be read: which field, and what is wrong with it. Asking again can't mend it. */
export type ParsedJob = { report: JobReport; problem: null } | { report: null; problem: string };

/** A `workflow_job` delivery, as the App's webhook gets it. */
export function jobOfWebhook(payload: unknown): ParsedJob {
  const parsed = webhookSchema.safeParse(payload);
  if (!parsed.success) return { report: null, problem: problemOf('workflow_job event', parsed.error) };
  const { workflow_job: job, repository, organization, installation } = parsed.data;
  const known: RepositoryRef = {
    repository: repository.full_name,
    isPublic: !repository.private,
    ownedByOrganisation: organization != null || repository.owner.type === 'Organization',
    installation: installation.id,
  };
  return { report: reportOf(job, known), problem: null };
}

/** A job as `GET /repos/{owner}/{repo}/actions/jobs/{job_id}` and the lists of jobs give it. */
export function jobOfRest(job: unknown, repository: RepositoryRef): ParsedJob {
  const parsed = jobSchema.safeParse(job);
  if (!parsed.success) return { report: null, problem: problemOf('job', parsed.error) };
  return { report: reportOf(parsed.data, repository), problem: null };
}

/** For people: a matrix may make names of any length. */
const nameLengthMax = 256;
/** GitHub's own limit of a label; a longer one fits no runner. */
const labelLengthMax = 256;
/** A runner has at most 100 labels, so a job that wants more fits none. Never cut: fewer labels fit more pools. */
const labelsMax = 100;
/** A status or conclusion is one word; GitHub's longest has 15 letters. */
const wordLengthMax = 64;
const urlLengthMax = 1024;

/** Owner and repository as GitHub allows them, so that no path but a repository's can be made of them. */
const fullNamePattern = /^[\w-][\w.-]{0,99}\/(?!\.{1,2}$)[\w.-]{1,100}$/;

/** The beginning of a script may stand for its name. */
const stepNameLengthMax = 80;

/** A cut must not halve a pair of surrogates: tables and logs take well-formed text only. */
const name = z.string().transform((text) => text.slice(0, nameLengthMax).toWellFormed());
const word = z.string().min(1).max(wordLengthMax);
const id = z.int().positive();
const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** A workflow may have thousands of steps; a trace with more than these is read by nobody. */
const stepsMax = 60;

/** For people alone: what can't be read is left out, and never costs the job. */
const steps = z
  .array(z.unknown())
  .transform((all) => all.slice(0, stepsMax).flatMap((one) => stepSchema.safeParse(one).data ?? []))
  .catch([]);

const stepSchema = z.object({
  name: z.string().transform((text) => text.slice(0, stepNameLengthMax).toWellFormed()),
  conclusion: word.nullish(),
  started_at: time.nullish(),
  completed_at: time.nullish(),
});

const jobFields = z.object({
  id,
  run_id: id,
  /** REST's description leaves it out where it is 1. */
  run_attempt: z.int().positive().default(1),
  name,
  workflow_name: name.nullish(),
  /** The schema of `completed` allows null items. */
  labels: z.array(z.string().max(labelLengthMax).nullable()).max(labelsMax),
  status: word,
  conclusion: word.nullish(),
  /** No runner is null, 0 or "". */
  runner_id: z.int().nonnegative().nullish(),
  runner_name: name.nullish(),
  created_at: time,
  started_at: time.nullish(),
  completed_at: time.nullish(),
  steps: steps.default([]),
  /** A link that people click: anything but http(s) is left out. */
  html_url: z.string().nullish(),
});

/** `created_at` is younger than the event: older servers send `started_at` alone, which then is that time. */
const jobSchema = z.preprocess((job) => {
  if (typeof job !== 'object' || job === null || !('started_at' in job)) return job;
  return { created_at: job.started_at, ...job };
}, jobFields);

const webhookSchema = z.object({
  workflow_job: jobSchema,
  repository: z.object({
    full_name: z.string().regex(fullNamePattern).toLowerCase(),
    private: z.boolean(),
    owner: z.object({ type: z.string().nullish() }),
  }),
  organization: z.object({}).nullish(),
  /** Deliveries of an App's webhook always name it; those of a repository's or organisation's hook never. */
  installation: z.object({ id }),
});

function reportOf(job: z.output<typeof jobSchema>, repository: RepositoryRef): JobReport {
  const runner = runnerOf(job);
  return {
    id: job.id,
    runId: job.run_id,
    runAttempt: job.run_attempt,
    name: job.name,
    workflow: job.workflow_name || null,
    repository: repository.repository,
    isPublic: repository.isPublic,
    ownedByOrganisation: repository.ownedByOrganisation,
    installation: repository.installation,
    labels: job.labels.flatMap((label) => label || []),
    status: job.status,
    conclusion: job.conclusion ?? null,
    runner,
    createdAt: job.created_at,
    startedAt: runner === null ? null : (job.started_at ?? null),
    completedAt: job.completed_at ?? null,
    steps: job.steps.map(({ name, conclusion, started_at, completed_at }) => ({
      name,
      conclusion: conclusion ?? null,
      startedAt: started_at ?? null,
      completedAt: completed_at ?? null,
    })),
    url: linkOf(job.html_url),
  };
}

/** A job that waits has no runner, whatever the event carries: some of GitHub's own examples name one. */
function runnerOf(job: z.output<typeof jobSchema>): JobReport['runner'] {
  if (job.status !== 'in_progress' && job.status !== 'completed') return null;
  if (!job.runner_name && !job.runner_id) return null;
  return { id: job.runner_id || null, name: job.runner_name ?? '' };
}

function linkOf(url: string | null | undefined): string {
  return url && url.length <= urlLengthMax && /^https?:\/\//.test(url) ? url : '';
}

/** Zod's first finding, with the path of the field: `workflow_job.labels: expected array, received string`. */
function problemOf(what: string, error: z.ZodError): string {
  const [first] = error.issues;
  const field = first?.path.join('.') || '(all of it)';
  return `${what} can't be read: ${field}: ${first?.message.replace(/^Invalid input: /, '') ?? 'invalid'}`;
}
