// The service's model, as the SDK brings it: which operations there are, under which paths, with which members of which
// types. The SDK leaves out how long a text may be; that is written down here from the model that botocore brings (1.44.8).

import * as sdk from '@aws-sdk/client-lambda-microvms';
import { MicrovmRefusal } from './refusal.ts';

/** Kinds of schemas: `[kind, namespace, name, traits, …]`. A number alone is a simple type. [smithy-typescript: schemas] */
type Simple = number;
type Schema = Simple | readonly unknown[] | (() => Schema);

const simple = { text: 0, number: 1, yesOrNo: 2, list: 64, map: 128 } as const;
const kinds = { list: 1, map: 2, structure: 3, union: 4 } as const;

const operationNames = [
  'RunMicrovm',
  'GetMicrovm',
  'ListMicrovms',
  'SuspendMicrovm',
  'ResumeMicrovm',
  'TerminateMicrovm',
  'CreateMicrovmImage',
  'GetMicrovmImage',
] as const;

export type OperationName = (typeof operationNames)[number];
export type Input = Readonly<Record<string, unknown>>;

interface Route {
  operation: OperationName;
  method: string;
  path: RegExp;
  label: string | null;
  status: number;
  input: readonly unknown[];
}

interface Limits {
  min?: number;
  max?: number;
  pattern?: RegExp;
}

const identifier: Limits = { min: 1, max: 256 };
const role: Limits = { min: 20, max: 2048, pattern: /^arn:aws[a-z-]*:iam::\d{12}:role\/?[\w+=,.@\-/]+$/ };

