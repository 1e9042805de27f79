// The SDK's connection to DynamoDB, seen and bent by a test: each request is noted, then answered as the test says, or
// passed on. It stands below the SDK's retries, so each try is a request.

import { Readable } from 'node:stream';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';

export interface WireCall {
  /** `PutItem`, `TransactWriteItems` … */
  operation: string;
  request: unknown;
}

/** What lies in a request at the end of the path. */
export function partOf(call: WireCall | null | undefined, ...path: (string | number)[]): unknown {
  let part = call?.request;
  for (const step of path) part = (part as Record<string | number, unknown> | undefined)?.[step];
  return part;
}

/**
 * What becomes of a request. `lose`: it is passed on, and the answer is lost. `drop`: it does not arrive.
 * An error has DynamoDB's name for it, and what comes with it.
 */
export type WireAnswer = 'pass' | 'lose' | 'drop' | { error: string; with?: object } | { body: object };

type Handler = DynamoDBClient['config']['requestHandler'];

export interface Wire {
  calls: WireCall[];
  /** How many requests of each kind since the last time that it was asked. */
  counts(): Record<string, number>;
  config: Pick<DynamoDBClientConfig, 'requestHandler'>;
}

export function createWire(
  config: DynamoDBClientConfig,
  answer: (call: WireCall, calls: readonly WireCall[]) => WireAnswer = () => 'pass',
): Wire {
  const real = new DynamoDBClient(config).config.requestHandler;
  const calls: WireCall[] = [];
  let counted = 0;

  const requestHandler: Handler = {
    ...real,
    async handle(request, options) {
      const call: WireCall = {
        operation: request.headers['x-amz-target']?.split('.')[1] ?? '',
        request: JSON.parse(new TextDecoder().decode(request.body)),
      };
      calls.push(call);
      const answered = answer(call, calls);
      if (answered === 'drop') throw connectionReset();
      if (answered === 'pass') return real.handle(request, options);
      if (answered === 'lose') {
        await real.handle(request, options);
        throw connectionReset();
      }
      return { response: responseOf(answered) as Awaited<ReturnType<Handler['handle']>>['response'] };
    },
    destroy: () => real.destroy?.(),
    updateHttpClientConfig: () => {},
    httpHandlerConfigs: () => ({}),
  };

  return {
    calls,
    counts() {
      const counts: Record<string, number> = {};
      for (const { operation } of calls.slice(counted)) counts[operation] = (counts[operation] ?? 0) + 1;
      counted = calls.length;
      return counts;
    },
    config: { requestHandler },
  };
}

function responseOf(answered: { error: string; with?: object } | { body: object }) {
  const body =
    'error' in answered
      ? { __type: `com.amazonaws.dynamodb.v20120810#${answered.error}`, ...answered.with }
      : answered.body;
  return {
    statusCode: 'error' in answered ? 400 : 200,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: Readable.from([Buffer.from(JSON.stringify(body))]),
  };
}

function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', name: 'TimeoutError' });
}
