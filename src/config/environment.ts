// What comes from the environment: the credentials of the App, and where this process listens and keeps its data.
// Everything about runners is in the configuration file instead. No value of a secret is ever shown.

import { z } from 'zod';
import type { Configuration } from '../core/configuration.ts';
import type { HostTypeEntry, HostTypes } from './host-types.ts';
import { nearest } from './nearest.ts';
import { type Notes, noted, notesOf } from './notes.ts';
import { type Problem, shown } from './problem.ts';

export interface Environment {
  /** `null`: nothing of an App is set. What is started then is for the caller to decide. */
  app: AppCredentials | null;
  gitHub: GitHubUrls;
  dataDirectory: string;
  host: string;
  port: number;
  /** Without a slash at its end. */
  publicUrl: string | null;
  configurationFile: string;
  logLevel: LogLevel;
  /** `null`: no trace is kept. */
  tracing: TracingSettings | null;
}

export interface TracingSettings {
  endpoint: string;
  /** Such as the key of a service. */
  headers: Readonly<Record<string, string>>;
  /** Share of the jobs whose traces are kept, 0 … 1. */
  sampleRatio: number;
}

interface AppCredentials {
  appId: string;
  /** PEM, base64 of it, or a file's path, as it was given. */
  privateKey: string;
  /** The secret in use, then the one before it, while webhooks signed with that may still come. */
  webhookSecrets: readonly string[];
}

interface GitHubUrls {
  /** `https://api.github.com`, or `https://<server>/api/v3`. Without a slash at its end, as the next. */
  apiUrl: string;
  /** For people: `https://github.com`. */
  webUrl: string;
}

type LogLevel = (typeof logLevels)[number];

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** A secret that can be guessed signs webhooks for anyone. GitHub proposes 32 random bytes. */
const secretLengthMin = 16;

/** A 4,096 bit key in base64 of its PEM has 4.3 KB. */
const keyLengthMax = 65_536;

const textLengthMax = 1024;
const portMax = 65_535;

const secretOfWebhook = z.string().min(secretLengthMin).max(textLengthMax);

/** As OpenTelemetry writes them: `name=value,name=value`, values percent-encoded. */
const headersPattern = /^[\w-]+=[^,=\s]+(?:,[\w-]+=[^,=\s]+)*$/;

const url = z
  .string()
  .max(textLengthMax)
  .refine((text) => parsedUrl(text) !== null)
  .transform((text) => text.replace(/\/+$/, ''));

const urlAllowed =
  'an address https://…, without query and credentials; http:// only to this machine itself (localhost, 127.0.0.1)';

