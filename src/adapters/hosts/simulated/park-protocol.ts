// What a park and its clients say to each other: POST with a bearer token, JSON both ways, one route for each call of
// the port.
//
//   POST /hosts/{host}/launch     { request }                  → LaunchAnswer
//   POST /hosts/{host}/activate   { request, machine }         → LaunchAnswer
//   POST /hosts/{host}/stand-by   { deployment, machine, settings, before } → { answer }
//   POST /hosts/{host}/terminate  { deployment, target }       → { answer }
//   POST /hosts/{host}/describe   { deployment, target }       → { state }
//   POST /hosts/{host}/list       { deployment }               → { machines }
//
//   4xx  definite: nothing came of it, and nothing will     5xx, or no answer: not known
//
// On AWS, a machine's end is told by EventBridge as `parkEvent`.

import { z } from 'zod';
import {
  type DeploymentPrefix,
  isDeploymentPrefix,
  isPoolName,
  type MachineId,
  type PoolName,
  parseRunnerName,
  type RunnerName,
} from '../../../core/ids.ts';

/** A just-in-time configuration has some 5 KB, labels 256 characters each. */
export const parkBytesMax = 128 * 1024;

const labelsMax = 100;
const labelLengthMax = 256;
const machineIdLengthMax = 200;
const textLengthMax = 4096;
const jitConfigLengthMax = 65_536;
/** Far more than a list of a laptop's machines has. */
const listedMax = 100_000;

const runnerName = z.custom<RunnerName>((value) => typeof value === 'string' && !!parseRunnerName(value));
const poolName = z.custom<PoolName>((value) => typeof value === 'string' && isPoolName(value));
const deployment = z.custom<DeploymentPrefix>(
  (value) => typeof value === 'string' && isDeploymentPrefix(value),
);
const machineId = z.custom<MachineId>(
  (value) => typeof value === 'string' && value.length > 0 && value.length <= machineIdLengthMax,
);
const text = z.string().max(textLengthMax);
const wholeMs = z.int().min(0);

const request = z.strictObject({
  name: runnerName,
  attempt: z.int().min(1),
  deployment,
  pool: poolName,
  labels: z.array(z.string().max(labelLengthMax)).max(labelsMax),
  machine: z.unknown(),
  answerBefore: wholeMs,
  traceparent: text,
  lifetimeMsMax: wholeMs,
  steady: z.boolean().optional(),
  configuration: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('handedOver'), jitConfig: z.string().max(jitConfigLengthMax) }),
    z.strictObject({ kind: z.literal('claimed'), url: text, token: text }),
  ]),
});
const target = z.strictObject({ name: runnerName, machine: machineId.nullable() });

export const launchBody = z.strictObject({ request });
export const activateBody = z.strictObject({ request, machine: machineId });
export const standByBody = z.strictObject({
  deployment,
  machine: machineId,
  settings: z.unknown(),
  before: wholeMs,
});
export const targetBody = z.strictObject({ deployment, target });
export const listBody = z.strictObject({ deployment });

export const launchAnswer = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('launched'), machine: machineId }),
  z.object({
    outcome: z.literal('refused'),
    refusal: z.enum(['noCapacity', 'throttled', 'invalid']),
    reason: text,
    retryAfterMs: wholeMs.nullable(),
  }),
]);
export const standByAnswer = z.object({ answer: z.enum(['waits', 'settling', 'notNow']) });
export const terminateAnswer = z.object({ answer: z.enum(['gone', 'ending']) });
export const describeAnswer = z.object({ state: z.enum(['alive', 'dead', 'absent', 'unknown']) });
export const listAnswer = z.object({
  machines: z.union([
    z.literal('unknown'),
    z.array(z.object({ name: text, machine: machineId, alive: z.boolean() })).max(listedMax),
  ]),
});
/** Of every status but 200. */
export const refusalAnswer = z.object({ message: text });

export const eventSource = 'runners.simulated';

export const parkEvent = z.object({
  source: z.literal(eventSource),
  detail: z.object({
    host: z.string().max(64),
    name: z.string().min(1).max(100),
    machine: machineId.nullable(),
    cause: z.string().min(1).max(1000),
    at: wholeMs,
  }),
});
