import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { newestRunner } from './newest-runner.ts';

describe("the newest version of GitHub's runner", () => {
  async function asked(location: string | null): Promise<string> {
    const server = createServer((request, response) => {
      assert.equal(request.method, 'HEAD');
      if (location === null) response.writeHead(503).end();
      else response.writeHead(302, { location }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      return await newestRunner(fetch, `http://127.0.0.1:${port}/actions/runner/releases`);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  test('is where the page of the latest release leads to', async () => {
    assert.equal(await asked('https://github.com/actions/runner/releases/tag/v2.337.1'), '2.337.1');
  });

  test('is not made up where that leads elsewhere', async () => {
    for (const location of [
      null,
      'https://github.com/login',
      'https://github.com/a/releases/tag/v2.337.1-$(x)',
    ])
      await assert.rejects(asked(location), /leads to no release.*Remedy/);
  });
});
