#!/usr/bin/env node
// The simulated GitHub as a program: `node main.ts --port 4000 --webhook-url http://127.0.0.1:3000/webhooks/github`.
// `--help` lists what it takes. Everything comes by flags or files, nothing from the environment.

import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Clock } from '../../../ports/clock.ts';
import { startSimulatedGitHub } from './server.ts';

const help = `A stand-in for GitHub. It keeps nothing: when it ends, all is forgotten.

  --port 4000                 0 takes a free one
  --host 127.0.0.1
  --app-id 1
  --key-file FILE             the App's private key is made and written here, readable by its owner alone
  --public-key-file FILE      or: the public key that the App's signatures are checked against
  --webhook-url URL           where webhooks go
  --webhook-secret-file FILE  what they are signed with
  --organisation acme         with the App installed; may be given several times
  --repository acme/app       may be given several times; acme/site:public is a public one
  --latency-ms 80             how long each answer takes
`;

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4000' },
    host: { type: 'string', default: '127.0.0.1' },
    'app-id': { type: 'string', default: '1' },
    'key-file': { type: 'string' },
    'public-key-file': { type: 'string' },
    'webhook-url': { type: 'string' },
    'webhook-secret-file': { type: 'string' },
    organisation: { type: 'string', multiple: true, default: ['acme'] },
    repository: { type: 'string', multiple: true, default: ['acme/app'] },
    'latency-ms': { type: 'string', default: '80' },
    help: { type: 'boolean', default: false },
  },
});

async function start(): Promise<void> {
  const secretFile = values['webhook-secret-file'];
  const server = await startSimulatedGitHub({
    clock: processClock,
    random: Math.random,
    publicKey: publicKey(),
    app: {
      id: wholeNumber('app-id'),
      ...(secretFile && { webhookSecret: readFileSync(secretFile, 'utf8').trim() }),
    },
    port: wholeNumber('port'),
    host: values.host,
    latencyMs: wholeNumber('latency-ms'),
    ...(values['webhook-url'] && { webhookUrl: values['webhook-url'] }),
    setUp(world) {
      for (const login of values.organisation) world.addOrganisation(login);
      for (const name of values.repository) {
        const [fullName = '', kind] = name.split(':');
        world.addRepository(fullName, { isPublic: kind === 'public' });
      }
      for (const login of values.organisation) world.install(login);
    },
  });
  process.stdout.write(`Simulated GitHub (a stand-in) at ${server.url}\n`);
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => void server.close());
}

function publicKey(): string {
  if (values['public-key-file']) return readFileSync(values['public-key-file'], 'utf8');
  const made = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const file = values['key-file'];
  if (!file)
    throw new Error('nobody could sign in: give --key-file, or --public-key-file of a key that is there');
  // The mode counts only where the file is made.
  rmSync(file, { force: true });
  writeFileSync(file, made.privateKey, { mode: 0o600 });
  return made.publicKey;
}

function wholeNumber(name: 'port' | 'app-id' | 'latency-ms'): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new Error(`--${name} is "${values[name]}": give a whole number, 0 or more`);
}

/** Above this many ms `setTimeout` fires at once. */
const timeoutMsMax = 2 ** 31 - 1;

/** This program stands alone, so it brings its own clock; everything else is handed one. */
const processClock: Clock = {
  now: () => Date.now(),
  after(delayMs, task) {
    let timer = arm(delayMs);
    return () => clearTimeout(timer);

    function arm(leftMs: number): NodeJS.Timeout {
      const partMs = Math.min(leftMs, timeoutMsMax);
      return setTimeout(() => {
        if (partMs < leftMs) timer = arm(leftMs - partMs);
        else task();
      }, partMs);
    }
  },
  sleep: (delayMs) => new Promise((wake) => setTimeout(wake, delayMs)),
};

if (values.help) process.stdout.write(help);
else await start();
