// The scripts of the images held against linters, and the one of Linux on a clean Debian, as root, with its own users
// and files: what Ubuntu's packages bring (Docker, above all) is left out, as Debian has none of those names.

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { debianRoot, whyNoDebianRoot } from '../../../../../scripts/debian-root.ts';
import { wrongInPowerShell } from '../../../../../scripts/powershell-parser.ts';
import { shellcheck } from '../../../../../scripts/shellcheck.ts';
import { linuxScript, windowsScript } from './document.ts';
import { releasedVersion, startReleasePages } from './testing-release.ts';

describe('scripts of images', () => {
  for (const file of ['linux.sh', 'linux-check.sh'] as const) {
    test(`${file} passes shellcheck`, async () => {
      const input = linuxScript(file);
      const { status, stdout, stderr } = spawnSync(await shellcheck(), ['--shell=bash', '-'], { input });
      assert.equal(status, 0, `${stdout}${stderr}`);
    });
  }

  /** Of Windows Server with PowerShell 5.1, and what the script has installed. */
  const known = [
    ...[
      'Expand-Archive',
      'Get-Command',
      'Get-FileHash',
      'Invoke-RestMethod',
      'Invoke-WebRequest',
      'Join-Path',
    ],
    ...[
      'Out-Null',
      'Remove-Item',
      'Select-Object',
      'Set-Service',
      'Sort-Object',
      'Start-Process',
      'Start-Sleep',
    ],
    ...['Where-Object', 'docker.exe'],
  ];

  for (const file of ['windows.ps1', 'windows-check.ps1'] as const) {
    test(`${file} is PowerShell, with every command and variable that it uses`, async () => {
      assert.deepEqual(await wrongInPowerShell(windowsScript(file), known), []);
    });
  }

  test('that of Linux makes a machine of a clean Debian, and its check finds what is missing', {
    skip: whyNoDebianRoot() ?? false,
  }, async () => {
    const { folder: base } = await debianRoot({
      release: 'bookworm',
      packages: ['ca-certificates', 'curl', 'git', 'jq', 'python3', 'sudo', 'unzip', 'zip'],
      npmPackages: [],
      user: { name: 'somebody', home: '/home/somebody' },
    });
    const folder = mkdtempSync(join(tmpdir(), 'image-root-'));
    const pages = await startReleasePages();
    try {
      execFileSync('cp', ['-a', `${base}/.`, folder]);
      const stub = (name: string, script = '') =>
        writeFileSync(join(folder, 'usr/local/sbin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      stub('apt-get');
      stub('systemctl');
      execFileSync('chroot', [folder, 'groupadd', 'docker']);
      const given = { releases: `${pages.url}/releases`, api: `${pages.url}/api` };
      const inRoot = async (script: string) => {
        const child = spawn('chroot', [folder, '/bin/bash', '-c', script], {
          env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
        });
        const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
        const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
        return { code, output: out + err };
      };
      const made = await inRoot(linuxScript('linux.sh', given));
      assert.equal(made.code, 0, made.output);
      const owner = await inRoot(
        'stat --format=%U /opt/actions-runner/run.sh; id --name --groups runner; visudo --check',
      );
      assert.match(owner.output, /^runner\nrunner docker\n[\s\S]*90-runner: parsed OK/, owner.output);
      const before = await inRoot(linuxScript('linux-check.sh'));
      assert.notEqual(before.code, 0);
      assert.match(before.output, /docker is missing/);
      stub('docker');
      const after = await inRoot(linuxScript('linux-check.sh'));
      assert.equal(after.code, 0, after.output);
      assert.match(after.output, new RegExp(releasedVersion));
    } finally {
      await pages.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