/** Each variable with what it allows. Those whose name is in `secretNames` are never shown. */
export const environmentSchema = z.object({
  GITHUB_APP_ID: noted(
    z
      .string()
      .regex(/^(?:\d{1,12}|Iv[\w.]{10,30})$/)
      .optional(),
    {
      says: 'The id of the GitHub App, or its client id.',
      allowed: "the number (or the client id) on the App's page at GitHub",
      example: '123456',
    },
  ),
  GITHUB_APP_PRIVATE_KEY: noted(z.string().max(keyLengthMax).optional(), {
    says: 'Its private key: the PEM, base64 of it, or the path of its file.',
    allowed: 'the PEM that the page of the App makes, base64 of it, or the path of its file',
    example: './app.private-key.pem',
  }),
  GITHUB_WEBHOOK_SECRET: noted(secretOfWebhook.optional(), {
    says: 'The secret that GitHub signs webhooks with.',
    allowed: `a text of ${secretLengthMin} to ${textLengthMax} characters`,
    remedy: 'make one with `openssl rand -hex 32`, and give it to the App at GitHub too',
  }),
  GITHUB_WEBHOOK_SECRET_PREVIOUS: noted(secretOfWebhook.optional(), {
    says: 'The secret before it, while it is being replaced: webhooks signed with either are taken.',
    allowed: `a text of ${secretLengthMin} to ${textLengthMax} characters`,
    remedy: 'leave it out when no webhook with the old secret is on its way any more',
  }),
  GITHUB_API_URL: noted(url.optional(), {
    says: 'The API of GitHub, or of an Enterprise Server: `https://<server>/api/v3`.',
    allowed: urlAllowed,
    defaultSays: '`https://api.github.com`, or by `GITHUB_URL`',
    example: 'https://github.example.com/api/v3',
  }),
  GITHUB_URL: noted(url.optional(), {
    says: 'The web pages of the same GitHub, for links.',
    allowed: urlAllowed,
    defaultSays: '`https://github.com`, or by `GITHUB_API_URL`',
    example: 'https://github.example.com',
  }),
  PUBLIC_URL: noted(url.optional(), {
    says: 'Where machines reach this process, to ask for their registration. Not needed with local hosts alone.',
    allowed: urlAllowed,
    example: 'https://runners.example.com',
  }),
  HOST: noted(
    z
      .string()
      .regex(/^[\w.:-]{1,255}$/)
      .default('127.0.0.1'),
    {
      says: 'The address to listen at. Beyond this machine only behind something that speaks TLS.',
      allowed: 'an IP address or the name of this machine, without a port',
    },
  ),
  PORT: noted(
    z
      .string()
      .regex(/^\d{1,5}$/)
      .transform(Number)
      .pipe(z.number().max(portMax))
      .prefault('8080'),
    {
      says: 'The port to listen at; 0 takes any that is free.',
      allowed: `a whole number from 0 to ${portMax}`,
    },
  ),
  DATA_DIR: noted(z.string().max(textLengthMax).default('./data'), {
    says: "Where the database, the runners' folders and their logs are.",
    allowed: 'the path of a folder, which is made where it is missing',
  }),
  RUNNERS_CONFIG: noted(z.string().max(textLengthMax).default('runners.config.ts'), {
    says: 'The file of the configuration.',
    allowed: 'the path of a file .ts, .mts, .js, .mjs or .json',
  }),
  LOG_LEVEL: noted(z.enum(logLevels).default('info'), {
    says: 'The least that is logged.',
    allowed: logLevels.join(', '),
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: noted(
    z
      .url({ protocol: /^https?$/ })
      .max(textLengthMax)
      .optional(),
    {
      says: 'Where traces go: a collector, or a service, that speaks OTLP over HTTP. Without it none are kept.',
      allowed: 'an address http(s)://…; `/v1/traces` is added',
      example: 'http://localhost:4318',
    },
  ),
  OTEL_EXPORTER_OTLP_HEADERS: noted(z.string().max(textLengthMax).regex(headersPattern).optional(), {
    says: 'Headers for it, such as the key of a service.',
    allowed: 'name=value, more of them with commas between; values as in an address (%20)',
    example: 'x-api-key=…',
  }),
  OTEL_TRACES_SAMPLER_ARG: noted(
    z
      .string()
      .regex(/^(?:0(?:\.\d{1,9})?|1(?:\.0{1,9})?)$/)
      .transform(Number)
      .prefault('1'),
    {
      says: 'Share of the jobs whose traces are kept.',
      allowed: 'a number from 0 to 1',
    },
  ),
});

type VariableName = keyof typeof environmentSchema.shape;

/** What together makes an App; one of them alone is a mistake. */
const appNames = ['GITHUB_APP_ID', 'GITHUB_APP_PRIVATE_KEY', 'GITHUB_WEBHOOK_SECRET'] as const;

const secretNames: readonly VariableName[] = [
  'GITHUB_APP_PRIVATE_KEY',
  'GITHUB_WEBHOOK_SECRET',
  'GITHUB_WEBHOOK_SECRET_PREVIOUS',
  'OTEL_EXPORTER_OTLP_HEADERS',
];

export type EnvironmentRead =
  | { outcome: 'read'; environment: Environment }
  | { outcome: 'refused'; problems: Problem[] };

/** Variables that are not ours are not looked at; empty ones, as composed files make them, count as not set. */
export function readEnvironment(given: Readonly<Record<string, string | undefined>>): EnvironmentRead {
  const set = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => {
      const text = value?.trim() ?? '';
      return text === '' ? [] : [[name, text]];
    }),
  );
  const result = environmentSchema.safeParse(set);
  const problems = [
    ...(result.success ? [] : result.error.issues.map((issue) => notAllowed(issue, set))),
    ...missingOfApp(set),
  ];
  const first = problems.filter(({ place }, at) => problems.findIndex((p) => p.place === place) === at);
  if (first.length > 0 || !result.success) return { outcome: 'refused', problems: first };
  return { outcome: 'read', environment: environmentOf(result.data) };
}

/** A problem where machines call back and nothing says where to. */
export function publicUrlProblem(
  { publicUrl }: Pick<Environment, 'publicUrl'>,
  { hosts, pools }: Pick<Configuration, 'hosts' | 'pools'>,
  hostTypes: HostTypes,
): Problem | null {
  if (publicUrl !== null) return null;
  const calling = hosts.find(
    ({ name, type, options }) =>
      callsBack(hostTypes[type], options) && pools.some((pool) => pool.host === name),
  );
  if (!calling) return null;
  return {
    place: 'PUBLIC_URL',
    what: `it is not set, and machines of host ${calling.name} (type ${calling.type}) ask there for their registration`,
    allowed: urlAllowed,
    remedy: 'set it to the address at which this process is reached from those machines',
  };
}

