// What a person writes in runners.config.ts. The types of `defineConfig`, the check with its errors and the
// reference page all come from here. Keys that are not listed are refused everywhere.

import { z } from 'zod';
import { awsSchema } from './aws.ts';
import { isCron, isTimeZone } from './cron.ts';
import { type Notes, noted } from './notes.ts';
import { type TimingEntry, type TimingKey, timings } from './timing.ts';

/** More machines than one ledger was tried with. */
const limitMax = 10_000;

/** GitHub's own bounds for a runner's labels. */
const labelsMax = 100;
const labelLengthMax = 256;

/** GitHub stops a job of a self-hosted runner after five days. */
const jobMinutesMax = 5 * 24 * 60;

/** Launch calls a second that any host's API takes, with room. */
const launchesMax = 1000;

/** A ledger lists all pools of its host and is written with every plan, so it is kept small. */
const poolsMax = 100;
const hostsMax = 20;

/** Longest lists and texts that are still written by a person. */
const entriesMax = 1000;
const textLengthMax = 100;

function whole(min: number, max: number): z.ZodNumber {
  return z.number().int().min(min).max(max);
}

const limit = noted(whole(0, limitMax), {
  says: 'The most machines that may be alive at once. 0 launches nothing.',
  remedy:
    'write the most machines that you want to run, and pay for, at once; there is no value for "unlimited"',
  example: 4,
});

const label = noted(
  z
    .string()
    .min(1)
    .max(labelLengthMax)
    .regex(/^[^\s,\p{C}](?:[^,\p{C}]*[^\s,\p{C}])?$/u),
  {
    says: 'One label.',
    allowed: `a text of 1 to ${labelLengthMax} characters without a comma, and without blanks at its ends`,
  },
);

const repositoryPattern = noted(
  z
    .string()
    .max(140)
    .regex(/^[\w*-]{1,39}\/[\w.*-]{1,100}$/),
  {
    says: 'A pattern of repositories; `*` stands for any characters within the owner or the name.',
    allowed: "a pattern owner/name, such as 'acme/*' or 'acme/app-*'",
  },
);

/** Morning, evening and weekend, of some time zones: nobody reads a longer list. */
const spareChangesMax = 20;

const spareChange = noted(
  z.strictObject({
    cron: noted(z.string().max(textLengthMax).refine(isCron), {
      says: 'When, in five fields: minute, hour, day of the month, month, day of the week.',
      allowed: "five fields as in a crontab, such as '0 8 * * 1-5'",
      example: '0 8 * * 1-5',
    }),
    timeZone: noted(z.string().max(textLengthMax).refine(isTimeZone).default('UTC'), {
      says: 'Whose clock is meant, summer time included.',
      allowed: "a name of the IANA database, such as 'Europe/Berlin'",
    }),
    spares: noted(whole(0, limitMax), { says: 'How many spares there are from then on.', example: 5 }),
  }),
  { says: 'One moment.', allowed: 'an object with `cron` and `spares`' },
);

