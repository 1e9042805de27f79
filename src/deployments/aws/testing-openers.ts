// What the test of each opener begins with: a host of the opener's, as a function opens it, and the opener as it is bundled
// into one.

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createDynamoDbClient } from '../../adapters/jobs-tables/dynamodb/client.ts';
import type { HostSettings } from '../../core/configuration.ts';
import type { DeploymentPrefix } from '../../core/ids.ts';
import type { Host } from '../../ports/host.ts';
import type { HostOpener } from './host-opener.ts';
import { lean } from './lean.ts';

export function openerOf(opener: HostOpener, settings: HostSettings) {
  return (environment: Record<string, string>): Host =>
    opener.open({
      settings,
      deployment: 'own1' as DeploymentPrefix,
      store: { client: createDynamoDbClient({ region: 'eu-west-1' }), tableName: 'jobs' },
      clock: createVirtualClock(0),
      random: () => 0.5,
      environment,
    });
}

/** `inputs`: the files that it is made of. Without the SDK, which is within a bundle or Lambda's own. */
export async function bundledOpener(type: string): Promise<{ inputs: string[]; gzippedBytes: number }> {
  const { metafile, outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`./hosts/${type}.ts`, import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    external: ['@aws-sdk/*', '@smithy/*'],
    plugins: [lean],
    logLevel: 'silent',
  });
  const [code] = outputFiles;
  return { inputs: Object.keys(metafile.inputs), gzippedBytes: gzipSync(code?.contents ?? '').byteLength };
}
