// For the CDK's command-line tool, which finds it by cdk.json: `npx cdk diff`, `npx cdk synth`. `make ci-deploy` makes
// the same app, with its checks before and its secrets behind.

import { resolve } from 'node:path';
import { env } from 'node:process';
import { readEnvironment } from '../../../config/environment.ts';
import { withEnvironmentFile } from '../../../config/environment-file.ts';
import { loadConfiguration } from '../../../config/load.ts';
import { describeProblem } from '../../../config/problem.ts';
import { gitHubName } from '../../../core/ids.ts';
import { bundleFunctions } from '../bundle.ts';
import { createApp } from './app.ts';

const read = readEnvironment(withEnvironmentFile('.env', env));
if (read.outcome === 'refused') throw new Error(read.problems.map(describeProblem).join('\n\n'));
const { configurationFile, gitHub } = read.environment;
const { configuration, aws: settings } = await loadConfiguration(configurationFile);
const bundles = await bundleFunctions({
  configuration,
  outDirectory: resolve('.cache/aws/functions'),
  sdk: 'bundled',
  secretsStore: settings.secretsStore,
  tracing: settings.tracing,
});
// The tool says where it looks for the assembly.
const outDirectory = env['CDK_OUTDIR'];
createApp({
  configuration,
  settings,
  gitHub: { name: gitHubName(new URL(gitHub.webUrl).hostname), apiUrl: gitHub.apiUrl },
  bundles,
  ...(outDirectory !== undefined && { outDirectory }),
}).synth();