/** By operation and member. */
const limits: Readonly<Record<string, Limits>> = {
  'RunMicrovm.clientToken': { min: 1, max: 128 },
  'RunMicrovm.imageIdentifier': identifier,
  'RunMicrovm.imageVersion': { min: 1, max: 2048, pattern: /^\S+$/ },
  'RunMicrovm.executionRoleArn': role,
  'RunMicrovm.runHookPayload': { max: 4096 },
  'RunMicrovm.maximumDurationInSeconds': { min: 1, max: 28_800 },
  'RunMicrovm.ingressNetworkConnectors': { max: 10 },
  'RunMicrovm.egressNetworkConnectors': { max: 10 },
  'IdlePolicy.maxIdleDurationSeconds': { min: 60 },
  'IdlePolicy.suspendedDurationSeconds': { min: 0 },
  'GetMicrovm.microvmIdentifier': identifier,
  'SuspendMicrovm.microvmIdentifier': identifier,
  'ResumeMicrovm.microvmIdentifier': identifier,
  'TerminateMicrovm.microvmIdentifier': identifier,
  'ListMicrovms.maxResults': { min: 1, max: 50 },
  'ListMicrovms.imageIdentifier': identifier,
  'CreateMicrovmImage.name': { min: 1, max: 64, pattern: /^[a-zA-Z0-9-_]+$/ },
  'CreateMicrovmImage.buildRoleArn': role,
  'CreateMicrovmImage.baseImageArn': { min: 1, max: 2048, pattern: /^\S+$/ },
  'CreateMicrovmImage.clientToken': { min: 1, max: 128 },
  'CreateMicrovmImage.egressNetworkConnectors': { max: 1 },
  'CreateMicrovmImage.resources': { max: 1 },
  'CloudWatchLogging.logGroup': { min: 1, max: 512, pattern: /^[\w\-/.#]+$/ },
  'Hooks.port': { min: 1, max: 65_535 },
  'MicrovmHooks.runTimeoutInSeconds': { min: 1, max: 60 },
  'MicrovmHooks.resumeTimeoutInSeconds': { min: 1, max: 60 },
  'MicrovmImageHooks.readyTimeoutInSeconds': { min: 1, max: 3600 },
};

const routes: readonly Route[] = operationNames.map((operation) => {
  const [, , , traits, input] = (sdk as unknown as Record<string, readonly unknown[]>)[`${operation}$`] ?? [];
  const http = (traits as { http?: [string, string, number] } | undefined)?.http;
  if (!http || typeof input !== 'function') throw new Error(`the SDK's model has no operation ${operation}`);
  const [method, template, status] = http;
  const label = /\{(\w+)\}/.exec(template)?.[1] ?? null;
  const path = new RegExp(`^${template.replace(/\{\w+\}/, '([^/]+)')}$`);
  return { operation, method, path, label, status, input: input() as readonly unknown[] };
});

/** The operation that a request is for, with its input checked as the model says. Throws what the service would answer. */
export function readRequest(
  method: string,
  url: URL,
  body: string,
): { operation: OperationName; input: Input; status: number } {
  const route = routes.find((one) => one.method === method && one.path.test(url.pathname));
  if (!route)
    throw new MicrovmRefusal('UnknownOperationException', `${method} ${url.pathname}`, { status: 404 });
  const [, found] = route.path.exec(url.pathname) ?? [];
  const input: Record<string, unknown> = { ...parsed(body) };
  if (route.label !== null && found !== undefined) input[route.label] = decodeURIComponent(found);
  for (const [key, value] of url.searchParams)
    input[key] = membersOf(route.input).get(key) === simple.number ? Number(value) : value;
  check(route.operation, route.input, input);
  return { operation: route.operation, input, status: route.status };
}

function parsed(body: string): Record<string, unknown> {
  const value = body === '' ? {} : jsonIn(body);
  if (typeof value !== 'object' || value === null)
    throw new MicrovmRefusal('SerializationException', 'the body is not a JSON object');
  return value as Record<string, unknown>;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Members' schemas; those of a path or a query are in a list with what they are bound to. */
function membersOf(shape: readonly unknown[]): ReadonlyMap<string, Schema> {
  const names = shape[4] as readonly string[];
  const schemas = shape[5] as readonly (Schema | readonly [Schema, unknown])[];
  return new Map(names.map((name, at) => [name, bare(schemas[at])]));
}

function bare(schema: Schema | readonly [Schema, unknown] | undefined): Schema {
  const isBound =
    Array.isArray(schema) && schema.length === 2 && (typeof schema[0] !== 'number' || schema[0] < 3);
  return (isBound ? schema[0] : schema) as Schema;
}

/** As the service does, but for members that no model has: it passes them over, and here they are a mistake. */
function check(where: string, shape: readonly unknown[], value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(where, value, 'an object');
  const members = membersOf(shape);
  const given = value as Record<string, unknown>;
  for (const key of Object.keys(given))
    if (!members.has(key))
      throw invalid(`${where}.${key}`, given[key], 'left out: the model has no such member');
  const required = [...members.keys()].slice(0, Number(shape[6] ?? 0));
  for (const name of shape[0] === kinds.structure ? required : [])
    if (given[name] === undefined || given[name] === null)
      throw new MicrovmRefusal(
        'ValidationException',
        `Value null at '${where}.${name}' failed to satisfy constraint: Member must not be null`,
      );
  for (const [key, schema] of members)
    if (given[key] !== undefined && given[key] !== null) checkMember(`${where}.${key}`, schema, given[key]);
}

function checkMember(where: string, schema: Schema, value: unknown): void {
  const resolved = resolve(schema);
  if (typeof resolved === 'number') {
    checkSimple(where, resolved, value);
    return;
  }
  const [kind, , name] = resolved;
  if (kind === kinds.structure || kind === kinds.union) check(String(name), resolved, value);
  // A text that is not to be seen has a schema of its own.
  else checkSimple(where, kind === kinds.list || kind === kinds.map ? simple.list : simple.text, value);
}

function resolve(schema: Schema): Simple | readonly unknown[] {
  return typeof schema === 'function' ? resolve(schema()) : schema;
}

function checkSimple(where: string, type: number, value: unknown): void {
  const isMany = type >= simple.list;
  const wanted = isMany ? 'object' : { [simple.number]: 'number', [simple.yesOrNo]: 'boolean' }[type];
  if (value === null || typeof value !== (wanted ?? 'string'))
    throw invalid(where, value, `a ${wanted ?? 'string'}`);
  if (typeof value === 'number') checkLimits(where, value);
  else if (isMany) checkLimits(where, Object.keys(value as object).length);
  else if (typeof value === 'string') checkText(where, value);
}

function checkText(where: string, text: string): void {
  checkLimits(where, text.length);
  const pattern = limits[where]?.pattern;
  if (pattern && !pattern.test(text)) throw invalid(where, text, `of the pattern ${pattern.source}`);
}

function checkLimits(where: string, size: number): void {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = limits[where] ?? {};
  if (size < min) throw invalid(where, size, `greater than or equal to ${min}`);
  if (size > max) throw invalid(where, size, `less than or equal to ${max}`);
}

function invalid(where: string, value: unknown, wanted: string): MicrovmRefusal {
  const shown = JSON.stringify(value)?.slice(0, 100);
  return new MicrovmRefusal(
    'ValidationException',
    `Value ${shown} at '${where}' failed to satisfy constraint: Member must be ${wanted}`,
  );
}
