// The documents held against what Image Builder takes, and the script of Linux run for real: against pages of a release
// on the loopback, with programs of the test's in the place of those that would change this computer.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { componentDocument, linuxScript } from './document.ts';
import { releasedVersion, startReleasePages } from './testing-release.ts';

/** As far as it is used here. [EC2 Image Builder: Component document framework] */
const stepSchema = z.discriminatedUnion('action', [
  z.strictObject({
    name: z.string().regex(/^\w{1,128}$/),
    action: z.enum(['ExecuteBash', 'ExecutePowerShell']),
    timeoutSeconds: z.int().min(1).max(43_200),
    onFailure: z.enum(['Abort', 'Continue', 'Ignore']),
    inputs: z.strictObject({ commands: z.array(z.string().min(1)).min(1) }),
  }),
  z.strictObject({
    name: z.string(),
    action: z.literal('Reboot'),
    onFailure: z.enum(['Abort', 'Continue', 'Ignore']),
    inputs: z.strictObject({ delaySeconds: z.int().min(0) }),
  }),
]);
const documentSchema = z.strictObject({
  name: z.string().min(3),
  description: z.string(),
  schemaVersion: z.literal('1.0'),
  phases: z
    .array(z.strictObject({ name: z.enum(['build', 'validate', 'test']), steps: z.array(stepSchema).min(1) }))
    .min(1)
    .refine((phases) => new Set(phases.map(({ name }) => name)).size === phases.length)
    .refine((phases) =>
      phases.every(({ steps }) => new Set(steps.map(({ name }) => name)).size === steps.length),
    ),
});

for (const os of ['linux', 'windows'] as const) {
  test(`the component for ${os} is a document as Image Builder takes it`, () => {
    const document = componentDocument({ os });
    const { phases } = documentSchema.parse(JSON.parse(document));
    assert.deepEqual(
      phases.map(({ name }) => name),
      ['build', 'test'],
    );
    const other = os === 'linux' ? 'ExecutePowerShell' : 'ExecuteBash';
    assert.ok(phases.every(({ steps }) => steps.every(({ action }) => action !== other)));
    assert.ok(document.length < 16_000);
  });
}

const stubbed = ['apt-get', 'systemctl', 'useradd', 'usermod', 'id'];

describe('the script that makes a ready machine of Ubuntu', { concurrency: 4 }, () => {
  async function onMachine(
    digest: string | null | undefined,
    look: (machine: {
      code: number | null;
      output: string;
      at: (file: string) => string;
      calls: (program: string) => string[];
    }) => void,
  ): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'image-'));
    const at = (file: string) => join(folder, file);
    const pages = await startReleasePages(digest);
    try {
      mkdirSync(at('bin'));
      mkdirSync(at('lists'));
      writeFileSync(at('lists/old'), '');
      for (const program of stubbed) {
        // There is no such user yet.
        const last = program === 'id' ? 'exit 1' : '';
        writeFileSync(at(`bin/${program}`), `#!/bin/sh\necho "$*" >>'${at(`${program}.calls`)}'\n${last}\n`);
        chmodSync(at(`bin/${program}`), 0o755);
      }
      const script = linuxScript('linux.sh', {
        ...{ releases: `${pages.url}/releases`, api: `${pages.url}/api`, runnerFolder: at('actions-runner') },
        ...{ toolCache: at('tools'), packageLists: at('lists'), sudoers: at('sudoers') },
        user: userInfo().username,
      });
      const env = { PATH: `${at('bin')}${delimiter}${process.env['PATH']}`, TMPDIR: folder };
      const child = spawn('bash', ['-c', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
      const calls = (program: string) =>
        existsSync(at(`${program}.calls`))
          ? readFileSync(at(`${program}.calls`), 'utf8')
              .trim()
              .split('\n')
          : [];
      look({ code, output: out + err, at, calls });
    } finally {
      await pages.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  test('installs the newest runner, checked, with what it needs, for its user', () =>
    onMachine(undefined, ({ code, output, at, calls }) => {
      assert.equal(code, 0, output);
      assert.match(output, new RegExp(`the runner is ${releasedVersion}`));
      assert.ok(existsSync(at('actions-runner/run.sh')));
      assert.ok(existsSync(at('actions-runner/dependencies-installed')));
      assert.equal(readFileSync(at('actions-runner/.env'), 'utf8'), `AGENT_TOOLSDIRECTORY=${at('tools')}\n`);
      assert.equal(readFileSync(at('sudoers'), 'utf8'), `${userInfo().username} ALL=(ALL) NOPASSWD:ALL\n`);
      assert.equal(statSync(at('sudoers')).mode & 0o777, 0o440);
      assert.equal(existsSync(at('lists/old')), false);
      const installs = calls('apt-get').filter((call) => call.includes(' install '));
      for (const wanted of ['docker.io', 'docker-buildx', 'git', 'jq'])
        assert.match(installs.join(), new RegExp(` ${wanted}( |$)`));
      assert.match(calls('usermod').join(), /--append --groups docker/);
      assert.match(calls('systemctl').join(), /enable docker\.service/);
    }));

  test('leaves no runner whose checksum is another, or is not told', async () => {
    await onMachine(`sha256:${'0'.repeat(64)}`, ({ code, output, at }) => {
      assert.notEqual(code, 0);
      assert.match(output, /has another checksum than sha256:0000/);
      assert.equal(existsSync(at('actions-runner')), false);
    });
    for (const untold of [null, 'md5:abc']) {
      await onMachine(untold, ({ code, output, at }) => {
        assert.notEqual(code, 0);
        assert.match(output, /tells no checksum of actions-runner-linux-/);
        assert.equal(existsSync(at('actions-runner')), false);
      });
    }
  });
});