export const poolSchema = z.strictObject({
  host: noted(z.string(), {
    says: 'Where its runners live.',
    allowed: 'the name of one of `hosts`',
    example: 'office',
  }),
  os: noted(z.enum(['linux', 'windows', 'macos']), {
    says: 'The operating system of its machines.',
    example: 'linux',
  }),
  labels: noted(z.array(label).min(1).max(labelsMax), {
    says: "Its runners' labels, compared without case. A job belongs to the first pool that has all labels that the job asks for. Only these are set: `self-hosted` too has to be listed, if jobs ask for it.",
    allowed: `a list of 1 to ${labelsMax} labels, such as ['self-hosted', 'lint']`,
    example: ['self-hosted', 'lint'],
  }),
  limit,
  spares: noted(whole(0, limitMax).default(0), {
    says: 'Machines that are kept ready beside those that work. Only on hosts whose machines can stand by.',
  }),
  spareSchedule: noted(z.array(spareChange).max(spareChangesMax).default([]), {
    says: 'Moments at which the number of spares changes. The latest that has passed counts, were it last year: where there is one, `spares` does not count.',
    allowed: `a list of at most ${spareChangesMax} moments, such as [{ cron: '0 8 * * 1-5', timeZone: 'Europe/Berlin', spares: 5 }]`,
    defaultSays: 'the same number at all times',
  }),
  weight: noted(whole(1, 1000).default(1), {
    says: 'Its share of a host that is full, against other pools of the same priority: twice the weight, twice the runners.',
  }),
  priority: noted(whole(-100, 100).default(0), {
    says: 'A pool of a higher priority gets places before all lower ones.',
  }),
  register: noted(z.enum(['organisation', 'repository']).default('organisation'), {
    says: "Where its runners register. At the organisation, a runner may be given a job of any of its repositories that the runner group admits. At the repository, only of that one, and repositories are treated fairly among each other. A user's repositories always have runners of their own.",
  }),
  group: noted(z.string().trim().min(1).max(textLengthMax).default('default'), {
    says: 'The runner group, by name, in which its runners register at the organisation. Which repositories it admits is set at GitHub.',
    allowed: `the name of a runner group, at most ${textLengthMax} characters; 'default' is the organisation's own`,
  }),
  repositories: noted(z.array(repositoryPattern).min(1).max(entriesMax).optional(), {
    says: 'Repositories for whose jobs runners are started.',
    allowed: `a list of 1 to ${entriesMax} patterns owner/name, such as ['acme/*', 'acme/app-*']`,
    defaultSays: 'every repository of the owners in `allow`',
  }),
  publicRepositories: noted(z.enum(['refuse', 'allow']).default('refuse'), {
    says: 'Whether jobs of public repositories get runners: anyone can open a pull request there, and so run code on your machines.',
  }),
  overlap: noted(z.boolean().default(false), {
    says: 'Says that labels in common with other pools are meant. Both pools have to say so.',
  }),
  rerunInterrupted: noted(z.boolean().default(false), {
    says: 'Whether a job that lost its machine because the platform took it back is run again, once, on a machine that is not taken back. On hosts that have spot machines. The App needs the permission to write Actions.',
  }),
  jobMinutesMax: noted(z.number().min(0.01).max(jobMinutesMax).default(370), {
    says: 'A job that runs longer is stopped, with its machine.',
    why: 'GitHub itself stops a job after 360 minutes, unless its workflow sets `timeout-minutes`; the ten more let that come first.',
  }),
  idleSeconds: noted(z.number().min(timings.idleMs.min).max(timings.idleMs.max).optional(), {
    says: 'A runner of this pool without work is released after this.',
    defaultSays: '`timing.idleSeconds`',
  }),
  bootSeconds: noted(z.number().min(timings.bootMs.min).max(timings.bootMs.max).optional(), {
    says: 'A launched runner of this pool that is not online by then is given up.',
    defaultSays: "`timing.bootSeconds`, else by the host's type and the system",
  }),
  machine: noted(z.record(z.string(), z.unknown()).optional(), {
    says: "The machine, in the terms of the host's type, see below.",
    allowed: "an object with the keys of the host's type",
  }),
  command: noted(z.array(z.string()).optional(), {
    says: 'Short for `machine: { command: [...] }`, on a host whose machines are started by a command.',
    allowed: "a list of texts, the program first, such as ['./run.sh']",
  }),
});

export const hostSchema = z.strictObject({
  type: noted(z.string(), {
    says: 'What kind of host it is.',
    allowed: 'one of the types below',
    example: 'local',
  }),
  limit,
  launchBurst: noted(whole(1, launchesMax).optional(), {
    says: 'Launches that may be asked for at once, after a pause.',
    defaultSays: 'by type',
  }),
  launchesPerSecond: noted(z.number().min(0.01).max(launchesMax).optional(), {
    says: 'Launches a second beyond those.',
    defaultSays: 'by type',
  }),
  options: noted(z.record(z.string(), z.unknown()).optional(), {
    says: "The host's own settings, in the terms of its type, see below.",
    allowed: "an object with the keys of the host's type",
  }),
});

export const allowSchema = z.strictObject({
  owners: noted(
    z
      .array(
        noted(z.string().regex(/^\w[\w-]{0,38}$/), {
          says: 'One owner.',
          allowed: "the name of an organisation or user, such as 'acme'",
          remedy:
            "write the owner alone, as in the address of its page; a pool's `repositories` chooses among its repositories",
        }),
      )
      .min(1)
      .max(entriesMax),
    {
      says: 'Organisations and users whose jobs are served. Everyone who installs the App can send jobs, so only those listed get runners.',
      allowed: `a list of 1 to ${entriesMax} names, such as ['acme']`,
      example: ['acme'],
    },
  ),
});

