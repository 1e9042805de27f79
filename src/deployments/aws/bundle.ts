// Bundles each function with all that it needs, and nothing else, into a folder of its own:
//
//   <out>/<function>/index.mjs            its code, one file, with the handler as `handler`
//   <out>/<function>/configuration.json   the configuration, the same in all
//
// There is one function of each kind, and one launcher and one terminator for each host and operating system; and one
// that sets a host up, for each host of a type that has such a file. Those that meet hosts get the openers of exactly
// the types that they meet. The same source and configuration give the same bytes, wherever they are bundled, so that a
// deploy changes what changed.

import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import type { TracingSettings } from '../../config/aws.ts';
import type { Configuration, HostSettings, OperatingSystem } from '../../core/configuration.ts';
import type { HostName } from '../../core/ids.ts';
import type { HostTraits } from '../../ports/host.ts';
import { systemsOf } from '../stations.ts';
import { hostsThatBuildImages } from './builds-images.ts';
import { type Bundled, bundledFile } from './bundled.ts';
import { type FunctionKind, functionKinds, imageKinds, setUpKinds, tracingKinds } from './functions.ts';
import type { HostOpener } from './host-opener.ts';
import { lean } from './lean.ts';

export interface BundleSettings {
  configuration: Configuration;
  /** What is in there already is written over. */
  outDirectory: string;
  /** AWS's SDK: within each bundle, or as Lambda's runtime brings it. */
  sdk: 'bundled' | 'runtime';
  secretsStore: 'secretsManager' | 'parameterStore';
  /** These alone, for who looks at a few. */
  kinds?: readonly FunctionKind[];
  /** Where spans of traces go; none are kept where it is left out. */
  tracing?: TracingSettings | undefined;
}

export interface BundledFunction {
  /** Unique: `webhook`, `launcher-mac-macos`. */
  name: string;
  kind: FunctionKind;
  /** Of a launcher, a terminator and what sets a host up; `null` for all others. */
  host: HostName | null;
  /** Of a launcher and a terminator. */
  os: OperatingSystem | null;
  /** Holds the function's code: what is to be deployed. */
  directory: string;
  /** Of the code alone. */
  bytes: number;
  /** As a deploy packs it, with the configuration. */
  zippedBytes: number;
  /** What is in it, and why. */
  metafile: Metafile;
}

const codeFile = 'index.mjs';
const root = resolve(import.meta.dirname, '../../..');
const here = import.meta.dirname;

export async function bundleFunctions(settings: BundleSettings): Promise<BundledFunction[]> {
  const { configuration, outDirectory } = settings;
  const bundled: Bundled = { configuration, traits: await traitsOf(configuration) };
  const configurationText = JSON.stringify(bundled);
  const built = new Map<string, ReturnType<typeof buildEntry>>();
  const wanted = functionsOf(settings).filter(({ kind }) => settings.kinds?.includes(kind) ?? true);
  return Promise.all(
    wanted.map(async ({ name, kind, host, os }): Promise<BundledFunction> => {
      const entry = entryOf(kind, await typesMetBy(kind, host, configuration), settings);
      // Launchers of two hosts of one type are the same code.
      const building = built.get(entry) ?? buildEntry(entry, settings);
      built.set(entry, building);
      const { code, metafile } = await building;
      const directory = join(resolve(outDirectory), name);
      await mkdir(directory, { recursive: true });
      await writeFile(join(directory, codeFile), code);
      await writeFile(join(directory, bundledFile), configurationText);
      const zippedBytes = zippedBytesOf([code, Buffer.from(configurationText)]);
      return { name, kind, host, os, directory, bytes: code.byteLength, zippedBytes, metafile };
    }),
  );
}

type Named = Pick<BundledFunction, 'name' | 'kind' | 'host' | 'os'>;

