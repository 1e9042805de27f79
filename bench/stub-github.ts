// A GitHub that answers at once, and remembers what it was asked: for load, where the simulated one would be what is
// measured. The load tells it what a registration leads to.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface StubGitHub {
  readonly url: string;
  /** By method and the kind of route. */
  readonly requests: Map<string, number>;
  close(): Promise<void>;
}

export async function startStubGitHub(
  onMint: (runner: { id: number; name: string }) => void,
  /** What it knows of a job that it is asked about. */
  jobOf: (id: number) => object | null = () => null,
): Promise<StubGitHub> {
  const requests = new Map<string, number>();
  let runners = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      const kind = `${request.method} ${path.replace(/\d+/g, '#').replace(/\/orgs\/[^/]+|\/repos\/[^/]+\/[^/]+/, '')}`;
      requests.set(kind, (requests.get(kind) ?? 0) + 1);
      if (path.endsWith('/access_tokens')) {
        return answer(response, 201, {
          token: 'ghs_bench',
          expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        });
      }
      if (path.endsWith('/generate-jitconfig')) {
        const { name, labels = [] } = JSON.parse(Buffer.concat(chunks).toString()) as {
          name: string;
          labels: string[];
        };
        runners += 1;
        const runner = {
          id: runners,
          name,
          os: 'unknown',
          status: 'offline',
          busy: false,
          labels: labels.map((label) => ({ name: label })),
        };
        answer(response, 201, { runner, encoded_jit_config: configuration });
        return onMint({ id: runners, name });
      }
      const asked = /\/actions\/jobs\/(\d+)$/.exec(path)?.[1];
      if (asked !== undefined) {
        const job = jobOf(Number(asked));
        return answer(response, job === null ? 404 : 200, job ?? { message: 'Not Found' });
      }
      if (path.endsWith('/runners')) return answer(response, 200, { total_count: 0, runners: [] });
      if (path.endsWith('/runner-groups')) {
        return answer(response, 200, {
          total_count: 1,
          runner_groups: [{ id: 1, name: 'Default', default: true }],
        });
      }
      if (path.endsWith('/runs')) return answer(response, 200, { total_count: 0, workflow_runs: [] });
      if (path.endsWith('/repositories')) return answer(response, 200, { total_count: 0, repositories: [] });
      return answer(response, 200, []);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** As long as GitHub's. */
const configuration = Buffer.alloc(3_200, 'x').toString('base64');

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-ratelimit-limit': '5000',
    'x-ratelimit-remaining': '4999',
  });
  response.end(JSON.stringify(body));
}
