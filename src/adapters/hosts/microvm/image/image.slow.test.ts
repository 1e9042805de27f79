// The image as far as it goes without Lambda: its Dockerfile held against a linter, and its programs, as they are built for
// it, in a clean Debian: registered at the simulated GitHub by the configuration that they claimed, with a job run to its
// end by the stand-in runner.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { buildSync } from 'esbuild';
import { debianRoot, whyNoDebianRoot } from '../../../../../scripts/debian-root.ts';
import { hadolint } from '../../../../../scripts/hadolint.ts';
import { createSystemClock } from '../../../clock/system/index.ts';
import { createSeededRandom } from '../../../clock/virtual/random.ts';
import { startTestGitHub } from '../../../github/simulated/testing.ts';
import { buildContextOf } from './context.ts';
import { makeImageMachine } from './testing-machine.ts';

const standInRunner = resolve(import.meta.dirname, '../../../github/simulated/runner.ts');
const clock = createSystemClock();

test('hadolint finds nothing in the Dockerfile of the image', async () => {
  const input = buildContextOf({ packages: ['make'] })['Dockerfile'] ?? '';
  const { status, stdout, stderr } = spawnSync(await hadolint(), ['-'], { input, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}${stderr}`);
});

describe('in a clean Debian', { skip: whyNoDebianRoot() ?? false, timeout: 900_000 }, () => {
  test('the programs of the image take a job of the simulated GitHub to its end', async (t) => {
    const debian = await debianRoot({
      release: 'bookworm',
      packages: ['ca-certificates'],
      npmPackages: [`node-linux-${process.arch}@24.21.0`],
      user: { name: 'runner', home: '/home/runner' },
    });
    const folder = mkdtempSync(join(debian.folder, 'home/runner', 'microvm-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const inside = folder.slice(debian.folder.length);
    const write = (path: string, text: string): void => writeFileSync(join(folder, path), text);
    for (const [file, text] of Object.entries(buildContextOf({ packages: [] }))) write(file, text);
    mkdirSync(join(folder, 'actions-runner'));
    const { outputFiles } = buildSync({
      ...{ entryPoints: [standInRunner], bundle: true, write: false, format: 'esm', platform: 'node' },
    });
    write('actions-runner/runner.mjs', outputFiles[0]?.text ?? '');
    write('actions-runner/run.sh', '#!/bin/sh\nexec node runner.mjs\n');
    spawnSync('chown', ['-R', '1000:1000', folder]);
    chmodSync(join(folder, 'actions-runner/run.sh'), 0o755);

    const { gitHub, acme } = await startTestGitHub(clock, createSeededRandom(1));
    const terms = { name: 'runner-of-machine', groupId: 1, labels: ['build'], workFolder: '_work' };
    const machine = await makeImageMachine({
      runner: '',
      claim: () => {
        const minted = gitHub.world.api.mint(acme, 'acme', terms);
        assert.ok(minted.outcome === 'done');
        return {
          status: 200,
          body: { runner: terms.name, jitConfig: minted.value.jitConfig, traceparent: '' },
        };
      },
      places: { work: `${inside}/work.mjs`, runnerFolder: `${inside}/actions-runner`, user: 'runner' },
      start: (argument) => debian.start(`exec node '${inside}/hooks.mjs' '${argument}'`, {}),
    });
    try {
      const steps = [{ name: 'greet', run: 'test "$(id -un)" = runner && echo done' }];
      const { jobs } = gitHub.world.startRun('acme/app', {
        name: 'CI',
        jobs: [{ name: 'build', labels: ['build'], steps }],
      });
      assert.equal(await machine.hook('ready'), 200);
      const runAt = clock.now();
      assert.equal(await machine.run(), 200);
      assert.equal(await machine.ended, 0, machine.output());
      t.diagnostic(`from /run to the end of the job: ${Math.round(clock.now() - runAt)} ms`);
      assert.match(machine.output(), /Listening for Jobs/);
      assert.equal(jobs[0]?.conclusion, 'success', machine.output());
      const left = [...gitHub.world.state.runners.values()].filter(({ phase }) => phase !== 'gone');
      assert.equal(left.length, 0);
      assert.deepEqual(machine.milestones().sort(), ['booted', 'jobEnded', 'registered']);
    } finally {
      await machine.close();
      await gitHub.close();
    }
  });
});
