// GitHub's pages of a release of its runner, on the loopback: where the newest leads to, its files, and the checksums
// that the API tells.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ReleasePages {
  url: string;
  close(): Promise<void>;
}

export const releasedVersion = '2.337.0';

/** `digest`: told in the place of the right one; `null`: none is told. */
export async function startReleasePages(digest?: string | null): Promise<ReleasePages> {
  const archive = packRunner();
  const right = `sha256:${createHash('sha256').update(archive).digest('hex')}`;
  const assets = ['x64', 'arm64'].map((architecture) => ({
    name: `actions-runner-linux-${architecture}-${releasedVersion}.tar.gz`,
    digest: digest === undefined ? right : digest,
  }));
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    if (path === '/releases/latest')
      return void response.writeHead(302, { location: `${url}/releases/tag/v${releasedVersion}` }).end();
    if (path === `/api/releases/tags/v${releasedVersion}`)
      return void response.end(JSON.stringify({ assets }));
    const file = path.replace(`/releases/download/v${releasedVersion}/`, '');
    if (assets.some(({ name }) => name === file)) return void response.end(archive);
    response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function packRunner(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'release-'));
  try {
    mkdirSync(join(folder, 'bin'));
    const programs = {
      'run.sh': '#!/bin/sh\n',
      'bin/installdependencies.sh': '#!/bin/sh\ntouch "$(dirname "$0")/../dependencies-installed"\n',
      'bin/Runner.Listener': `#!/bin/sh\necho ${releasedVersion}\n`,
    };
    for (const [name, text] of Object.entries(programs))
      writeFileSync(join(folder, name), text, { mode: 0o755 });
    return execFileSync('tar', ['-czf', '-', '-C', folder, 'run.sh', 'bin']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
