import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, describe, test } from 'node:test';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import { webhookBytesMax } from '../../flow/producer/webhook.ts';
import { type EmbeddedServer, type ServerDeps, startServer } from './server.ts';

describe('the doors over HTTP', () => {
  const open: EmbeddedServer[] = [];
  after(() => Promise.all(open.map((server) => server.close())));

  test('a webhook reaches its door with its raw body and headers, and the answer comes back', async () => {
    const seen: unknown[] = [];
    const { url } = await start({
      webhook: async ({ body, ...request }) => {
        seen.push({ ...request, body: Buffer.from(body).toString('utf8') });
        return { status: 202, body: { message: 'accepted' } };
      },
    });
    const answer = await fetch(`${url}/webhooks/github`, {
      method: 'POST',
      body: '{"ü": 1}\n',
      headers: { 'x-hub-signature-256': 'sha256=0', 'x-github-event': 'ping', 'x-github-delivery': 'd1' },
    });
    assert.equal(answer.status, 202);
    assert.deepEqual(await answer.json(), { message: 'accepted' });
    assert.deepEqual(seen, [{ signature: 'sha256=0', event: 'ping', delivery: 'd1', body: '{"ü": 1}\n' }]);
  });

  test('a body of any size up to the bound arrives whole', async () => {
    const sizes: number[] = [];
    const { url } = await start({
      webhook: async ({ body }) => {
        sizes.push(body.byteLength);
        return { status: 202, body: {} };
      },
    });
    for (const size of [0, 1, 65_536, 1_000_000]) {
      const body = Buffer.alloc(size, 'x');
      assert.equal((await fetch(`${url}/webhooks/github`, { method: 'POST', body })).status, 202);
    }
    assert.deepEqual(sizes, [0, 1, 65_536, 1_000_000]);
  });

  test('a body that says it is too large is refused before it is read', async () => {
    const { url } = await start({});
    const answer = await statusOf(url, { 'content-length': String(webhookBytesMax + 1) }, () => {});
    assert.equal(answer, 413);
  });

  test('a body that turns out too large is refused as soon as it is', async () => {
    const { url } = await start({});
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    const answer = await statusOf(url, { 'transfer-encoding': 'chunked' }, (send) => {
      for (let sent = 0; sent <= webhookBytesMax; sent += chunk.length) send(chunk);
    });
    assert.equal(answer, 413);
  });

  test('large bodies that come at once do not fill the memory, and keep no usual one away', async () => {
    const { url } = await start({ webhook: async () => ({ status: 202, body: {} }) });
    const post = (body: Uint8Array) => fetch(`${url}/webhooks/github`, { method: 'POST', body });
    const most = Buffer.alloc(webhookBytesMax - 1, 'x');
    // Each lacks its last byte, so that it stays.
    const stalled = Array.from({ length: 5 }, () =>
      request(`${url}/webhooks/github`, { method: 'POST', headers: { 'content-length': webhookBytesMax } }),
    );
    const refused = Promise.withResolvers<number | undefined>();
    for (const each of stalled) {
      each.on('response', ({ statusCode }) => refused.resolve(statusCode));
      each.on('error', () => {});
      each.write(most);
    }
    assert.equal(await refused.promise, 503);
    assert.equal((await post(Buffer.alloc(20_000, 'x'))).status, 202);
    for (const each of stalled) each.destroy();
    // A refused one may break off while it is sent.
    const status = () =>
      post(most).then(
        (answer) => answer.status,
        () => 503,
      );
    while ((await status()) === 503);
  });

  test('a machine may say little: 16 KB', async () => {
    const bodies: unknown[] = [];
    const { url } = await start({
      claim: async (body) => {
        bodies.push(body);
        return { status: 429, body: { message: 'later' }, retryAfterSeconds: 7 };
      },
    });
    const post = (body: string) => fetch(`${url}/runners/claim`, { method: 'POST', body });
    assert.equal((await post('x'.repeat(16 * 1024 + 1))).status, 413);
    const answer = await post('{"runner":"r"}');
    assert.equal(answer.status, 429);
    assert.equal(answer.headers.get('retry-after'), '7');
    await post('no json');
    assert.deepEqual(bodies, [{ runner: 'r' }, undefined]);
  });

  test('there is nothing else', async () => {
    const { url } = await start({});
    for (const [method, path] of [
      ['GET', '/'],
      ['POST', '/healthz'],
      ['POST', '/webhooks/github/..%2f..'],
      ['DELETE', '/metrics'],
    ] as const) {
      assert.equal((await fetch(`${url}${path}`, { method })).status, 404, `${method} ${path}`);
    }
    // Whoever opens an address in a browser, to see whether it is the right one.
    for (const path of ['/webhooks/github', '/runners/claim', '/runners/milestones']) {
      const answer = await fetch(`${url}${path}`);
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'POST'], path);
    }
  });

  test('what goes wrong behind a door is logged, and not told', async () => {
    const { url, recorder } = await start({
      webhook: async () => {
        throw new Error('the disk /secret/place is full');
      },
    });
    const answer = await fetch(`${url}/webhooks/github`, { method: 'POST', body: '{}' });
    assert.equal(answer.status, 500);
    const text = await answer.text();
    assert.doesNotMatch(text, /secret|at /);
    assert.match(String(recorder.logs()[0]?.fields['error']), /the disk/);
  });

  test('health and metrics answer, and health says where something is wrong', async () => {
    let isWell = true;
    const { url, server } = await start({}, async () => {
      if (!isWell) throw new Error('no table');
    });
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    const metrics = await fetch(`${url}/metrics`);
    assert.match(metrics.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    assert.equal(await metrics.text(), 'runs_total 1\n');
    isWell = false;
    assert.equal((await fetch(`${url}/healthz`)).status, 500);
    server.stopTaking();
    for (const path of ['/webhooks/github', '/runners/claim', '/runners/milestones']) {
      assert.equal((await fetch(`${url}${path}`, { method: 'POST', body: '{}' })).status, 503, path);
    }
    assert.equal((await fetch(`${url}/healthz`)).status, 503);
    assert.equal((await fetch(`${url}/metrics`)).status, 200);
  });

  test('a client that breaks off in its body disturbs nobody', async () => {
    let calls = 0;
    const { url, recorder } = await start({
      webhook: async () => {
        calls += 1;
        return { status: 202, body: {} };
      },
    });
    await new Promise<void>((resolve) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => {
        socket.write(
          'POST /webhooks/github HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"half":',
          () => {
            socket.destroy();
            resolve();
          },
        );
      });
    });
    assert.equal((await fetch(`${url}/webhooks/github`, { method: 'POST', body: '{}' })).status, 202);
    assert.equal(calls, 1);
    assert.deepEqual(recorder.logs(), []);
  });

  test('a close waits for an answer under way, and for nothing after it', async () => {
    const gate = Promise.withResolvers<void>();
    const called = Promise.withResolvers<void>();
    const { url, server } = await start({
      webhook: async () => {
        called.resolve();
        await gate.promise;
        return { status: 202, body: {} };
      },
    });
    const answer = fetch(`${url}/webhooks/github`, { method: 'POST', body: '{}' });
    await called.promise;
    const closing = server.close();
    gate.resolve();
    const startedAt = performance.now();
    assert.equal((await answer).status, 202);
    await closing;
    assert.ok(performance.now() - startedAt < 4_000, 'the connection was kept though nothing was under way');
  });

  test('a port that is in use is told with what to do', async () => {
    const { url } = await start({});
    const port = Number(new URL(url).port);
    await assert.rejects(
      startServer(depsOf({}), { host: '127.0.0.1', port }),
      /port \d+ is in use .* set PORT/,
    );
    await assert.rejects(startServer(depsOf({}), { host: '192.0.2.1', port: 0 }), /HOST is 192\.0\.2\.1/);
  });

  async function start(doors: Partial<ServerDeps['doors']>, health?: ServerDeps['health']) {
    const recorder = createRecorder();
    const deps = { ...depsOf(doors, health), telemetry: recorder };
    const server = await startServer(deps, { host: '127.0.0.1', port: 0 });
    open.push(server);
    return { url: server.url, server, recorder };
  }

  function depsOf(doors: Partial<ServerDeps['doors']>, health = async () => {}): ServerDeps {
    const accepted = async () => ({ status: 202, body: {} });
    return {
      doors: { webhook: accepted, claim: accepted, milestone: accepted, ...doors },
      telemetry: createRecorder(),
      health,
      metrics: async () => 'runs_total 1\n',
    };
  }

  function statusOf(
    url: string,
    headers: Record<string, string>,
    write: (send: (chunk: Buffer) => void) => void,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${url}/webhooks/github`, { method: 'POST', headers }, (response) => {
        resolve(response.statusCode ?? 0);
        outgoing.destroy();
      });
      // What was written after the answer may break: the answer is what counts.
      outgoing.on('error', reject);
      outgoing.flushHeaders();
      write((chunk) => outgoing.write(chunk));
    });
  }
});
