import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { SignatureV4 } from '@smithy/signature-v4';
import { startOtlpReceiver } from '../../../../scripts/otlp-receiver.ts';
import type { Span } from '../../../core/spans.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createDelivery, type Delivered, type DeliverySettings } from './delivery.ts';
import { Sha256, signedForXRay } from './signed.ts';

const span: Span = {
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  parentId: null,
  name: 'ci / test',
  kind: 'server',
  startMs: 1_767_225_600_123,
  endMs: 1_767_225_601_456,
  error: 'failure',
  attributes: { 'cicd.pipeline.task.run.result': 'failure', 'runners.attempt': 2 },
  links: [{ traceId: 'ef'.repeat(16), spanId: '12'.repeat(8) }],
};

interface Received {
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** A back end that answers as it is told to. */
async function withBackEnd(
  answer: (response: ServerResponse) => void,
  work: (url: string, received: readonly Received[]) => Promise<void>,
): Promise<void> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({ headers: request.headers, body: Buffer.concat(chunks) });
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, received);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const plain: Omit<DeliverySettings, 'url'> = {
  resource: { 'service.name': 'runners' },
  headersOf: async ({ headers }) => ({ 'x-api-key': 'k', ...headers }),
  timeoutMs: 5_000,
};

async function answered(answer: (response: ServerResponse) => void, timeoutMs = 5_000): Promise<Delivered> {
  let told: Delivered | null = null;
  await withBackEnd(answer, async (url) => {
    told = await createDelivery({ ...plain, url, timeoutMs })([span]);
  });
  assert.ok(told);
  return told;
}

/** ExportTraceServiceResponse with a partial_success, as protobuf writes it. */
function partialSuccess(rejected: number, why: string): Buffer {
  const message = Buffer.from(why);
  const inner = Buffer.concat([Buffer.from([0x08, rejected, 0x12, message.length]), message]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
}

describe('a delivery of spans', () => {
  it("is what OpenTelemetry's own schema reads, whole", async () => {
    const receiver = await startOtlpReceiver();
    try {
      const deliver = createDelivery({ ...plain, url: `${receiver.endpoint}/v1/traces` });
      assert.deepEqual(await deliver([span]), { outcome: 'taken' });
      const [read] = await receiver.spans();
      assert.deepEqual(
        { ...read, resource: null },
        {
          resource: null,
          traceId: span.traceId,
          spanId: span.spanId,
          parentId: '',
          name: span.name,
          kind: 2,
          startNs: '1767225600123000000',
          endNs: '1767225601456000000',
          status: 2,
          message: 'failure',
          attributes: { ...span.attributes, 'error.type': 'failure' },
          links: span.links,
        },
      );
    } finally {
      await receiver.stop();
    }
  });

  it('tells of spans that were not taken though the answer is 200', async () => {
    const told = await answered((response) => response.end(partialSuccess(3, 'too old')));
    assert.deepEqual(told, { outcome: 'partly', rejected: 3, why: 'too old' });
  });

  it('is taken by whoever answers 200 and nothing that can be read', async () => {
    assert.deepEqual(await answered((response) => response.end('<html>')), { outcome: 'taken' });
    assert.deepEqual(await answered((response) => response.end()), { outcome: 'taken' });
  });

  it('may be tried again where the protocol says so, and when it says', async () => {
    for (const status of [429, 502, 503, 504]) {
      const told = await answered((response) =>
        response.writeHead(status, { 'retry-after': '7' }).end('busy'),
      );
      assert.deepEqual(told, { outcome: 'later', why: `it answered ${status}`, afterMs: 7_000 });
    }
  });

  it('is final where it is refused, and is not carried elsewhere', async () => {
    for (const status of [400, 401, 403, 404, 500]) {
      const told = await answered((response) => response.writeHead(status).end());
      assert.deepEqual(told, { outcome: 'refused', why: `it answered ${status}` });
    }
    const moved = await answered((response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    );
    assert.deepEqual(moved, { outcome: 'refused', why: 'it answered 302' });
  });

  it('may be tried again where nobody answers, or not in time', async () => {
    const silent = await answered(() => {}, 50);
    assert.equal(silent.outcome, 'later');
    const nobody = await createDelivery({ ...plain, url: 'http://127.0.0.1:1/v1/traces' })([span]);
    assert.equal(nobody.outcome, 'later');
  });

  it('has the headers that it is given, and its body is gzipped', async () => {
    await withBackEnd(
      (response) => response.end(),
      async (url, received) => {
        await createDelivery({ ...plain, url })([span]);
        const [first] = received;
        assert.equal(first?.headers['x-api-key'], 'k');
        assert.equal(first?.headers['content-type'], 'application/x-protobuf');
        assert.equal(first?.headers['content-encoding'], 'gzip');
        assert.ok(gunzipSync(first?.body ?? Buffer.alloc(0)).includes('ci / test'));
      },
    );
  });
});

describe('a delivery to X-Ray', () => {
  const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret', sessionToken: 'a session' };
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));

  it('is signed with what is really sent, for the service and the region', async () => {
    const headersOf = signedForXRay({ region: 'eu-west-1', credentials: async () => credentials, clock });
    await withBackEnd(
      (response) => response.end(),
      async (url, received) => {
        await createDelivery({ ...plain, headersOf, url })([span]);
        const [first] = received;
        assert.ok(first);
        const authorization = String(first.headers.authorization);
        assert.match(authorization, /Credential=AKIDEXAMPLE\/20260101\/eu-west-1\/xray\/aws4_request/);
        assert.equal(first.headers['x-amz-security-token'], 'a session');
        assert.equal(JSON.stringify(first.headers).includes('a secret'), false);
        // What came is signed once more, by the names that it says it has signed: only then is it the same.
        const names = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? [];
        for (const name of ['host', 'content-type', 'x-amz-date', 'x-amz-content-sha256'])
          assert.ok(names.includes(name), name);
        const came = names.map((name): [string, string] => [name, String(first.headers[name])]);
        const signer = new SignatureV4({ service: 'xray', region: 'eu-west-1', credentials, sha256: Sha256 });
        const { hostname, pathname } = new URL(url);
        const again = await signer.sign(
          {
            method: 'POST',
            protocol: 'http:',
            hostname,
            path: pathname,
            headers: Object.fromEntries(came.filter(([name]) => !name.startsWith('x-amz-'))),
            body: first.body,
          },
          { signingDate: new Date(clock.now()) },
        );
        assert.equal(again.headers['authorization'], authorization);
      },
    );
  });

  it('is not sent without credentials, which is a fault', async () => {
    const headersOf = signedForXRay({
      region: 'eu-west-1',
      credentials: () => Promise.reject(new Error('no role')),
      clock,
    });
    await assert.rejects(
      createDelivery({ ...plain, headersOf, url: 'http://127.0.0.1:1/' })([span]),
      /no role/,
    );
  });
});
