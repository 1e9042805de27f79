// The scripts of Linux run for real, with a server that answers as the claim's door does; those of Windows are read.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSystemClock } from '../../clock/system/index.ts';
import { hooksProgram } from './hooks.ts';
import { claimScript, paths, runScript, windowsClaimScript, windowsRunScript } from './scripts.ts';

const clock = createSystemClock();
const jitConfig = 'eyJqaXQiOiJjb25maWcrLz0ifQ==';
const token = 'the-token.of-a-test';

interface Asked {
  path: string;
  body: { runner: string; token: string; key?: string; milestone?: string };
}
type Answer = { status: number; retryAfter?: string; body?: unknown };

/** A pod with its two volumes in a folder of this machine. */
async function inPod(
  answers: readonly Answer[],
  run: (pod: {
    memory: string;
    secret: string;
    asked: Asked[];
    claims(): Asked[];
    start(script: string, environment?: Record<string, string>): ChildProcess;
    url: string;
  }) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pod-'));
  const [memory, secret] = [join(folder, 'memory'), join(folder, 'secret')];
  for (const made of [memory, secret]) mkdirSync(made);
  const asked: Asked[] = [];
  const children: ChildProcess[] = [];
  const claims = () => asked.filter(({ path }) => path === '/runners/claim');
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    asked.push({ path: request.url ?? '', body: JSON.parse(text) });
    const answer =
      request.url === '/runners/claim' ? (answers[claims().length - 1] ?? answers.at(-1)) : { status: 202 };
    if (answer?.retryAfter) response.setHeader('Retry-After', answer.retryAfter);
    response.writeHead(answer?.status ?? 500).end(JSON.stringify(answer?.body ?? {}));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/runners/claim`;
  try {
    await run({
      memory,
      secret,
      asked,
      claims,
      url,
      start(script, environment = {}) {
        const here = script.replaceAll(paths.linux.secret, secret).replaceAll(paths.linux.memory, memory);
        const child = spawn('/bin/sh', ['-c', here], {
          env: { PATH: process.env['PATH'], RUNNER_NAME: 'own1-here-small-x', ...environment },
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        children.push(child);
        return child;
      },
    });
  } finally {
    for (const child of children) child.kill('SIGKILL');
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
    rmSync(folder, { recursive: true, force: true });
  }
}

const endOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => void child.once('exit', resolve));

async function until(says: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000; i += 1) {
    if (condition()) return;
    await clock.sleep(10);
  }
  assert.fail(`waited in vain: ${says}`);
}

const granted: Answer = { status: 200, body: { runner: 'x', jitConfig, traceparent: '00-1-2-01' } };

describe('the claim of a pod', { concurrency: 4 }, () => {
  test('brings the configuration into the volume in memory, and leaves nothing else there', () =>
    inPod([granted], async ({ memory, secret, start, claims, asked, url }) => {
      writeFileSync(join(secret, 'token'), token);
      assert.equal(await endOf(start(claimScript, { CLAIM_URL: url })), 0);
      assert.equal(readFileSync(join(memory, 'jitconfig'), 'utf8').trim(), jitConfig);
      const { key = '', ...claim } = claims()[0]?.body ?? {};
      assert.deepEqual(claim, { runner: 'own1-here-small-x', token });
      assert.match(key, /^[\w-]{43}$/);
      await until('it has told that it is up', () => asked.some(({ body }) => body.milestone === 'booted'));
      assert.equal(asked.find(({ body }) => body.milestone)?.path, '/runners/milestones');
      for (const rest of ['.new', '.answer', '.headers']) assert.ok(!existsSync(join(memory, rest)), rest);
    }));

  test('waits as long as it is told to, and asks again', () =>
    inPod(
      [{ status: 429, retryAfter: '1' }, { status: 503, retryAfter: '1' }, granted],
      async ({ secret, start, claims, url }) => {
        writeFileSync(join(secret, 'token'), token);
        const startedAt = performance.now();
        assert.equal(await endOf(start(claimScript, { CLAIM_URL: url })), 0);
        assert.equal(claims().length, 3);
        assert.equal(new Set(claims().map(({ body }) => body.key)).size, 1, 'it is the same pod that asks');
        assert.ok(performance.now() - startedAt >= 2_000);
      },
    ));

  test('is by a key of its own in each pod of a Job', () =>
    inPod([granted], async ({ secret, start, claims, url }) => {
      writeFileSync(join(secret, 'token'), token);
      for (let pods = 0; pods < 2; pods += 1) await endOf(start(claimScript, { CLAIM_URL: url }));
      assert.equal(new Set(claims().map(({ body }) => body.key)).size, 2);
    }));

  for (const status of [401, 410])
    test(`that is refused with ${status} waits for the pod's end, asks no more, and ends at once when told`, () =>
      inPod([{ status }], async ({ memory, secret, start, claims, url }) => {
        writeFileSync(join(secret, 'token'), token);
        const child = start(claimScript, { CLAIM_URL: url });
        let said = '';
        child.stderr?.on('data', (chunk) => {
          said += String(chunk);
        });
        await until('it was refused', () => said.includes('not wanted'));
        assert.equal(child.exitCode, null, 'its end would end the Job, and the other pod of it');
        const ended = endOf(child);
        child.kill('SIGTERM');
        assert.equal(await ended, 143);
        assert.equal(claims().length, 1);
        assert.ok(!existsSync(join(memory, 'jitconfig')));
      }));

  test('is none where the configuration is handed over: it is taken from the Secret', () =>
    inPod([], async ({ memory, secret, start, asked }) => {
      writeFileSync(join(secret, 'jitconfig'), jitConfig);
      assert.equal(await endOf(start(claimScript)), 0);
      assert.equal(readFileSync(join(memory, 'jitconfig'), 'utf8'), jitConfig);
      assert.deepEqual(asked, []);
    }));
});

