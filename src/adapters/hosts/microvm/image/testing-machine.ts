// A machine for the image's programs: they run for real, against a claim door on the loopback, in a folder of their own.
// The hooks are called as Lambda calls them.

import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Places } from './places.ts';

export interface DoorAnswer {
  status: number;
  body?: object;
  retryAfterSeconds?: number;
}

export interface ImageMachine {
  folder: string;
  /** Of its door. */
  claimUrl: string;
  claims: { runner: string; token: string }[];
  /** Calls a hook: its status. */
  hook(name: string, body?: object): Promise<number>;
  /** As Lambda hands it over. */
  run(): Promise<number>;
  milestones(): string[];
  /** The end of its programs. */
  ended: Promise<number | null>;
  output(): string;
  close(): Promise<void>;
}

export const told = {
  runner: 'own1-vm-build-00000000000000000000000001',
  token: 'the-token.of-this-machine',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

export async function makeImageMachine(given: {
  claim: (times: number) => DoorAnswer;
  /** What stands for GitHub's runner: `run.sh`. */
  runner: string;
  /** How its programs are started; by default from their source, with this Node. */
  start?: (argument: string) => ChildProcess;
  places?: Partial<Places>;
}): Promise<ImageMachine> {
  const folder = mkdtempSync(join(tmpdir(), 'microvm-'));
  const runnerFolder = join(folder, 'actions-runner');
  mkdirSync(runnerFolder);
  writeFileSync(join(runnerFolder, 'run.sh'), given.runner);
  chmodSync(join(runnerFolder, 'run.sh'), 0o755);
  const claims: ImageMachine['claims'] = [];
  const notes: string[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, string>;
    if (request.url === '/runners/milestones') {
      notes.push(String(body['milestone']));
      return void response.writeHead(202).end('{}');
    }
    claims.push({ runner: String(body['runner']), token: String(body['token']) });
    const { status, body: said = {}, retryAfterSeconds } = given.claim(claims.length);
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
    });
    response.end(JSON.stringify(said));
  }

  const door = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy());
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const claimUrl = `http://127.0.0.1:${(door.address() as AddressInfo).port}/runners/claim`;
  const places: Partial<Places> = {
    port: 0,
    work: join(import.meta.dirname, 'work.ts'),
    runnerFolder,
    user: userInfo().username,
    dockerd: null,
    pauseSeconds: 0.05,
    ...given.places,
  };
  const argument = JSON.stringify(places);
  const start =
    given.start ??
    ((text) => spawn(process.execPath, [join(import.meta.dirname, 'hooks.ts'), text], { detached: true }));
  const child = start(argument);
  let output = '';
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
  });
  const port = await new Promise<number>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk;
      const [, found] = /answered on port (\d+)/.exec(output) ?? [];
      if (found !== undefined) resolve(Number(found));
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('close', () => reject(new Error(`the hooks are not answered: ${output}`)));
  });

  async function hook(name: string, body: object = {}): Promise<number> {
    const { status } = await fetch(`http://127.0.0.1:${port}/aws/lambda-microvms/runtime/v1/${name}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return status;
  }

  return {
    folder,
    claimUrl,
    claims,
    hook,
    run: () => hook('run', { microvmId: 'microvm-1', runHookPayload: JSON.stringify({ ...told, claimUrl }) }),
    milestones: () => notes,
    ended,
    output: () => output,
    async close() {
      end(child, given.start === undefined);
      door.closeAllConnections();
      await new Promise((resolve) => door.close(resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** With all that it has started, where it leads a group of its own. */
function end(child: ChildProcess, isGroup: boolean): void {
  if (!isGroup || child.pid === undefined) {
    child.kill('SIGKILL');
    return;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended before.
  }
}