/** A type that nobody knows may. */
function callsBack(entry: HostTypeEntry | undefined, options: unknown): boolean {
  const says = entry?.callsBack ?? true;
  return typeof says === 'function' ? says(options) : says;
}

function environmentOf(read: z.output<typeof environmentSchema>): Environment {
  const { GITHUB_APP_ID: appId, GITHUB_APP_PRIVATE_KEY: privateKey, GITHUB_WEBHOOK_SECRET: secret } = read;
  const isApp = appId !== undefined && privateKey !== undefined && secret !== undefined;
  const previous = read.GITHUB_WEBHOOK_SECRET_PREVIOUS;
  return {
    app: isApp ? { appId, privateKey, webhookSecrets: previous ? [secret, previous] : [secret] } : null,
    gitHub: gitHubUrls(read.GITHUB_API_URL, read.GITHUB_URL),
    dataDirectory: read.DATA_DIR,
    host: read.HOST,
    port: read.PORT,
    publicUrl: read.PUBLIC_URL ?? null,
    configurationFile: read.RUNNERS_CONFIG,
    logLevel: read.LOG_LEVEL,
    tracing: tracingOf(read),
  };
}

function tracingOf(read: z.output<typeof environmentSchema>): TracingSettings | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_HEADERS: headers = '' } = read;
  if (endpoint === undefined) return null;
  const pairs = headers.split(',').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at < 1 ? [] : [[pair.slice(0, at).toLowerCase(), decoded(pair.slice(at + 1))] as const];
  });
  return { endpoint, headers: Object.fromEntries(pairs), sampleRatio: read.OTEL_TRACES_SAMPLER_ARG };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One of the two addresses tells the other: `api.` before the name at GitHub's own, `/api/v3` behind a server's. */
function gitHubUrls(apiUrl: string | undefined, webUrl: string | undefined): GitHubUrls {
  const api = apiUrl ?? apiOf(webUrl ?? 'https://github.com');
  return { apiUrl: api, webUrl: webUrl ?? webOf(api) };
}

const gitHubsOwn = /^(?:github\.com|[\w-]+\.ghe\.com)$/;

function apiOf(webUrl: string): string {
  const { hostname } = new URL(webUrl);
  return gitHubsOwn.test(hostname) ? `https://api.${hostname}` : `${webUrl}/api/v3`;
}

function webOf(apiUrl: string): string {
  const { hostname } = new URL(apiUrl);
  const own = hostname.replace(/^api\./, '');
  return gitHubsOwn.test(own) ? `https://${own}` : apiUrl.replace(/\/api\/v3$/, '');
}

function parsedUrl(text: string): URL | null {
  const parsed = URL.canParse(text) ? new URL(text) : null;
  if (parsed === null || parsed.search !== '' || parsed.hash !== '' || parsed.username !== '') return null;
  const isLoopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(parsed.hostname);
  return parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLoopback) ? parsed : null;
}

function notAllowed(issue: z.core.$ZodIssue, set: Readonly<Record<string, string>>): Problem {
  const name = String(issue.path[0]) as VariableName;
  const notes: Partial<Notes> = notesOf(environmentSchema.shape[name]);
  const value = set[name] ?? '';
  const given = secretNames.includes(name) ? `a secret of ${value.length} characters` : shown(value);
  return {
    place: name,
    what: `${given} is not allowed`,
    allowed: notes.allowed ?? issue.message,
    remedy:
      notes.remedy ?? (notes.example ? `write it like ${String(notes.example)}` : 'mend it, or leave it out'),
  };
}

function missingOfApp(set: Readonly<Record<string, string>>): Problem[] {
  const missing = appNames.filter((name) => !(name in set));
  const strange = Object.keys(set).filter((name) => !(name in environmentSchema.shape) && appLike.test(name));
  const isMeant = missing.length < appNames.length || strange.some((name) => name.startsWith('GITHUB_'));
  if (!isMeant) return [];
  return missing.map((name) => {
    const meant =
      strange.find((other) => withoutPrefix(other) === withoutPrefix(name)) ?? nearest(name, strange);
    return {
      place: name,
      what: 'it is not set, though an App needs all of its credentials',
      allowed: notesOf(environmentSchema.shape[name]).allowed ?? '',
      remedy:
        meant === null ? `set it; or set none of ${appNames.join(', ')}` : `${meant} is set: name it ${name}`,
    };
  });
}

/** Other names for an App's credentials. Much else begins with GITHUB_ too, on GitHub's own runners for one. */
const appLike = /^(?:GITHUB|GH)_(?:APP|WEBHOOK|PRIVATE|CLIENT)|^(?:APP_ID|PRIVATE_KEY|WEBHOOK_SECRET)$/;

function withoutPrefix(name: string): string {
  return name.replace(/^(?:GITHUB_|GH_)?(?:APP_)?/, '');
}
