// What a function is told by its environment: where things are, and never a secret. The infrastructure sets it from
// the same list, so that a variable can not be missing on one side.

import { z } from 'zod';

const arn = z.string().regex(/^arn:[\w-]+:[\w-]+:[\w-]*:\d{12}:.+$/);
const url = z.url({ protocol: /^https?$/ }).max(1024);
const name = z.string().min(1).max(255);

export const environmentSchema = z.object({
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
  /** Of an Orchestrator's function. */
  HOST: name,
  OS: z.enum(['linux', 'windows', 'macos']),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']),
});

export type VariableName = keyof typeof environmentSchema.shape;
type Environment = z.output<typeof environmentSchema>;

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
