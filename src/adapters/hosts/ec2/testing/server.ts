// A stand-in of EC2 that the real SDK talks to over HTTP: the query protocol, tokens, buckets, and faults as the test
// wants them. It is held against another emulator where that one is right.

import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Buckets, bodyOf, createBuckets, listenOnLoopback } from '../../testing.ts';
import { actions, withToken } from './actions.ts';
import { type CloudSettings, createCloud } from './cloud.ts';
import { type Params, parseQuery, text } from './query.ts';
import { Ec2Refusal } from './refusal.ts';
import { answerXml, errorXml } from './xml.ts';

interface StandInCall {
  action: string;
  params: Params;
}

/**
 * What becomes of a call. `lose`: it is done, and the answer is lost. `drop`: it does not arrive. `hold`: it is done
 * when the promise says so, and answered then.
 */
export type Fate = 'pass' | 'lose' | 'drop' | { code: string; status?: number } | { hold: Promise<void> };

export interface StandInSettings extends CloudSettings {
  /** Calls of an action: so many at once, then so many a second. */
  buckets?: Buckets<string>;
  fate?: (call: StandInCall, calls: readonly StandInCall[]) => Fate;
}

export interface Ec2StandIn {
  endpoint: string;
  cloud: ReturnType<typeof createCloud>;
  calls: StandInCall[];
  countOf(action: string): number;
  close(): Promise<void>;
}

/** User data alone may be large; it is not sent here. */
const bodyBytesMax = 1_000_000;

export async function startEc2StandIn(settings: StandInSettings): Promise<Ec2StandIn> {
  const cloud = createCloud(settings);
  const calls: StandInCall[] = [];
  const tokens = new Map<string, { parameters: string; answer: string }>();
  const mayCall = createBuckets(settings.clock, settings.buckets ?? {});

  function answer({ action, params }: StandInCall): string {
    const act = actions[action];
    if (!act) throw new Ec2Refusal('InvalidAction', `The action ${action} is not known here`);
    if (!mayCall(action)) throw new Ec2Refusal('RequestLimitExceeded', 'Request limit exceeded.', 503);
    const token = withToken.has(action) ? text(params, 'ClientToken') : undefined;
    if (token === undefined) return answerXml(action, act(cloud, params));
    if (token.length > 64)
      throw new Ec2Refusal('InvalidParameterValue', 'A client token has 64 characters at most');
    const key = `${action} ${token}`;
    const parameters = createHash('sha256').update(JSON.stringify(params)).digest('hex');
    const known = tokens.get(key);
    if (known && known.parameters !== parameters) {
      throw new Ec2Refusal(
        'IdempotentParameterMismatch',
        'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
      );
    }
    if (known) return known.answer;
    // What a token did it answers for ever: for machines that are dead by now, and for an answer with no machine. What
    // was refused as a whole it has not done.
    const made = answerXml(action, act(cloud, params));
    tokens.set(key, { parameters, answer: made });
    return made;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const params = parseQuery(await bodyOf(request, bodyBytesMax));
    const call = { action: text(params, 'Action') ?? '', params };
    calls.push(call);
    const fate = settings.fate?.(call, calls) ?? 'pass';
    if (fate === 'drop') return void request.socket.destroy();
    try {
      if (!/^AWS4-HMAC-SHA256 .*\/ec2\/aws4_request/.test(request.headers.authorization ?? ''))
        throw new Ec2Refusal(
          'AuthFailure',
          'AWS was not able to validate the provided access credentials',
          401,
        );
      if (typeof fate === 'object' && 'code' in fate)
        throw new Ec2Refusal(fate.code, 'as the test wants it', fate.status);
      const made = answer(call);
      if (typeof fate === 'object') await fate.hold;
      if (fate === 'lose') return void request.socket.destroy();
      response.writeHead(200, { 'content-type': 'text/xml;charset=UTF-8' }).end(made);
    } catch (error) {
      const refusal =
        error instanceof Ec2Refusal ? error : new Ec2Refusal('InternalError', String(error), 500);
      response
        .writeHead(refusal.status, { 'content-type': 'text/xml;charset=UTF-8' })
        .end(errorXml(refusal.code, refusal.message));
    }
  }

  const server = await listenOnLoopback(handle);
  return {
    endpoint: server.endpoint,
    cloud,
    calls,
    countOf: (action) => calls.filter((call) => call.action === action).length,
    async close() {
      cloud.close();
      await server.close();
    },
  };
}
