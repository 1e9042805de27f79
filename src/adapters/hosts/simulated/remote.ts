// A simulated host whose machines live in a park, another process of this computer: for a system that is made of many
// processes, as the one on AWS is. It is a stand-in as the other one is, and no machine runs anybody's job.

import type { z } from 'zod';
import type { DeploymentPrefix, HostName } from '../../../core/ids.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Host, HostTraits, LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { SimulatedCallError } from './faults.ts';
import {
  describeAnswer,
  launchAnswer,
  listAnswer,
  refusalAnswer,
  standByAnswer,
  terminateAnswer,
} from './park-protocol.ts';

export interface RemoteSimulatedHostDeps {
  host: HostName;
  deployment: DeploymentPrefix;
  traits: HostTraits;
  /** The park's. */
  url: string;
  token: string;
  clock: Clock;
}

/** Calls without a deadline of their own: a simulated call takes 3 s at most, unless the host says otherwise. */
const patienceMs = 10_000;

export function createRemoteSimulatedHost(deps: RemoteSimulatedHostDeps): Host {
  const { host, deployment, traits, token, clock } = deps;
  const base = new URL(`hosts/${host}/`, deps.url.endsWith('/') ? deps.url : `${deps.url}/`);

  async function start(
    kind: 'launch' | 'activate',
    request: LaunchRequest,
    body: unknown,
  ): Promise<LaunchAnswer> {
    const leftMs = request.answerBefore - clock.now();
    if (leftMs <= 0) throw new SimulatedCallError(kind, request.name);
    const answer = await ask(kind, request.name, body, launchAnswer, leftMs);
    if (!(answer instanceof ParkRefusal)) return answer;
    return { outcome: 'refused', refusal: 'invalid', reason: answer.message, retryAfterMs: null };
  }

  async function read<Answer extends z.ZodType>(
    kind: 'stand-by' | 'terminate' | 'describe' | 'list',
    name: string,
    body: unknown,
    schema: Answer,
  ): Promise<z.output<Answer>> {
    const answer = await ask(kind, name, body, schema, patienceMs);
    if (answer instanceof ParkRefusal) throw answer;
    return answer;
  }

  /** Throws where nobody knows what came of it. */
  async function ask<Answer extends z.ZodType>(
    kind: string,
    name: string,
    body: unknown,
    schema: Answer,
    withinMs: number,
  ): Promise<z.output<Answer> | ParkRefusal> {
    const giveUp = new AbortController();
    const stopWaiting = clock.after(withinMs, () => giveUp.abort());
    try {
      const response = await fetch(new URL(kind, base), {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: giveUp.signal,
      });
      const said: unknown = await response.json();
      if (response.status === 200) return schema.parse(said);
      if (response.status >= 500) throw new Error(`it answered with status ${response.status}`);
      return new ParkRefusal(host, response.status, refusalAnswer.parse(said).message);
    } catch (cause) {
      throw notKnown(kind, name, cause);
    } finally {
      stopWaiting();
    }
  }

  return {
    traits,
    launch: (request) => start('launch', request, { request }),
    activate: (request, machine) => start('activate', request, { request, machine }),
    standBy: async (machine, settings, before) =>
      (await read('stand-by', machine, { deployment, machine, settings, before }, standByAnswer)).answer,
    terminate: async (target) =>
      (await read('terminate', target.name, { deployment, target }, terminateAnswer)).answer,
    describe: async (target) =>
      (await read('describe', target.name, { deployment, target }, describeAnswer)).state,
    list: async () => (await read('list', deployment, { deployment }, listAnswer)).machines,
  };
}

function notKnown(kind: string, name: string, cause: unknown): Error {
  return new SimulatedCallError(kind, name, { cause });
}

/** The park took the call for none: nothing came of it. */
class ParkRefusal extends Error {
  constructor(host: HostName, status: number, message: string) {
    super(
      `the park does not take calls of host ${host}: ${message} (${status}). ` +
        'Remedy: give url and token of a park that has this host.',
    );
    this.name = 'ParkRefusal';
  }
}
