#!/usr/bin/env node
// Prints what a host's namespace needs, for `kubectl apply -f -`: `node src/deployments/kubernetes-manifests.ts --help`.

import { argv, env, exit, stderr, stdout } from 'node:process';
import { Command } from 'commander';
import { groupOf } from '../adapters/hosts/kubernetes/made.ts';
import {
  hookAccountsOf,
  manifestsOf,
  podSecurityFor,
  readSubject,
} from '../adapters/hosts/kubernetes/manifests.ts';
import { kubernetesHostOptions, kubernetesMachine } from '../adapters/hosts/kubernetes/options.ts';
import { withEnvironmentFile } from '../config/environment-file.ts';
import { loadConfiguration } from '../config/load.ts';
import { type Configuration, type HostSettings, poolsOfHost } from '../core/configuration.ts';

interface Options {
  host?: string;
  subject?: string;
}

const program = new Command('kubernetes-manifests')
  .description('Prints the objects that a host of type kubernetes needs in its cluster: kubectl apply -f -')
  .option('--host <name>', 'which host, where the configuration has several on Kubernetes')
  .option(
    '--subject <who>',
    'who the system is to the cluster: group:NAME, user:NAME or serviceaccount:NAMESPACE/NAME ' +
      '(left out: the group that a deployment on AWS is in)',
  )
  .action(async (options: Options) => {
    const { configuration, aws } = await loadConfiguration(
      variables()['RUNNERS_CONFIG'] ?? 'runners.config.ts',
    );
    stdout.write(`${JSON.stringify(manifestsFor(configuration, aws.stackName, options), null, 2)}\n`);
  });

try {
  await program.parseAsync(argv);
} catch (error) {
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  exit(2);
}

function variables(): Readonly<Record<string, string | undefined>> {
  return withEnvironmentFile('.env', env);
}

function manifestsFor(configuration: Configuration, stackName: string, options: Options): unknown {
  const host = chosen(configuration, options.host);
  const { name, limit } = host;
  const group = groupOf(stackName, name);
  const parsed = kubernetesHostOptions.parse(host.options);
  const subject = readSubject(options.subject ?? `group:${group}`);
  if (subject === null)
    throw new Error(
      `--subject ${options.subject} is none: allowed are group:NAME, user:NAME and serviceaccount:NAMESPACE/NAME`,
    );
  const machines = poolsOfHost(configuration, name).map(({ machine }) => kubernetesMachine.parse(machine));
  return manifestsOf({
    name: group,
    options: parsed,
    subject,
    limit,
    podSecurity: podSecurityFor(machines),
    hookAccounts: hookAccountsOf(machines),
  });
}

function chosen({ hosts }: Configuration, name: string | undefined): HostSettings {
  const usable = hosts.filter(({ type }) => type === 'kubernetes');
  const found =
    name === undefined && usable.length === 1 ? usable[0] : usable.find((host) => host.name === name);
  if (found) return found;
  const names = usable.map((host) => host.name).join(', ');
  throw new Error(
    usable.length === 0
      ? 'the configuration has no host of type kubernetes. Remedy: name the file that has one by RUNNERS_CONFIG.'
      : `--host has to name one of ${names}; given was ${name ?? 'nothing'}`,
  );
}
