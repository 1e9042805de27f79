import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { startGateway } from './gateway.ts';

/** What stands behind it answers when it is told to. */
async function startBehind() {
  const open: { path: string; answer: ServerResponse }[] = [];
  let tell: () => void = () => {};
  const server = createServer((request, answer) => {
    open.push({ path: request.url ?? '', answer });
    tell();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open,
    async until(holds: () => boolean) {
      while (!holds()) await new Promise<void>((resolve) => (tell = resolve));
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe("The HTTP API's address on this machine", () => {
  it('says 503 until the API is there, then passes on what comes', async () => {
    const behind = await startBehind();
    const gateway = await startGateway(behind.url);
    try {
      assert.equal((await fetch(`${gateway.url}/webhooks/github`)).status, 503);
      gateway.open('a1b2');
      const answering = fetch(`${gateway.url}/webhooks/github`, { method: 'POST', body: 'x' });
      await behind.until(() => behind.open.length === 1);
      assert.equal(behind.open[0]?.path, '/_aws/execute-api/a1b2/$default/webhooks/github');
      behind.open[0]?.answer.writeHead(202, { 'retry-after': '7' }).end('taken');
      const answer = await answering;
      assert.deepEqual(
        [answer.status, answer.headers.get('retry-after'), await answer.text()],
        [202, '7', 'taken'],
      );
    } finally {
      await gateway.stop();
      await behind.stop();
    }
  });

  it('lets four calls through at a time, and takes those out of the line whose callers have gone away', async () => {
    const behind = await startBehind();
    const gateway = await startGateway(behind.url);
    gateway.open('a1b2');
    const post = (name: string, signal?: AbortSignal) =>
      fetch(`${gateway.url}/${name}`, { method: 'POST', ...(signal && { signal }) });
    try {
      const first = [1, 2, 3, 4].map((n) => post(`first${n}`));
      await behind.until(() => behind.open.length === 4);
      const impatient = new AbortController();
      const gone = post('gone', impatient.signal);
      const second = post('second');
      impatient.abort();
      await assert.rejects(gone);
      for (const { answer } of behind.open.slice()) answer.end();
      await Promise.all(first);
      await behind.until(() => behind.open.length === 5);
      assert.match(behind.open[4]?.path ?? '', /second$/);
      behind.open[4]?.answer.end();
      assert.equal((await second).status, 200);
    } finally {
      await gateway.stop();
      await behind.stop();
    }
  });
});
