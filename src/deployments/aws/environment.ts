// What a function is told by its environment: where things are, and never a secret. The infrastructure sets it from
// the same list, so that a variable can not be missing on one side.

import { z } from 'zod';
import type { FunctionKind } from './functions.ts';

const arn = z.string().regex(/^arn:[\w-]+:[\w-]+:[\w-]*:\d{12}:.+$/);
const url = z.url({ protocol: /^https?$/ }).max(1024);
const name = z.string().min(1).max(255);

const environmentSchema = z.object({
  /** Name of the jobs table. */
  JOBS_TABLE: name,
  PUBLISHER_TOPIC_ARN: arn,
  JOBS_TOPIC_ARN: arn,
  TIMER_QUEUE_URL: url,
  STEPS_QUEUE_URL: url,
  /** The queue whose messages this function handles: a message that is to come later gets its time there. */
  QUEUE_URL: url,
  /** In Secrets Manager: JSON, `{ current, previous }`. */
  WEBHOOK_SECRET_ARN: arn,
  /** In Secrets Manager: JSON, `{ appId, privateKey }`. */
  APP_SECRET_ARN: arn,
  GITHUB_API_URL: url,
  /** Lower-case name of the GitHub that is served, part of every key: `github.com`. */
  GITHUB_NAME: name,
  /** Where machines claim: `https://…/runners/claim`. */
  CLAIM_URL: url,
  /** Account and region of the deployment: machines of others are strangers. */
  ACCOUNT_ID: z.string().regex(/^\d{12}$/),
  REGION: z.string().regex(/^[a-z0-9-]{1,30}$/),
  /** The host that an Orchestrator's function is for. */
  HOST: name,
  /** Webhooks are taken from the addresses alone that GitHub says it sends them from. */
  GITHUB_ADDRESSES_ONLY: z.enum(['true', 'false']).transform((text) => text === 'true'),
  /** Share of the jobs whose traces are kept; 0 where none are. */
  TRACE_SAMPLE_RATIO: z
    .string()
    .regex(/^[\d.e-]+$/)
    .transform(Number)
    .pipe(z.number().min(0).max(1)),
  /** Where the Publisher sends spans, and the tracer takes them from there. */
  TRACES_QUEUE_URL: url,
  TRACES_URL: url,
  /** Headers for it, as a JSON object; empty where it wants none. */
  TRACES_HEADERS_SECRET_ARN: z.union([arn, z.literal('')]),
  /** Of CloudWatch's metrics: one for each deployment. */
  METRICS_NAMESPACE: name,
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']),
});

export type VariableName = keyof typeof environmentSchema.shape;

const everyFunction = ['LOG_LEVEL', 'METRICS_NAMESPACE'] as const;
const table = [...everyFunction, 'JOBS_TABLE', 'GITHUB_NAME'] as const;
const place = ['ACCOUNT_ID', 'REGION'] as const;
const gitHub = ['GITHUB_API_URL', 'APP_SECRET_ARN'] as const;

/** Which variables each kind of function is given: exactly these, and those of its hosts. */
export const variables = {
  webhook: [...table, 'WEBHOOK_SECRET_ARN', 'GITHUB_ADDRESSES_ONLY', 'TRACE_SAMPLE_RATIO'],
  claim: [...table, ...place, ...gitHub],
  milestones: [...table, ...place],
  hostEvents: table,
  messenger: [...everyFunction, 'PUBLISHER_TOPIC_ARN'],
  gatherer: [...everyFunction, 'PUBLISHER_TOPIC_ARN'],
  waker: [...everyFunction, 'PUBLISHER_TOPIC_ARN', 'TIMER_QUEUE_URL', 'QUEUE_URL'],
  publisher: [
    ...table,
    ...['PUBLISHER_TOPIC_ARN', 'JOBS_TOPIC_ARN', 'TIMER_QUEUE_URL', 'QUEUE_URL', 'TRACE_SAMPLE_RATIO'],
  ],
  launcher: [...table, ...gitHub, 'CLAIM_URL', 'HOST', 'QUEUE_URL'],
  terminator: [...table, ...gitHub, 'HOST', 'QUEUE_URL'],
  tick: [...table, 'PUBLISHER_TOPIC_ARN', 'STEPS_QUEUE_URL', 'GITHUB_ADDRESSES_ONLY'],
  steps: [
    ...table,
    ...gitHub,
    ...['PUBLISHER_TOPIC_ARN', 'JOBS_TOPIC_ARN', 'STEPS_QUEUE_URL', 'QUEUE_URL', 'TRACE_SAMPLE_RATIO'],
  ],
  asks: [...table, ...gitHub, 'QUEUE_URL', 'TRACE_SAMPLE_RATIO'],
  tracer: [...everyFunction, 'QUEUE_URL', 'REGION', 'TRACES_URL', 'TRACES_HEADERS_SECRET_ARN'],
  images: everyFunction,
  setUp: [],
} as const satisfies Readonly<Record<FunctionKind, readonly VariableName[]>>;

/** What is added where traces are kept. */
export const tracingVariables: Partial<Record<FunctionKind, readonly VariableName[]>> = {
  publisher: ['TRACES_QUEUE_URL'],
};

export type Environment = z.output<typeof environmentSchema>;

/** The variables named, parsed; throws, and names those that are missing or not allowed. No value is shown. */
export function readEnvironment<Name extends VariableName>(
  given: Readonly<Record<string, string | undefined>>,
  names: readonly Name[],
): Pick<Environment, Name> {
  const mask = Object.fromEntries(names.map((one) => [one, true])) as Record<Name, true>;
  const read = environmentSchema.pick(mask as never).safeParse(given);
  if (read.success) return read.data as Pick<Environment, Name>;
  const wrong = [...new Set(read.error.issues.map((issue) => String(issue.path[0])))].join(', ');
  throw new Error(
    `the environment of this function is not what it was deployed with: ${wrong} is missing or not allowed. ` +
      'Remedy: deploy again; the infrastructure sets these variables.',
  );
}
