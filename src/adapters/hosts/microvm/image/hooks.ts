// The program of a MicroVM's image. It answers the hooks of Lambda, and is in the snapshot that every machine begins as:
// so it makes nothing that has to differ between machines. What is random or secret (a connection by TLS is both) is in
// a program of its own, which is started when a machine runs. [Lambda: MicroVM best practices]
//
//   /ready, /validate   while the image is built: it answers
//   /run                a machine begins: its payload starts the work. A second one is refused
//   /resume             a spare goes on: it claims at once, and does not wait for its next time
//
// A hook that is not answered with 200 ends its machine. So a machine without a good payload, which nobody launched to be
// a runner, is no more in a moment. When the work ends, so does this program.

import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { argv, execPath, exit } from 'node:process';
import { readHookBody } from './payload.ts';
import { placesFrom } from './places.ts';

/** A payload of 4,096 characters, escaped once more. */
const bodyBytesMax = 32_768;
const hooks = '/aws/lambda-microvms/runtime/v1';

const [, , argument] = argv;
const places = placesFrom(argument);
let work: ChildProcess | null = null;

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(String(error));
    respond(response, 500);
  });
});
server.listen(places.port, '0.0.0.0', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`hooks are answered on port ${port}`);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') return respond(response, 405);
  const body = await bodyOf(request);
  switch (request.url) {
    case `${hooks}/ready`:
    case `${hooks}/validate`:
      return respond(response, 200);
    case `${hooks}/run`:
      return respond(response, body === null ? 413 : run(body));
    case `${hooks}/resume`:
      work?.stdin?.write('resume\n');
      return respond(response, 200);
    default:
      return respond(response, 404);
  }
}

/** The platform waits for a minute at most, so it is answered when the work has begun. */
function run(body: string): number {
  const payload = readHookBody(body);
  if (!payload) {
    console.error('the payload of this machine is not of this system: it is refused, and ended');
    return 400;
  }
  if (work) return 409;
  const args = [places.work, ...(argument === undefined ? [] : [argument])];
  // By its standard input: a token is not to be seen in a list of processes.
  work = spawn(execPath, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  work.stdin?.on('error', () => {});
  work.stdin?.write(`${JSON.stringify(payload)}\n`);
  work.once('error', (error) => {
    console.error(`the work could not be started: ${error.message}`);
    exit(1);
  });
  work.once('exit', (code) => exit(code ?? 1));
  return 200;
}

/** `null`: it is larger than any that is meant. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function respond(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}