/** Every function that this configuration needs, bundled or not. */
export function functionsOf({
  configuration,
  tracing,
}: Pick<BundleSettings, 'configuration' | 'tracing'>): Named[] {
  const building = hostsThatBuildImages(configuration).length > 0 ? imageKinds : [];
  const kinds = [...functionKinds, ...(tracing ? tracingKinds : []), ...building, ...setUpKinds];
  return kinds.flatMap((kind): Named[] => {
    if (kind === 'setUp')
      return configuration.hosts
        .filter(({ type }) => existsSync(new URL(setUpFile(type), import.meta.url)))
        .map(({ name: host }) => ({ name: `${kind}-${host}`, kind, host, os: null }));
    if (kind !== 'launcher' && kind !== 'terminator') return [{ name: kind, kind, host: null, os: null }];
    return configuration.hosts.flatMap(({ name: host }) =>
      systemsOf(configuration, host).map((os) => ({ name: `${kind}-${host}-${os}`, kind, host, os })),
    );
  });
}

/** Types of hosts whose openers a function needs. */
async function typesMetBy(
  kind: FunctionKind,
  host: HostName | null,
  { hosts }: Configuration,
): Promise<string[]> {
  const met = await hostsMetBy(kind, host, hosts);
  return [...new Set(met.map(({ type }) => type))].sort();
}

async function hostsMetBy(kind: FunctionKind, host: HostName | null, hosts: readonly HostSettings[]) {
  switch (kind) {
    case 'steps':
    case 'hostEvents':
      return hosts;
    case 'claim':
    case 'milestones': {
      const identifying = await Promise.all(hosts.map(async (one) => 'identify' in (await openerOf(one))));
      return hosts.filter((_, at) => identifying[at]);
    }
    default:
      return hosts.filter(({ name }) => name === host);
  }
}

// ---- The entry of a bundle

const fileOf: Readonly<Record<Exclude<FunctionKind, 'setUp'>, string>> = {
  webhook: 'webhook.ts',
  claim: 'claim.ts',
  milestones: 'milestones.ts',
  hostEvents: 'host-events.ts',
  messenger: 'messenger.ts',
  gatherer: 'messenger.ts',
  waker: 'waker.ts',
  publisher: 'publisher.ts',
  launcher: 'launcher.ts',
  terminator: 'terminator.ts',
  tick: 'tick.ts',
  steps: 'steps.ts',
  asks: 'asks.ts',
  tracer: 'tracer.ts',
  images: 'images.ts',
};

function entryOf(
  kind: FunctionKind,
  types: readonly string[],
  { tracing }: Pick<BundleSettings, 'tracing'>,
): string {
  if (kind === 'setUp')
    return types.map((type) => `export { handler } from ${JSON.stringify(setUpFile(type))};\n`).join('');
  const file = JSON.stringify(`./functions/${fileOf[kind]}`);
  switch (kind) {
    case 'launcher':
    case 'terminator':
    case 'steps':
      return entryWith(file, types, 'open');
    case 'hostEvents':
      return entryWith(file, types, 'readEvent');
    case 'claim':
    case 'milestones':
      return entryWith(file, types, 'identify');
    case 'tracer':
      return [
        `import { handlerOf } from ${file};\n`,
        `import { openBackEnd } from './traces/${tracing?.to === 'xray' ? 'xray' : 'collector'}.ts';\n`,
        'export const handler = handlerOf(openBackEnd);\n',
      ].join('');
    default:
      return `export { handler } from ${file};\n`;
  }
}

/** Only the one export of each opener, so that what its others need stays out. */
function entryWith(file: string, types: readonly string[], member: keyof HostOpener): string {
  const imports = types.map(
    (type, i) => `import { ${member} as host${i} } from ${JSON.stringify(openerFile(type))};\n`,
  );
  const openers = types.map((type, i) => `${JSON.stringify(type)}: { ${member}: host${i} }`);
  return [
    `import { handlerOf } from ${file};\n`,
    ...imports,
    `export const handler = await handlerOf({ ${openers.join(', ')} });\n`,
  ].join('');
}

