// From the configuration to what the CDK deploys: each function bundled, all templates written. Loaded when it is used,
// since the CDK takes a second to load, and checks should not wait for it.

import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AwsSettings } from '../../../config/aws.ts';
import type { Configuration } from '../../../core/configuration.ts';

const functionsFolder = 'functions';
const assemblyFolder = 'assembly';

export interface Assembly {
  directory: string;
  /** In the order of their dependencies. */
  stacks: readonly { name: string; resourceTypes: readonly string[] }[];
  functions: number;
}

export interface SynthesizeGiven {
  configuration: Configuration;
  settings: AwsSettings;
  gitHub: { name: string; apiUrl: string };
  /** What is made goes there: bundles and templates. */
  folder: string;
}

export async function synthesize({ folder, ...given }: SynthesizeGiven): Promise<Assembly> {
  const [{ bundleFunctions }, { createApp }] = await Promise.all([
    import('../bundle.ts'),
    import('../infrastructure/app.ts'),
  ]);
  // What an earlier configuration left would only grow.
  for (const made of [functionsFolder, assemblyFolder]) {
    rmSync(join(folder, made), { recursive: true, force: true });
  }
  const bundles = await bundleFunctions({
    configuration: given.configuration,
    outDirectory: join(folder, functionsFolder),
    sdk: 'bundled',
    secretsStore: given.settings.secretsStore,
    tracing: given.settings.tracing,
  });
  const directory = resolve(folder, assemblyFolder);
  const assembly = createApp({ ...given, bundles, outDirectory: directory }).synth();
  return {
    directory,
    stacks: assembly.stacks.map(({ stackName, template }) => ({
      name: stackName,
      resourceTypes: typesIn(template),
    })),
    functions: bundles.length,
  };
}

function typesIn(template: { Resources?: Record<string, { Type: string }> }): string[] {
  return [...new Set(Object.values(template.Resources ?? {}).map(({ Type }) => Type))];
}
