// What a person may say about the deployment on AWS. It is about where and how the system runs, never about runners:
// so it is no part of the core's configuration, and a change of it makes no host recount.

import { z } from 'zod';
import { noted } from './notes.ts';

/** Days that CloudWatch Logs can be told to keep a log for, up to the longest that anybody asked for here. */
const retentionDays = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096] as const;

/** Names of functions and topics are made of it by CloudFormation, which cuts them at 64 and more characters. */
const stackNameLengthMax = 30;

/** CloudFormation takes 50 for a stack; some services take no more for a resource, and some are the system's own. */
const tagsMax = 40;

/** What is spread over more zones than this gains nothing, and each costs addresses. */
const zonesMax = 4;
const subnetsMax = 16;

const arn = (service: string, what: string) =>
  z.string().regex(new RegExp(`^arn:aws[\\w-]*:${service}:[\\w-]*:\\d{12}:${what}$`));

export const networkSchema = z
  .strictObject({
    kind: noted(z.enum(['public', 'nat', 'existing']).default('public'), {
      says: '`public`: machines have public addresses of their own (IPv4 and IPv6), and nothing can call them. `nat`: they have none, and go out through a NAT gateway. `existing`: subnets that are there already.',
      why: 'A NAT gateway costs US$ 33 a month and 4.5 cents for each GB, a public IPv4 address half a cent for each hour that a machine lives.',
    }),
    cidr: noted(
      z
        .string()
        .regex(/^\d{1,3}(?:\.\d{1,3}){3}\/(?:1[6-9]|2[0-4])$/)
        .default('10.64.0.0/16'),
      {
        says: 'Addresses of the network that is made.',
        allowed: 'a block of IPv4 addresses of /16 to /24, such as 10.64.0.0/16',
      },
    ),
    natGateways: noted(z.enum(['one', 'perZone']).default('one'), {
      says: 'With `nat`: one gateway for all zones, or one in each, so that a failing zone takes no other with it.',
    }),
    zones: noted(
      z
        .array(z.string().regex(/^[a-z]{2}(?:-[a-z]+)+-\d[a-z]$/))
        .min(1)
        .max(subnetsMax)
        .optional(),
      {
        says: 'Availability zones to use. With `existing`: those of the subnets, in the same order.',
        allowed: `a list of zones, such as ['eu-west-1a', 'eu-west-1b']: with kind 'existing' as many as subnetIds, else 1 to ${zonesMax}`,
        defaultSays: 'the first two of the region',
      },
    ),
    vpcId: noted(
      z
        .string()
        .regex(/^vpc-[0-9a-f]{8,17}$/)
        .optional(),
      {
        says: 'With `existing`: the network.',
        allowed: "with kind 'existing' the id of a VPC, vpc-…; else none",
      },
    ),
    subnetIds: noted(
      z
        .array(z.string().regex(/^subnet-[0-9a-f]{8,17}$/))
        .min(1)
        .max(subnetsMax)
        .optional(),
      {
        says: 'With `existing`: where machines start.',
        allowed: `with kind 'existing' a list of 1 to ${subnetsMax} ids of subnets, subnet-…; else none`,
      },
    ),
    flowLogs: noted(z.boolean().default(true), {
      says: 'Whether the connections of a network that is made are logged, for as long as other logs.',
    }),
  })
  .superRefine((network, context) => {
    const refuse = (key: string) => context.addIssue({ code: 'custom', path: [key] });
    const { kind, vpcId, subnetIds, zones = [] } = network;
    const isThere = kind === 'existing';
    if (isThere !== (vpcId !== undefined)) refuse('vpcId');
    if (isThere !== (subnetIds !== undefined)) refuse('subnetIds');
    if (isThere ? zones.length !== subnetIds?.length : zones.length > zonesMax) refuse('zones');
  });

/** Anywhere but on this machine the way leads through the internet. */
function isTracesAddress(text: string): boolean {
  if (text === 'xray') return true;
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password, search, hash } = new URL(text);
  const isPlain = username === '' && password === '' && search === '' && hash === '';
  return isPlain && (protocol === 'https:' || (protocol === 'http:' && hostname === '127.0.0.1'));
}

export const tracingSchema = z
  .strictObject({
    to: noted(z.string().max(1_024).refine(isTracesAddress), {
      says: "Where spans go: to X-Ray of the deployment's account and region, whose Transaction Search has to be on, or to a collector or service that speaks OTLP over HTTP.",
      allowed: "'xray', or the whole address of a collector, https://…/v1/traces, without a key in it",
    }),
    headersSecretArn: noted(arn('(?:secretsmanager|ssm)', '(?:secret:|parameter/).+').optional(), {
      says: "Headers that a collector wants, such as its key: a secret of yours in Secrets Manager that holds a JSON object, or with secretsStore 'parameterStore' a SecureString.",
      allowed:
        "with an address in `to` the ARN of a secret, arn:aws:secretsmanager:…:secret:…, or of a parameter with secretsStore 'parameterStore'; else none",
    }),
    sampleRatio: noted(z.number().min(0).max(1).default(1), {
      says: 'Share of the jobs whose traces are kept.',
    }),
  })
  .superRefine(({ to, headersSecretArn }, context) => {
    if (to === 'xray' && headersSecretArn !== undefined)
      context.addIssue({ code: 'custom', path: ['headersSecretArn'] });
  });

