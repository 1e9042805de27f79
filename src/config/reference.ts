// docs/reference/configuration.md, made from the schemas, so that it can not say anything else than they do.

import { z } from 'zod';
import { awsSchema, networkSchema, tracingSchema } from './aws.ts';
import { environmentSchema } from './environment.ts';
import { hostTypes as allHostTypes, type HostTypeEntry, type HostTypes } from './host-types.ts';
import { allowedBy, innermost, notesOf } from './notes.ts';
import { literal } from './problem.ts';
import {
  allowSchema,
  configurationSchema,
  gitHubSchema,
  hostSchema,
  poolSchema,
  timingSchema,
} from './schema.ts';

export function configurationReference(hostTypes: HostTypes = allHostTypes): string {
  return [
    '<!-- Made by `make reference` from src/config and the options of the hosts. Do not edit it by hand. -->',
    '# Configuration',
    `What runners there are is written in \`runners.config.ts\`, or in the file that \`RUNNERS_CONFIG\` names: TypeScript (\`.ts\`, \`.mts\`) or JavaScript (\`.js\`, \`.mjs\`) with a default export, or \`.json\`. It is data alone: no functions, no secrets, nothing read from the environment. A key that is not listed here is refused. [runners.config.ts](../../runners.config.ts) is an example to copy.`,
    `\`defineConfig\` from \`src/index.ts\` lends the types to an editor; a plain object is as good.`,
    'Times are numbers with their unit at the end of the key (`idleSeconds`, `jobMinutesMax`, `keepDays`); fractions are allowed.',
    section('The whole', configurationSchema),
    section('`allow`', allowSchema),
    section('`hosts`: each host', hostSchema),
    'Names of hosts have 1 to 10 letters a to z and digits; they become part of the names of runners.',
    section('`pools`: each pool', poolSchema),
    'Names of pools have 1 to 40 letters a to z, digits and hyphens, at least one of them no digit. Their order counts: a job belongs to the first pool that fits.',
    overlapSays,
    ...Object.entries(hostTypes).map(([type, entry]) => hostTypeSection(type, entry)),
    section('`timing`', timingSchema),
    section('`github`', gitHubSchema),
    section('`aws`', awsSchema),
    awsSays,
    section('`aws.network`', networkSchema),
    section('`aws.tracing`', tracingSchema),
    section('Environment', environmentSchema, 'variable'),
    environmentSays,
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

const overlapSays = `### Labels in common

GitHub gives a job to any idle runner that has all labels that the job asks for. So what two pools have in common decides what may happen (see [the decision](../decisions/0001-labels-that-overlap.md)):

- All labels of one pool are in the other: each job of the smaller may take a runner of the bigger. It is an error, unless both say \`overlap: true\`.
- An earlier pool fits all jobs of a later one: the later never gets a job. It is an error.
- Some labels in common: only a job that asks for nothing else fits both. It is a warning, unless both say \`overlap: true\`; none for \`self-hosted\` alone, which every runner is expected to have.
- Different owners, or repositories of their own with \`register: 'repository'\`: they never meet.`;

const awsSays = `These tell where and how the system runs on AWS, never which runners there are: a change of them makes no host recount. What is made of them, and what it costs, is in [the guide](../guides/aws-settings.md). The account and the region are those of the credentials that deploy.`;

const environmentSays = `\`make start\` also reads them from a file \`.env\`; what is really set wins. The three of the App are set together or not at all. Node itself reads \`NODE_USE_ENV_PROXY=1\` with \`HTTPS_PROXY\`, for a proxy, and \`NODE_EXTRA_CA_CERTS\`, for a certificate authority of your own; those have to be in the real environment.`;

const callsBackSays: Readonly<Record<string, string>> = {
  true: 'its machines call back, so PUBLIC_URL has to be set',
  false: 'needs no PUBLIC_URL',
  byOptions: 'its machines call back, so PUBLIC_URL has to be set, unless `options` have it otherwise',
};

function hostTypeSection(type: string, entry: HostTypeEntry): string {
  const { says, operatingSystems, standby, callsBack, bootSeconds, launchBurst, launchesPerSecond } = entry;
  const bySystem = Object.entries(entry.bootSecondsBySystem ?? {}).map(
    ([os, seconds]) => `, ${os} ${seconds}`,
  );
  const boot = bySystem.length === 0 ? String(bootSeconds) : `${bootSeconds} (${bySystem.join('').slice(2)})`;
  return [
    `## Type \`${type}\``,
    says,
    [
      `- operating systems: ${operatingSystems.join(', ')}`,
      `- spares: ${standby ? 'its machines can stand by' : 'its machines can not stand by'}`,
      `- ${callsBackSays[typeof callsBack === 'function' ? 'byOptions' : String(callsBack)]}`,
      `- defaults: bootSeconds ${boot}, launchBurst ${launchBurst}, launchesPerSecond ${launchesPerSecond}`,
    ].join('\n'),
    `### \`options\` of a host of type \`${type}\``,
    table(entry.options),
    `### \`machine\` of its pools`,
    table(entry.machine),
  ].join('\n\n');
}

/** Head of the first column. */
type KeyWord = 'key' | 'variable';

function section(title: string, schema: z.ZodType, keyWord: KeyWord = 'key'): string {
  return `## ${title}\n\n${table(schema, keyWord)}`;
}

function table(schema: z.ZodType, keyWord: KeyWord = 'key'): string {
  const object = innermost(schema);
  const rows = object instanceof z.ZodObject ? Object.entries(object.shape) : [];
  const hasText = rows.some(([, part]) => textOf(part as z.ZodType) !== '');
  const head = [keyWord, 'allowed', 'default', ...(hasText ? ['what it is'] : [])];
  const lines = rows.map(([key, part]) => {
    const inner = part as z.ZodType;
    return [
      `\`${key}\``,
      allowedBy(inner),
      defaultOf(inner, keyWord === 'variable'),
      ...(hasText ? [textOf(inner)] : []),
    ];
  });
  return [head, head.map(() => '---'), ...lines]
    .map((cells) => `| ${cells.map(cellOf).join(' | ')} |`)
    .join('\n');
}

function textOf(schema: z.ZodType): string {
  const { says = '', why = '', bounds } = notesOf(schema);
  const because = bounds === undefined ? '' : `Not beyond the bounds: ${bounds}.`;
  return [says, why, because].filter(Boolean).join(' ');
}

function defaultOf(schema: z.ZodType, isVariable: boolean): string {
  const { defaultSays } = notesOf(schema);
  if (defaultSays !== undefined) return defaultSays;
  const { def } = schema as z.ZodDefault<z.ZodType>;
  if (['default', 'prefault'].includes(def.type)) {
    const value: unknown = def.defaultValue;
    // Variables of the environment are texts without quotes.
    return `\`${isVariable && typeof value === 'string' ? value : literal(value)}\``;
  }
  return String(def.type) === 'optional' ? 'none' : '**needed**';
}

function cellOf(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
