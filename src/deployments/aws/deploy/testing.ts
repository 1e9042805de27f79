// An AWS of a few lines, for tests of the commands: it answers what a test tells it to, and remembers what it was
// asked. What AWS means by its answers is tried on the emulator.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClients } from './clients.ts';

interface AwsCall {
  /** `GetCallerIdentity`, whatever protocol it came by. */
  operation: string;
  /** A JSON body, or the fields of a form. */
  input: Record<string, unknown>;
}

/** A JSON answer, XML, or an error as the SDK names it. */
export type AwsAnswer = { json: unknown } | { xml: string } | { error: string; message?: string };

export interface StubAws {
  url: string;
  calls: AwsCall[];
  answer: (call: AwsCall) => AwsAnswer;
  close(): Promise<void>;
}

export async function startStubAws(): Promise<StubAws> {
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const call = callOf(request, body);
      stub.calls.push(call);
      const answer = stub.answer(call);
      const isJson = isRest(request) || request.headers['x-amz-target'] !== undefined;
      const [status, text] = textOf(answer, call, isJson);
      response.writeHead(status, {
        'content-type': isJson ? 'application/x-amz-json-1.0' : 'text/xml',
        ...('error' in answer ? { 'x-amzn-query-error': `${answer.error};Sender` } : {}),
      });
      response.end(text);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  const stub: StubAws = {
    url: `http://127.0.0.1:${port}`,
    calls: [],
    answer: () => ({ json: {} }),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return stub;
}

/** Variables under which every command and client meets the stub. */
export function variablesFor(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_REGION: 'eu-central-1',
  };
}

export function clientsFor(url: string) {
  return createClients(variablesFor(url), 'eu-central-1');
}

/** `GetCallerIdentity`'s. */
export const someIdentity: AwsAnswer = {
  xml: '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ada</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>',
};

/** X-Ray's: the path names the operation. Requests of the older protocols all go to the root. */
function isRest({ url = '/' }: IncomingMessage): boolean {
  return url !== '/';
}

function callOf(request: IncomingMessage, body: string): AwsCall {
  if (isRest(request)) return { operation: (request.url ?? '').slice(1), input: JSON.parse(body || '{}') };
  const target = String(request.headers['x-amz-target'] ?? '');
  if (target !== '') return { operation: target.split('.').at(-1) ?? '', input: JSON.parse(body || '{}') };
  const fields = Object.fromEntries(new URLSearchParams(body));
  return { operation: fields['Action'] ?? '', input: fields };
}

function textOf(answer: AwsAnswer, { operation }: AwsCall, isJson: boolean): [status: number, text: string] {
  if ('json' in answer) return [200, JSON.stringify(answer.json)];
  if ('xml' in answer) return [200, answer.xml];
  const { error, message = `${operation} was refused` } = answer;
  if (isJson) return [400, JSON.stringify({ __type: `com.amazonaws#${error}`, message })];
  return [
    403,
    `<ErrorResponse><Error><Type>Sender</Type><Code>${error}</Code><Message>${message}</Message></Error></ErrorResponse>`,
  ];
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
