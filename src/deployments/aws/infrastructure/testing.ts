// The templates of some deployments, for tests: each is synthesized once, when the first test asks, and read from then
// on. Their functions have no code; what is in a bundle is tested where it is made.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { z } from 'zod';
import { awsConfiguration } from '../../../../test/fixtures/aws-configuration.ts';
import { awsSchema } from '../../../config/aws.ts';
import { demandConfiguration } from '../../../config/check.ts';
import type { Configuration } from '../../../core/configuration.ts';
import { functionsOf } from '../bundle.ts';
import { type AppProps, createApp } from './app.ts';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Resource {
  /** The stack's name without that of the deployment: `pipeline`. */
  stack: string;
  id: string;
  type: string;
  properties: JsonObject;
  /** Beside the properties: `DeletionPolicy`, `DependsOn`. */
  attributes: JsonObject;
}

interface StackTemplate {
  /** As it is deployed. */
  text: string;
  resources: readonly Resource[];
  outputs: Readonly<Record<string, JsonObject>>;
  /** Names of the stacks before it. */
  after: readonly string[];
}

export interface Templates {
  stacks: ReadonlyMap<string, StackTemplate>;
  /** Of all stacks, of this type or of any. */
  resources(type?: string): Resource[];
}

export type Settings = z.input<typeof awsSchema>;

/** As one gets it without a word about AWS. */
export const plain = once(() => synthesize(awsConfiguration(), {}, 'checked'));

/** With everything that can be said, otherwise than by default. */
export const strict = once(() => synthesize(awsConfiguration(), strictSettings, 'checked'));

export const strictSettings = {
  stackName: 'acme-ci',
  permissionsBoundary: 'arn:aws:iam::123456789012:policy/boundaries/ci',
  rolePath: '/ci/runners/',
  encryption: 'customerManaged',
  secretsStore: 'parameterStore',
  gitHubAddressesOnly: true,
  logRetentionDays: 400,
  logLevel: 'debug',
  retain: true,
  alarmEmail: 'ci@example.com',
  tags: { team: 'build' },
} as const satisfies Settings;

/** As many as a configuration may have. */
export const manyHosts = 20;

/** Each with three operating systems. */
export const large = once(() => synthesize(largeConfiguration(manyHosts), {}, 'unchecked'));

export function largeConfiguration(hostCount: number): Configuration {
  const options = { url: 'http://127.0.0.1:1', token: 'the token of a test' };
  const hosts = Array.from({ length: hostCount }, (_, at) => `host${at}`);
  const pools = hosts.flatMap((host) =>
    (['linux', 'windows', 'macos'] as const).map((os) => {
      const name = `${host}-${os}`;
      return [name, { host, os, labels: [name], limit: 100 }] as const;
    }),
  );
  const { configuration } = demandConfiguration({
    hosts: Object.fromEntries(hosts.map((name) => [name, { type: 'simulated', limit: 100, options }])),
    pools: Object.fromEntries(pools),
  });
  return configuration;
}

/** `checked`: by the rules of cdk-nag and of CloudFormation too, which takes seconds; throws where one is broken. */
export function synthesize(
  configuration: Configuration,
  settings: Settings,
  how: 'checked' | 'unchecked',
  infrastructures?: AppProps['infrastructures'],
): Templates {
  const folder = mkdtempSync(join(tmpdir(), 'runners-templates-'));
  try {
    const directory = join(folder, 'code');
    mkdirSync(directory);
    writeFileSync(join(directory, 'index.mjs'), 'export const handler = () => null;\n');
    const outDirectory = join(folder, 'assembly');
    const parsed = awsSchema.parse(settings);
    const app = createApp({
      configuration,
      settings: parsed,
      gitHub: { name: 'github.com', apiUrl: 'https://api.github.com' },
      bundles: functionsOf({ configuration, tracing: parsed.tracing }).map((named) => ({
        ...named,
        directory,
      })),
      ...(infrastructures && { infrastructures }),
      outDirectory,
    });
    return templatesOf(app, how);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function templatesOf(app: App, how: 'checked' | 'unchecked'): Templates {
  if (how === 'checked') Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const assembly = app.synth({ skipValidation: how === 'unchecked' });
  const stacks = new Map(
    assembly.stacks.map((artifact) => {
      const stack = partOf(artifact.stackName);
      const after = artifact.dependencies.map(({ id }) => id).filter((id) => !id.endsWith('.assets'));
      return [stack, templateOf(stack, artifact.template as JsonObject, after.map(partOf))];
    }),
  );
  return {
    stacks,
    resources: (type) =>
      [...stacks.values()].flatMap(({ resources }) =>
        resources.filter((resource) => type === undefined || resource.type === type),
      ),
  };
}

function partOf(stackName: string): string {
  return stackName.slice(stackName.lastIndexOf('-') + 1);
}

function templateOf(stack: string, template: JsonObject, after: string[]): StackTemplate {
  const resources = Object.entries(objectOf(template['Resources'])).map(([id, written]): Resource => {
    const { Type, Properties = {}, ...attributes } = objectOf(written);
    return { stack, id, type: String(Type), properties: objectOf(Properties), attributes };
  });
  const outputs = objectOf(template['Outputs']) as Record<string, JsonObject>;
  return { text: JSON.stringify(template), resources, outputs, after };
}

export function objectOf(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

export function listOf(value: Json | undefined): Json[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** Every value within, however deep, with the key that it stands under. */
export function* valuesIn(value: Json, key = ''): Generator<{ key: string; value: Json }> {
  yield { key, value };
  if (Array.isArray(value)) for (const inner of value) yield* valuesIn(inner, key);
  else for (const [name, inner] of Object.entries(objectOf(value))) yield* valuesIn(inner, name);
}

/** Whether some part of it refers to that resource of the same stack, or by an output of another. */
export function refersTo(value: Json, { id }: Pick<Resource, 'id'>): boolean {
  return [...valuesIn(value)].some(
    ({ key, value: inner }) =>
      (key === 'Ref' && inner === id) ||
      (key === 'Fn::GetAtt' && inner === id) ||
      (key === 'OutputName' && String(inner).includes(id)),
  );
}

export interface Statement {
  effect: string;
  actions: string[];
  resources: Json[];
  principal: Json;
  condition: JsonObject;
}

export function statementsOf(policyDocument: Json | undefined): Statement[] {
  return listOf(objectOf(policyDocument)['Statement']).map((written) => {
    const { Effect, Action, Resource: on, Principal = null, Condition = {} } = objectOf(written);
    return {
      effect: String(Effect),
      actions: listOf(Action).map(String),
      resources: listOf(on),
      principal: Principal,
      condition: objectOf(Condition),
    };
  });
}

/** What a role may do, of the policies in it. */
export function grantsOf(role: Resource): Statement[] {
  return listOf(role.properties['Policies']).flatMap((policy) =>
    statementsOf(objectOf(policy)['PolicyDocument']),
  );
}

function once<Result>(make: () => Result): () => Result {
  let made: { result: Result } | null = null;
  return () => {
    made ??= { result: make() };
    return made.result;
  };
}