export const gitHubSchema = z.strictObject({
  mintBurst: noted(whole(1, 10_000).default(100), {
    says: 'Runner registrations of one installation of the App that may be asked for at once, after a pause.',
    why: 'GitHub grants 900 points a minute and takes 5 for a registration, so 180 a minute; in the worst minute a full burst and a minute of `mintsPerMinute` come together. 100 and 70 make 170, and leave 50 points for other requests. To start more at once lower `mintsPerMinute` as much; an Enterprise Server has no such limit unless it is switched on there.',
  }),
  mintsPerMinute: noted(whole(1, 60_000).default(70), {
    says: 'Registrations a minute beyond those.',
    why: 'The smallest hourly quota of an installation is 5,000 requests: a burst and an hour of 70 a minute are 4,300, which leaves room for sweeps (10 %) and removals. An installation with a greater quota may take up to 180 less the burst.',
  }),
  sweepShare: noted(z.number().min(0).max(1).default(0.1), {
    says: 'Share of the hourly quota that may be spent on looking for what no event told.',
    why: 'Enough to ask four active repositories each minute at 5,000 requests an hour.',
  }),
});

/** A boot time that is not written is the one of the host's type, so it has no default here. */
type TimingShape = Record<Exclude<TimingKey, 'bootSeconds'>, z.ZodDefault<z.ZodNumber>> & {
  bootSeconds: z.ZodOptional<z.ZodNumber>;
};

export const timingSchema = z.strictObject(
  Object.fromEntries(
    Object.values<TimingEntry>(timings).map((entry) => {
      const { key, min, max, defaultSays } = entry;
      const notes = notesOfTiming(entry);
      const written = z.number().min(min).max(max);
      return defaultSays === undefined
        ? [key, noted(written.default(entry.default), notes)]
        : [key, noted(written.optional(), notes)];
    }),
  ) as TimingShape,
);

function notesOfTiming({ says, why, bounds, defaultSays }: TimingEntry): Notes {
  return { says, why, ...(bounds && { bounds }), ...(defaultSays && { defaultSays }) };
}

export const configurationSchema = noted(
  z.strictObject({
    allow: noted(allowSchema.optional(), {
      says: 'Whose jobs are served.',
      allowed: "an object, such as { owners: ['acme'] }",
      defaultSays: 'everyone, as long as the App has exactly one installation; else it does not start',
    }),
    hosts: noted(
      z
        .record(
          z.string(),
          noted(hostSchema, { says: 'One host.', allowed: 'an object with at least `type` and `limit`' }),
        )
        .refine((hosts) => sizeIsWithin(hosts, hostsMax), { abort: true }),
      {
        says: 'Where runners live, by a name of yours.',
        allowed: `an object with 1 to ${hostsMax} hosts by name, such as { office: { type: 'local', limit: 8 } }`,
        example: { office: { type: 'local', limit: 8 } },
      },
    ),
    pools: noted(
      z
        .record(
          z.string(),
          noted(poolSchema, {
            says: 'One pool.',
            allowed: 'an object with at least `host`, `os`, `labels` and `limit`',
          }),
        )
        .refine((pools) => sizeIsWithin(pools, poolsMax), { abort: true }),
      {
        says: 'Kinds of runners, by a name of yours, in order of precedence: a job belongs to the first that fits.',
        allowed: `an object with 1 to ${poolsMax} pools by name, such as { lint: { host: 'office', … } }`,
        example: { lint: { host: 'office', os: 'linux', labels: ['self-hosted', 'lint'], limit: 4 } },
      },
    ),
    timing: noted(timingSchema.prefault({}), {
      says: 'Every time that the system waits.',
      allowed: 'an object, such as { idleSeconds: 60 }',
      defaultSays: 'each key its own',
    }),
    github: noted(gitHubSchema.prefault({}), {
      says: "How much of GitHub's limits is used.",
      allowed: 'an object, such as { mintsPerMinute: 80 }',
      defaultSays: 'each key its own',
    }),
    aws: noted(awsSchema.prefault({}), {
      says: 'Of the deployment on AWS: where and how it runs. Elsewhere it is checked and not used.',
      allowed: "an object, such as { stackName: 'ci-runners' }",
      defaultSays: 'each key its own',
    }),
  }),
  { says: 'The whole.', allowed: 'an object with at least `hosts` and `pools`' },
);

export type PoolWritten = z.output<typeof poolSchema>;
export type HostWritten = z.output<typeof hostSchema>;
export type ConfigurationWritten = z.output<typeof configurationSchema>;

function sizeIsWithin(entries: object, max: number): boolean {
  const size = Object.keys(entries).length;
  return size >= 1 && size <= max;
}
