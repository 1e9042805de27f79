// The way to EKS, against servers that answer as EKS and STS do. That a cluster takes the token is not shown here: no
// account is asked.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { createVirtualClock } from '../../../clock/virtual/index.ts';
import { connectToEks } from './eks.ts';

const startMs = Date.UTC(2026, 10, 25, 12);
const credentials = { accessKeyId: 'AKIAOWN', secretAccessKey: 'secret', sessionToken: 'session' };
const certificate = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';
const role = 'arn:aws:iam::123456789012:role/access';

async function onAws(
  run: (given: { endpoint: string; asked: string[]; answer: { endpoint?: string } }) => Promise<void>,
): Promise<void> {
  const asked: string[] = [];
  const answer: { endpoint?: string } = { endpoint: 'https://abc.gr7.eu-west-1.eks.amazonaws.com' };
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.method === 'POST') {
      response.setHeader('content-type', 'text/xml');
      response.end(
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>' +
          '<AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>of-the-role</SessionToken>' +
          '<Expiration>2026-11-25T13:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>',
      );
      return;
    }
    const certificateAuthority = { data: Buffer.from(certificate).toString('base64') };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ cluster: { ...answer, certificateAuthority, status: 'CREATING' } }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  try {
    await run({ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, answer });
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  }
}

function signedIn(authorization: string | undefined): URL {
  const [, text = ''] = /^Bearer k8s-aws-v1\.([\w-]+)$/.exec(authorization ?? '') ?? [];
  return new URL(Buffer.from(text, 'base64url').toString('utf8'));
}

describe('the way to EKS', () => {
  test('is where the cluster says, with a signed question to STS that is good for this cluster alone', () =>
    onAws(async ({ endpoint, asked }) => {
      const clock = createVirtualClock(startMs);
      const client = { endpoint, region: 'eu-west-1', credentials };
      const connection = connectToEks({ cluster: 'production', clock, client });
      const { server, headers } = await connection.access();
      assert.equal(server, 'https://abc.gr7.eu-west-1.eks.amazonaws.com');
      const url = signedIn(headers['authorization']);
      assert.equal(url.origin, 'https://sts.eu-west-1.amazonaws.com');
      const said = Object.fromEntries(url.searchParams);
      assert.equal(said['Action'], 'GetCallerIdentity');
      assert.equal(said['X-Amz-SignedHeaders'], 'host;x-k8s-aws-id');
      assert.equal(said['X-Amz-Expires'], '60');
      assert.equal(said['X-Amz-Date'], '20261125T120000Z');
      assert.match(said['X-Amz-Credential'] ?? '', /^AKIAOWN\/20261125\/eu-west-1\/sts\/aws4_request$/);
      assert.equal(said['X-Amz-Security-Token'], 'session');
      assert.match(said['X-Amz-Signature'] ?? '', /^[0-9a-f]{64}$/);
      assert.deepEqual(asked, ['GET /clusters/production']);
      connection.close();
    }));

  test('of another cluster, or another time, has another signature', () =>
    onAws(async ({ endpoint }) => {
      const signatureOf = async (cluster: string, at: number) => {
        const clock = createVirtualClock(at);
        const client = { endpoint, region: 'eu-west-1', credentials };
        const connection = connectToEks({ cluster, clock, client });
        const { headers } = await connection.access();
        connection.close();
        return signedIn(headers['authorization']).searchParams.get('X-Amz-Signature');
      };
      const [first, second, third, again] = [
        await signatureOf('one', startMs),
        await signatureOf('two', startMs),
        await signatureOf('one', startMs + 1_000),
        await signatureOf('one', startMs),
      ];
      assert.equal(new Set([first, second, third]).size, 3);
      assert.equal(first, again);
    }));

  test('is asked for once; a token is made anew before it runs out, and where it was not taken', () =>
    onAws(async ({ endpoint, asked }) => {
      const clock = createVirtualClock(startMs);
      const client = { endpoint, region: 'eu-west-1', credentials };
      const connection = connectToEks({ cluster: 'production', clock, client });
      const token = async () => (await connection.access()).headers['authorization'];
      const first = await token();
      await clock.advance(9 * 60_000);
      assert.equal(await token(), first);
      await clock.advance(60_000);
      const second = await token();
      assert.notEqual(second, first);
      connection.forget();
      await clock.advance(1_000);
      assert.notEqual(await token(), second);
      assert.equal(asked.length, 1);
      connection.close();
    }));

  test("may go by a role that the cluster knows, whose credentials sign then, and this process's do not", () =>
    onAws(async ({ endpoint, asked }) => {
      const clock = createVirtualClock(startMs);
      const client = { endpoint, region: 'eu-west-1', credentials };
      const connection = connectToEks({ cluster: 'production', role, clock, client });
      const { headers } = await connection.access();
      const said = signedIn(headers['authorization']).searchParams;
      assert.match(said.get('X-Amz-Credential') ?? '', /^ASIAROLE\//);
      assert.equal(said.get('X-Amz-Security-Token'), 'of-the-role');
      assert.deepEqual(asked.toSorted(), ['GET /clusters/production', 'POST /']);
      connection.close();
    }));

  test('to a cluster that is still being made says so, and is looked for again', () =>
    onAws(async ({ endpoint, answer }) => {
      const clock = createVirtualClock(startMs);
      const client = { endpoint, region: 'eu-west-1', credentials };
      const connection = connectToEks({ cluster: 'production', clock, client });
      const found = answer.endpoint ?? '';
      delete answer.endpoint;
      await assert.rejects(connection.access(), /has no endpoint yet \(CREATING\)/);
      answer.endpoint = found;
      assert.equal((await connection.access()).server, found);
      connection.close();
    }));
});