describe('the start of a runner in its pod', () => {
  test('hands the configuration over by the environment, and no job finds it afterwards', () =>
    inPod([], async ({ memory, secret, start }) => {
      writeFileSync(join(memory, 'jitconfig'), `${jitConfig}\n`);
      const program = `#!/bin/sh
printf '%s' "$ACTIONS_RUNNER_INPUT_JITCONFIG" >given
ls ${memory} >left
tr '\\0' ' ' </proc/$$/cmdline >arguments
exit 7
`;
      writeFileSync(join(secret, 'run.sh'), program, { mode: 0o755 });
      assert.equal(await endOf(start(runScript, { RUNNER_DIRECTORY: secret })), 7);
      assert.equal(readFileSync(join(secret, 'given'), 'utf8'), jitConfig);
      assert.equal(readFileSync(join(secret, 'left'), 'utf8'), '');
      assert.ok(!readFileSync(join(secret, 'arguments'), 'utf8').includes(jitConfig));
    }));
});

test('the program around the container hooks is written where the runner looks for it, and no job inherits it', () =>
  inPod([], async ({ memory, secret, start }) => {
    writeFileSync(join(memory, 'jitconfig'), jitConfig);
    const program = `#!/bin/sh\nprintf %s "\${RUNNER_HOOKS_PROGRAM-none}" >left\n`;
    writeFileSync(join(secret, 'run.sh'), program, { mode: 0o755 });
    const environment = { RUNNER_DIRECTORY: secret, RUNNER_HOOKS_PROGRAM: hooksProgram };
    assert.equal(await endOf(start(runScript, environment)), 0);
    assert.equal(readFileSync(join(memory, 'hooks.js'), 'utf8'), hooksProgram);
    assert.equal(readFileSync(join(secret, 'left'), 'utf8'), 'none');
  }));

test('the scripts of Windows speak of the same files and answers', () => {
  for (const part of ['jitconfig', 'token', 'CLAIM_URL', 'milestones', '401', '410', 'Retry-After'])
    assert.ok(windowsClaimScript.includes(part), part);
  assert.ok(windowsRunScript.includes('ACTIONS_RUNNER_INPUT_JITCONFIG'));
  assert.ok(windowsRunScript.includes('Remove-Item'));
});
