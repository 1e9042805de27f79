import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { cdkEnvironment, runCdk } from './cdk.ts';

test("the CDK's tool is given credentials of AWS and ways to it, and nothing of the App", () => {
  const given = {
    PATH: '/usr/bin',
    AWS_PROFILE: 'deploy',
    AWS_SESSION_TOKEN: 'token',
    https_proxy: 'http://proxy:3128',
    AWS_REGION: '',
    GITHUB_APP_PRIVATE_KEY: 'key',
    GITHUB_WEBHOOK_SECRET: 'secret',
    GITHUB_TOKEN: 'token of a workflow',
    NPM_TOKEN: 'token',
    UNSET: undefined,
  };
  assert.deepEqual(cdkEnvironment(given, 'eu-central-1'), {
    PATH: '/usr/bin',
    AWS_PROFILE: 'deploy',
    AWS_SESSION_TOKEN: 'token',
    https_proxy: 'http://proxy:3128',
    AWS_REGION: 'eu-central-1',
    AWS_DEFAULT_REGION: 'eu-central-1',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
  });
});

test('a failing run tells its status and its last words, and all of it is in the log', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deploy-cdk-'));
  try {
    const lines: string[] = [];
    const ended = await runCdk({
      args: ['deploy', '--app', join(folder, 'no-such-assembly')],
      variables: { PATH: process.env['PATH'], HOME: folder },
      region: 'eu-central-1',
      logFile: join(folder, 'logs', 'deploy.log'),
      onLine: (line) => lines.push(line),
      signal: new AbortController().signal,
    });
    assert.equal(ended.status, 1);
    assert.match(ended.tail.join('\n'), /no-such-assembly|--app/);
    assert.match(readFileSync(join(folder, 'logs', 'deploy.log'), 'utf8'), /no-such-assembly|--app/);
    assert.deepEqual(lines, ended.tail);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an end by signal is an end, not an error', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'deploy-cdk-'));
  try {
    const stopping = new AbortController();
    const running = runCdk({
      args: ['synth', '--app', `${process.execPath} -e "setInterval(() => {}, 1000)"`],
      variables: { PATH: process.env['PATH'], HOME: folder },
      region: 'eu-central-1',
      logFile: join(folder, 'deploy.log'),
      onLine: () => {},
      signal: stopping.signal,
    });
    stopping.abort();
    const { status } = await running;
    assert.notEqual(status, 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
