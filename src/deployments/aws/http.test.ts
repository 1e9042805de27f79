import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Answer } from '../../flow/producer/answer.ts';
import { type HttpRequest, httpDoor, parseJson } from './http.ts';

const routeKey = 'POST /runners/claim';

function world(answer: Answer = { status: 202, body: { message: 'noted' } }) {
  const seen: HttpRequest[] = [];
  const door = httpDoor({ routeKey, bytesMax: 16 }, async (request) => {
    seen.push(request);
    return answer;
  });
  return { seen, door };
}

/** As API Gateway sends it, with more than is used. */
function event(change: Record<string, unknown> = {}) {
  return {
    version: '2.0',
    routeKey,
    rawPath: '/runners/claim',
    rawQueryString: '',
    headers: { 'Content-Type': 'application/json', 'X-GitHub-Event': 'workflow_job' },
    requestContext: {
      accountId: '123456789012',
      http: {
        method: 'POST',
        path: '/runners/claim',
        sourceIp: '192.30.252.1',
        userAgent: 'GitHub-Hookshot',
      },
    },
    body: '{"a":1}',
    isBase64Encoded: false,
    ...change,
  };
}

describe('a request of the HTTP API', () => {
  it('has its body as the bytes that were sent, its headers by names in lower case, and its address', async () => {
    const { seen, door } = world();
    await door(event());
    await door(event({ body: Buffer.from([0xff, 0x00, 0xc3]).toString('base64'), isBase64Encoded: true }));
    await door(event({ body: 'ü€' }));
    assert.equal(seen[0]?.headers.get('x-github-event'), 'workflow_job');
    assert.equal(seen[0]?.sourceAddress, '192.30.252.1');
    assert.deepEqual(
      seen.map(({ body }) => [...body]),
      [[...Buffer.from('{"a":1}')], [0xff, 0x00, 0xc3], [...Buffer.from('ü€', 'utf8')]],
    );
  });

  it('without a body or headers is one with none', async () => {
    const { seen, door } = world();
    await door(event({ body: undefined, headers: undefined }));
    assert.equal(seen[0]?.body.byteLength, 0);
    assert.equal(seen[0]?.headers.size, 0);
  });

  it('is bounded by its bytes, not by its characters', async () => {
    const { seen, door } = world();
    assert.equal((await door(event({ body: 'x'.repeat(16) }))).statusCode, 202);
    assert.equal((await door(event({ body: 'x'.repeat(17) }))).statusCode, 413);
    assert.equal((await door(event({ body: '€'.repeat(6) }))).statusCode, 413);
    const long = Buffer.alloc(17).toString('base64');
    assert.equal((await door(event({ body: long, isBase64Encoded: true }))).statusCode, 413);
    assert.equal(seen.length, 1);
  });

  it('of another route is for nobody here', async () => {
    const { seen, door } = world();
    for (const other of ['GET /runners/claim', 'POST /runners/milestones', '$default'])
      assert.equal((await door(event({ routeKey: other }))).statusCode, 404);
    assert.equal(seen.length, 0);
  });

  it('is answered in JSON, with the time to come back', async () => {
    const { door } = world({ status: 429, body: { message: 'later' }, retryAfterSeconds: 7 });
    assert.deepEqual(await door(event()), {
      statusCode: 429,
      headers: { 'content-type': 'application/json', 'retry-after': '7' },
      body: '{"message":"later"}',
    });
  });

  it('that is no event of an HTTP API is an error', async () => {
    for (const other of [{}, null, event({ version: '1.0' }), { Records: [] }])
      await assert.rejects(world().door(other));
  });
});

it('a body that is not JSON is nothing', () => {
  assert.deepEqual(parseJson(Buffer.from('{"a":1}')), { a: 1 });
  assert.equal(parseJson(Buffer.from('{"a":')), undefined);
});