export type TracingSettings = z.output<typeof tracingSchema>;

const settingsSchema = z.strictObject({
  stackName: noted(
    z
      .string()
      .max(stackNameLengthMax)
      .regex(/^[A-Za-z][A-Za-z0-9-]*$/)
      .default('github-runners'),
    {
      says: 'What the names of the stacks begin with, and the value of the tag `runners:deployment` on everything. Two deployments in one account and region have two names. Another name later is another deployment.',
      allowed: `1 to ${stackNameLengthMax} letters, digits and hyphens, a letter first`,
    },
  ),
  network: noted(networkSchema.prefault({}), {
    says: 'The network of machines. One is made only if a host has machines in a network.',
    allowed: "an object, such as { kind: 'nat' }",
    defaultSays: 'each key its own',
  }),
  permissionsBoundary: noted(arn('iam', 'policy/[\\w+=,.@/-]+').optional(), {
    says: 'The permissions boundary of every role that is made.',
    allowed: 'the ARN of a policy, arn:aws:iam::123456789012:policy/…',
  }),
  rolePath: noted(
    z
      .string()
      .max(512)
      .regex(/^\/(?:[\w+=,.@-]+\/)*$/)
      .default('/'),
    { says: 'The path of every role that is made.', allowed: "a path that begins and ends with '/'" },
  ),
  encryption: noted(z.enum(['aws', 'customerManaged']).default('aws'), {
    says: "`aws`: with keys of AWS's, which cost nothing and are nobody's to manage. `customerManaged`: with one key that is made in your account, US$ 1 a month and its calls, and that you can withdraw.",
  }),
  secretsStore: noted(z.enum(['secretsManager', 'parameterStore']).default('secretsManager'), {
    says: "Where the App's key and the webhook's secret are kept: Secrets Manager (US$ 0.40 a month each), or Parameter Store as SecureString (nothing).",
  }),
  gitHubAddressesOnly: noted(z.boolean().default(false), {
    says: 'Webhooks are taken from the addresses alone that GitHub says it sends them from. The signature is checked in any case.',
  }),
  logRetentionDays: noted(z.literal([...retentionDays]).default(30), {
    says: 'Logs are kept for this long.',
    allowed: `one of ${retentionDays.join(', ')}`,
  }),
  logLevel: noted(z.enum(['debug', 'info', 'warn', 'error']).default('info'), {
    says: 'The least that is logged.',
  }),
  alarmEmail: noted(z.email().max(254).optional(), {
    says: 'Who is told of alarms. AWS asks at that address for a confirmation.',
    allowed: 'an e-mail address',
  }),
  alarmTopicArn: noted(arn('sns', '[\\w-]+').optional(), {
    says: 'A topic of yours that alarms are sent to, instead of one that is made.',
    allowed: 'the ARN of an SNS topic, arn:aws:sns:eu-west-1:123456789012:…',
  }),
  alarmWaitMinutes: noted(z.int().min(5).max(1_440).default(30), {
    says: 'A job that waits for longer than this raises an alarm, for each host. Jobs that GitHub holds back do not count.',
    why: 'A full host makes jobs wait, and is no fault; half an hour is longer than most jobs take, so that places have come free.',
    allowed: 'a whole number of minutes from 5 to 1440',
  }),
  retain: noted(z.boolean().default(false), {
    says: 'The table, its key and the logs stay when the deployment is destroyed, and the table is protected against deletion.',
    why: 'Without it a destroyed deployment leaves nothing behind. Nothing in the table is needed by another.',
  }),
  tracing: noted(tracingSchema.optional(), {
    says: 'Traces of jobs: one for each, from its webhook to the end of its machine. Left out, none are kept, and nothing is made for them.',
    allowed: "an object, such as { to: 'xray' }",
  }),
  tags: noted(
    z
      .record(
        z
          .string()
          .max(128)
          .regex(/^(?!aws:|runners:)[\p{L}\p{N}\s_.:/=+@-]+$/u, {
            error:
              "1 to 128 letters, digits, blanks and _ . : / = + - @, not beginning with 'aws:' or 'runners:'",
          }),
        z
          .string()
          .max(256)
          .regex(/^[\p{L}\p{N}\s_.:/=+@-]*$/u),
      )
      .refine((tags) => Object.keys(tags).length <= tagsMax, {
        error: `at most ${tagsMax} tags`,
      })
      .default({}),
    {
      says: 'Tags on everything that can have some.',
      allowed: "an object of texts, such as { team: 'build' }",
    },
  ),
});

export const awsSchema = settingsSchema.superRefine(({ tracing, secretsStore }, context) => {
  const service = tracing?.headersSecretArn?.split(':')[2];
  const wanted = secretsStore === 'parameterStore' ? 'ssm' : 'secretsmanager';
  if (service !== undefined && service !== wanted)
    context.addIssue({ code: 'custom', path: ['tracing', 'headersSecretArn'] });
});

export type AwsSettings = z.output<typeof awsSchema>;
