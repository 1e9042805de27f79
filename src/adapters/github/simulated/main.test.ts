import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { App } from '@octokit/app';
import { Octokit } from '@octokit/core';

test('the program makes a key that signs in, serves what it was told to, and ends by SIGTERM', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'simulated-github-'));
  const keyFile = join(folder, 'key.pem');
  const flags = ['--port', '0', '--latency-ms', '0', '--key-file', keyFile];
  const seeds = ['--organisation', 'umbrella', '--repository', 'umbrella/hive:public'];
  const program = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [program, ...flags, ...seeds], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.on('close', resolve));
  try {
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => resolve(/http:\S+/.exec(chunk.toString())?.[0] ?? ''));
      child.on('error', reject);
    });
    assert.equal(statSync(keyFile).mode & 0o077, 0);
    const privateKey = readFileSync(keyFile, 'utf8');
    const app = new App({ appId: 1, privateKey, Octokit: Octokit.defaults({ baseUrl: url }) });
    const repositories: string[] = [];
    for await (const { repository } of app.eachRepository.iterator()) {
      repositories.push(`${repository.full_name} ${repository.private ? 'private' : 'public'}`);
    }
    assert.deepEqual(repositories, ['umbrella/hive public']);
  } finally {
    child.kill('SIGTERM');
    assert.equal(await ended, 0);
    rmSync(folder, { recursive: true });
  }
});
