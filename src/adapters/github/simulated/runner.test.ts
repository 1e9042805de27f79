// The stand-in runner as a process of its own, on the simulated GitHub over HTTP: what it runs, it runs for real.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { type SimulatedGitHub, startSimulatedGitHub } from './server.ts';
import type { Job } from './state.ts';
import type { JobDescription } from './workflow.ts';

const clock = createSystemClock();
const atOnce = { minMs: 0, maxMs: 0 };
const { publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const program = join(import.meta.dirname, 'runner.ts');

describe('the stand-in runner', () => {
  let server: SimulatedGitHub;
  let folder = '';
  let count = 0;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stand-in-runner-'));
    server = await startSimulatedGitHub({
      clock,
      random: createSeededRandom('runner'),
      publicKey,
      settings: { pickUp: atOnce, deliveryDelay: atOnce },
      setUp(world) {
        world.addOrganisation('Acme');
        world.addRepository('Acme/App');
        world.install('Acme');
      },
    });
  });

  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Started {
    child: ChildProcess;
    root: string;
    output(): string;
    ended: Promise<{ code: number | null }>;
  }

  /** A job and a runner that fits no other, as tests run beside one another. */
  function start(job: Omit<JobDescription, 'name' | 'labels'>, environment: Record<string, string> = {}) {
    count += 1;
    const label = `label-${count}`;
    const run = server.world.startRun('acme/app', {
      name: 'CI',
      jobs: [{ ...job, name: 'build', labels: [label] }],
    });
    const [first] = run.jobs;
    assert.ok(first);
    return { run, job: first, label, ...startRunner(label, environment) };
  }

  function mint(label: string): string {
    const [acme] = server.world.state.installations.values();
    assert.ok(acme);
    const terms = { name: `runner-of-${label}`, groupId: 1, labels: [label], workFolder: '_work' };
    const minted = server.world.api.mint(acme, 'acme', terms);
    assert.ok(minted.outcome === 'done');
    return minted.value.jitConfig;
  }

  function startRunner(
    label: string,
    environment: Record<string, string> = {},
    jitConfig = mint(label),
  ): Started {
    const root = join(folder, label);
    const env = {
      PATH: process.env['PATH'] ?? '',
      ACTIONS_RUNNER_INPUT_JITCONFIG: jitConfig,
      RUNNER_WORK_DIR: root,
      ...environment,
    };
    const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
      });
    }
    const ended = new Promise<{ code: number | null }>((resolve) =>
      child.on('close', (code) => resolve({ code })),
    );
    return { child, root, output: () => output, ended };
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await clock.sleep(5);
  }

  function stepsOf(job: Job): string[] {
    return job.steps.map((step) => `${step.name}: ${step.conclusion}`);
  }

  test('it runs the steps of one job for real, reports them, and ends with 0', async () => {
    const { job, ended, output, root } = start({
      steps: [
        {
          name: 'Say',
          run: 'echo "in $GITHUB_REPOSITORY, shard $MATRIX_INDEX, $EXTRA"',
          env: { EXTRA: 'more' },
        },
        { name: 'Look', run: 'env; pwd; test "$GITHUB_WORKSPACE" = "$(pwd)"' },
      ],
    });
    assert.deepEqual(await ended, { code: 0 });
    assert.deepEqual([job.status, job.conclusion], ['completed', 'success'], output());
    assert.deepEqual(stepsOf(job), [
      'Set up job: success',
      'Say: success',
      'Look: success',
      'Complete job: success',
    ]);
    assert.ok(job.steps.every((step) => step.startedAt !== null && step.completedAt !== null));
    assert.match(output(), /in Acme\/App, shard 1, more/);
    assert.doesNotMatch(output(), /JITCONFIG/, 'no step sees the configuration');
    assert.match(output(), /Job build completed with result: Succeeded/);
    for (const name of ['.runner', '.credentials', '.credentials_rsaparams']) {
      assert.ok(existsSync(join(root, name)), name);
    }
    assert.equal(statSync(join(root, '.credentials_rsaparams')).mode & 0o077, 0);
    assert.match(
      JSON.parse(readFileSync(join(root, '.runner'), 'utf8')).ServerUrl,
      /^http:\/\/127\.0\.0\.1:/,
    );
  });

  test('it stops at the first step that fails, goes on after one that may, and still ends with 0', async () => {
    const { job, ended } = start({
      steps: [
        { name: 'May', run: 'exit 1', continueOnError: true },
        { name: 'Fails', run: 'false; echo "sh -e stops before this"' },
        { name: 'Never', run: 'true' },
      ],
    });
    assert.deepEqual(await ended, { code: 0 });
    assert.equal(job.conclusion, 'failure');
    assert.deepEqual(stepsOf(job), [
      'Set up job: success',
      'May: failure',
      'Fails: failure',
      'Never: skipped',
      'Complete job: success',
    ]);
  });

  test('it runs the hook before the job, which fails the job if it fails', async () => {
    for (const [status, conclusion] of [
      [0, 'success'],
      [1, 'failure'],
    ] as const) {
      const hook = join(folder, `hook ${status}.sh`);
      writeFileSync(hook, `#!/bin/sh\necho "hook of run $GITHUB_RUN_ID"\nexit ${status}\n`, { mode: 0o755 });
      const { job, run, ended, output } = start(
        { steps: [{ name: 'Work', run: 'true' }] },
        { ACTIONS_RUNNER_HOOK_JOB_STARTED: hook },
      );
      await ended;
      assert.equal(job.conclusion, conclusion);
      assert.match(output(), new RegExp(`hook of run ${run.id}`));
      assert.equal(stepsOf(job)[1], `Set up runner: ${conclusion}`);
    }
  });

  test('it stops a job that is cancelled, with what its step started', async () => {
    const { job, ended, output } = start({
      steps: [{ name: 'Long', run: 'sh -c "echo pid $$; exec sleep 600"; true' }],
    });
    await until(() => /pid \d+/.test(output()));
    server.world.cancelJob(job.id);
    assert.deepEqual(await ended, { code: 0 });
    assert.deepEqual([job.status, job.conclusion], ['completed', 'cancelled']);
    assert.equal(stepsOf(job)[1], 'Long: cancelled');
    const pid = Number(/pid (\d+)/.exec(output())?.[1]);
    assert.throws(() => process.kill(pid, 0), /ESRCH/, 'the sleeping child of the step is gone too');
  });

  test('SIGTERM cancels its job, is reported, and ends it', async () => {
    const { child, job, ended, output } = start({ steps: [{ name: 'Long', run: 'echo begun; sleep 600' }] });
    await until(() => output().includes('begun'));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, { code: 0 });
    assert.deepEqual([job.status, job.conclusion], ['completed', 'cancelled']);
  });

  test('SIGTERM ends an idle one at once, whose entry stays', async () => {
    const { child, ended, output } = startRunner('idle');
    await until(() => output().includes('Listening for Jobs'));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, { code: 0 });
    const entries = [...server.world.state.runners.values()];
    assert.ok(entries.some((runner) => runner.name === 'runner-of-idle'));
  });

  test('it ends with 0 when its registration is deleted while it waits', async () => {
    const { ended, output } = startRunner('dropped');
    await until(() => output().includes('Listening for Jobs'));
    const [acme] = server.world.state.installations.values();
    const entry = [...server.world.state.runners.values()].find(
      (runner) => runner.name === 'runner-of-dropped',
    );
    assert.ok(acme && entry);
    assert.equal(server.world.api.removeRunner(acme, 'acme', entry.id).outcome, 'done');
    assert.deepEqual(await ended, { code: 0 });
    assert.match(output(), /no longer exists on the server/);
  });

  test('it ends with 0 for a configuration that is spent, and with 1 for none', async () => {
    const spent = mint('spent');
    assert.equal(server.world.runnerConnect(spent, '2.336.0').outcome, 'connected');
    assert.deepEqual(await startRunner('spent', {}, spent).ended, { code: 0 });
    const without = startRunner('without', {}, '');
    assert.deepEqual(await without.ended, { code: 1 });
    assert.match(without.output(), /give it as ACTIONS_RUNNER_INPUT_JITCONFIG/);
  });
});
