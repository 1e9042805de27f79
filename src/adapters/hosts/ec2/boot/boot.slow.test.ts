// The boot scripts held against linters, and a whole job by the script of Linux: registered at the simulated GitHub by
// the configuration that it claimed, run by the stand-in runner, and the machine ended.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { wrongInPowerShell } from '../../../../../scripts/powershell-parser.ts';
import { shellcheck } from '../../../../../scripts/shellcheck.ts';
import { createSystemClock } from '../../../clock/system/index.ts';
import { createSeededRandom } from '../../../clock/virtual/random.ts';
import { startTestGitHub } from '../../../github/simulated/testing.ts';
import { userDataOf } from './index.ts';
import { makeBootMachine } from './testing-machine.ts';

/** Of Windows Server with PowerShell 5.1 and AWS Tools for PowerShell, as far as the script needs them. */
const windowsCommands = [
  ...['cmd.exe', 'shutdown.exe'],
  ...['ConvertFrom-Json', 'ConvertTo-Json', 'Expand-Archive', 'ForEach-Object', 'Get-Content', 'Get-Date'],
  ...['Get-FileHash', 'Invoke-RestMethod', 'Invoke-WebRequest', 'Join-Path', 'New-Object', 'Out-Null'],
  ...['Remove-Item', 'Set-Location', 'Start-Sleep', 'Test-Path', 'Write-Output', 'Write-Verbose'],
  ...['New-CWLLogStream', 'Write-CWLLogEvent'],
];
const standInRunner = resolve(import.meta.dirname, '../../../github/simulated/runner.ts');

const path = process.env['PATH'] ?? '';

describe('boot scripts', () => {
  const machine = { architecture: 'x64', runner: undefined } as const;
  const options = { 'without logs': {}, 'with logs': { logsGroup: '/stack/runners/ec2' } };

  for (const [how, given] of Object.entries(options)) {
    for (const os of ['linux', 'macos'] as const) {
      test(`of ${os} ${how} pass shellcheck`, async () => {
        const input = userDataOf(os, machine, given);
        const { status, stdout, stderr } = spawnSync(await shellcheck(), ['-'], { input });
        assert.equal(status, 0, `${stdout}${stderr}`);
      });
    }

    test(`of Windows ${how} are PowerShell, with every command and variable that they use`, async () => {
      const [, script = ''] = userDataOf('windows', machine, given).split('        content: |-\n');
      const left = script.replace(/^ {10}/gm, '');
      // Called only where there are logs to ship.
      const known = [...windowsCommands, ...('logsGroup' in given ? [] : ['Add-LogLine', 'Send-LastLog'])];
      assert.deepEqual(await wrongInPowerShell(left, known), []);
      // It can tell: a bracket, a command and a variable that are wrong.
      assert.equal((await wrongInPowerShell(`${left}\nif ($x {`, known)).length > 0, true);
      assert.deepEqual(await wrongInPowerShell(`${left}\nGet-Tags $refusal`, known), [
        'nobody has the command Get-Tags',
        'nobody sets the variable $refusal',
      ]);
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

  for (const os of ['linux', 'macos'] as const)
    test(`of ${os} take a job of the simulated GitHub to its end`, () => takeJob(os));
});

async function takeJob(os: 'linux' | 'macos'): Promise<void> {
  const { gitHub, acme } = await startTestGitHub(createSystemClock(), createSeededRandom(1));
  let jitConfig = '';
  const machine = await makeBootMachine({
    ...{ path, os },
    claim: () => {
      const terms = { name: 'runner-of-machine', groupId: 1, labels: ['build'], workFolder: '_work' };
      const minted = gitHub.world.api.mint(acme, 'acme', terms);
      assert.ok(minted.outcome === 'done');
      jitConfig = minted.value.jitConfig;
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
    // A Mac's lifetime is a shutdown that waits, armed at the boot and again for the job.
    const end = os === 'linux' ? ['-P now'] : ['-h +60', '-h +60', '-h now'];
    assert.deepEqual(machine.calls('shutdown'), end);
    if (os === 'macos') {
      assert.match(machine.calls('launchctl').join(), /^bootstrap system .*ephemeral-runner\.plist$/);
      const [plist] = machine.calls('launchctl').map((call) => call.slice('bootstrap system '.length));
      assert.match(readFileSync(plist ?? '', 'utf8'), /<string>.*boot\.sh<\/string><string>run<\/string>/);
      assert.match(machine.calls('sudo').join(), /^-H -u \S+ --preserve-env=ACTIONS_RUNNER_INPUT_JITCONFIG/);
      assert.equal(machine.calls('sudo').join().includes(jitConfig), false);
    }
    assert.ok(machine.milestones().includes('registered'));
    assert.equal(machine.milestones().at(-1), 'jobEnded');
  } finally {
    await machine.close();
    await gitHub.close();
  }
}