/** Where a type of host has one. */
function setUpFile(type: string): string {
  return `./set-up/${type}.ts`;
}

function openerFile(type: string): string {
  return `./hosts/${type}.ts`;
}

async function traitsOf({ hosts }: Configuration): Promise<Record<string, HostTraits>> {
  const traits: Record<string, HostTraits> = {};
  for (const settings of hosts) traits[settings.name] = (await openerOf(settings)).traits(settings);
  return traits;
}

/** A type is a name that the configuration's schema knows, so it is the name of a file at most. */
async function openerOf({ name, type }: { name: HostName; type: string }): Promise<HostOpener> {
  const file = openerFile(type);
  if (!/^[a-z0-9-]+$/.test(type) || !existsSync(new URL(file, import.meta.url))) {
    throw new Error(
      `host ${name} is of type ${type}, whose machines can not be reached from AWS: functions that would launch them ` +
        'have no way to. Remedy: take another type of host, or run the system on one machine (`make start`).',
    );
  }
  return (await import(file)) as HostOpener;
}

// ---- The build

/**
 * zod writes and compiles code for a schema at its first use, which pays off in the thousandth: a function reads a few
 * messages. This is where zod keeps `z.config({ jitless: true })`, which would come after the first schemas were made;
 * if it did not, functions would start some ms later.
 */
const interpretSchemas = 'globalThis.__zod_globalConfig={jitless:true};';

/** What Lambda's runtime brings. [AWS: Building Lambda functions with Node.js] */
const runtimeSdk = ['@aws-sdk/*', '@smithy/*'];

/** Functions read secrets from Secrets Manager, unless they are kept elsewhere: they have the one client or the other. */
const parameterStore: Plugin = {
  name: 'parameter store',
  setup({ onResolve }) {
    onResolve({ filter: /\/secrets-manager\.ts$/ }, () => ({ path: join(here, 'parameter-store.ts') }));
  },
};

/** The Publisher's way to the queue of spans is left out where none are kept. */
const noTraces: Plugin = {
  name: 'no traces',
  setup({ onResolve }) {
    onResolve({ filter: /\/traces\/publishers\.ts$/ }, () => ({ path: join(here, 'traces/none.ts') }));
  },
};

async function buildEntry(entry: string, { sdk, secretsStore, tracing }: BundleSettings) {
  const options: BuildOptions = {
    stdin: { contents: entry, resolveDir: here, sourcefile: 'function.ts', loader: 'ts' },
    // Paths in what is written are from here, the same on every machine.
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // By default a bundle for Node takes the CommonJS form of a package, which nothing can be left out of.
    mainFields: ['module', 'main'],
    // Identifiers are kept: names in a stack trace are worth 27 KiB, and cost no time (docs/decisions/0016).
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    charset: 'utf8',
    banner: { js: interpretSchemas },
    logLevel: 'silent',
    plugins: [
      lean,
      ...(secretsStore === 'parameterStore' ? [parameterStore] : []),
      ...(tracing ? [] : [noTraces]),
    ],
    ...(sdk === 'runtime'
      ? { external: runtimeSdk }
      : { alias: { '@aws-sdk/credential-provider-node': join(here, 'credentials.ts') } }),
  };
  const { outputFiles, metafile } = await build(options as BuildOptions & { write: false; metafile: true });
  const code = outputFiles[0]?.contents;
  if (!code) throw new Error(`esbuild wrote nothing for ${entry}`);
  return { code, metafile };
}

/** Headers of a zip archive's entry, in its two places, with a short name. */
const zipEntryBytes = 2 * 64;

function zippedBytesOf(files: readonly Uint8Array[]): number {
  return files.reduce((sum, file) => sum + zipEntryBytes + deflateRawSync(file, { level: 9 }).byteLength, 0);
}
