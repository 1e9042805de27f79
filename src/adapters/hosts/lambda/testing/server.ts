// The call of Lambda's that this host makes, over HTTP, for the real SDK: asynchronous Invoke, with its refusals, and
// with what may happen to a call on its way.

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf, listenOnLoopback } from '../../testing.ts';
import { createPlatform, LambdaRefusal, type Platform, type PlatformSettings } from './platform.ts';

/**
 * What becomes of a call. `lose`: the event is taken, and the answer is lost. `drop`: it does not arrive. `twice`: Lambda
 * runs the event twice, though nothing went wrong.
 */
export type Fate =
  | 'pass'
  | 'lose'
  | 'drop'
  | 'twice'
  | { code: string; status: number; retryAfterSeconds?: number };

interface StandInCall {
  functionName: string;
  payload: string;
}

export interface StandInSettings extends PlatformSettings {
  fate?: (call: StandInCall, calls: readonly StandInCall[]) => Fate;
}

export interface LambdaStandIn {
  endpoint: string;
  platform: Platform;
  calls: StandInCall[];
  close(): Promise<void>;
}

const path = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/;
const bodyBytesMax = 6_291_556;

export async function startLambdaStandIn(settings: StandInSettings): Promise<LambdaStandIn> {
  const platform = createPlatform(settings);
  const calls: StandInCall[] = [];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const payload = await bodyOf(request, bodyBytesMax);
    const functionName = decodeURIComponent(path.exec(request.url ?? '')?.[1] ?? '');
    const call = { functionName, payload };
    try {
      if (request.method !== 'POST' || functionName === '')
        throw new LambdaRefusal('UnknownOperationException', `${request.method} ${request.url}`, 404);
      calls.push(call);
      const fate = settings.fate?.(call, calls) ?? 'pass';
      if (fate === 'drop') return void request.socket.destroy();
      if (!/^AWS4-HMAC-SHA256 .*\/lambda\/aws4_request/.test(request.headers.authorization ?? ''))
        throw new LambdaRefusal('MissingAuthenticationTokenException', 'Missing Authentication Token', 403);
      if (typeof fate === 'object') {
        if (fate.retryAfterSeconds !== undefined)
          response.setHeader('retry-after', String(fate.retryAfterSeconds));
        throw new LambdaRefusal(fate.code, 'as the test wants it', fate.status);
      }
      if (request.headers['x-amz-invocation-type'] !== 'Event')
        throw new LambdaRefusal('InvalidParameterValueException', 'only Event is known here', 400);
      const tenantId = request.headers['x-amz-tenant-id'];
      const requestId = platform.enqueue(functionName, {
        payload,
        tenantId: typeof tenantId === 'string' ? tenantId : null,
        times: fate === 'twice' ? 2 : 1,
      });
      if (fate === 'lose') return void request.socket.destroy();
      response.writeHead(202, { 'x-amzn-requestid': requestId }).end();
    } catch (error) {
      const refusal =
        error instanceof LambdaRefusal ? error : new LambdaRefusal('ServiceException', String(error), 500);
      response
        .writeHead(refusal.status, {
          'content-type': 'application/json',
          'x-amzn-errortype': refusal.code,
          'x-amzn-requestid': randomUUID(),
        })
        .end(JSON.stringify({ Type: 'User', Message: refusal.message }));
    }
  }

  const server = await listenOnLoopback(handle);
  return {
    endpoint: server.endpoint,
    platform,
    calls,
    async close() {
      platform.close();
      await server.close();
    },
  };
}
