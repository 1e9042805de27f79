// The image is built, as far as that goes without a registry: by buildah, on a base that stands in for GitHub's image and
// has what the Dockerfile needs of it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { test } from 'node:test';

const version = '0.0.1';

function whyNot(): string | false {
  if (getuid?.() !== 0) return 'only root may enter another root';
  for (const program of ['buildah', 'apt-get', 'dpkg-deb'])
    if (spawnSync(program, ['--version']).error) return `there is no ${program}`;
  return false;
}

test('buildah builds the image, whose program and runner everybody may read and start', {
  skip: whyNot(),
  timeout: 300_000,
}, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const buildah = (...args: string[]): string =>
    execFileSync(
      'buildah',
      [
        ...['--root', join(folder, 'storage'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'],
        ...args,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    ).trim();

  makeBase(join(folder, 'base'), folder);
  const bud = ['bud', '--isolation', 'chroot', '--quiet'];
  buildah(
    ...bud,
    ...['--tag', `ghcr.io/actions/actions-runner:${version}`, '--file', join(folder, 'base.Dockerfile')],
    join(folder, 'base'),
  );
  buildah(
    ...bud,
    ...['--pull-never', '--build-arg', `RUNNER_VERSION=${version}`, '--tag', 'ours'],
    import.meta.dirname,
  );

  const { OCIv1 } = JSON.parse(buildah('inspect', '--type', 'image', 'ours')) as {
    OCIv1: { config: { Entrypoint: string[]; User: string; WorkingDir: string } };
  };
  const [program = '', ...args] = OCIv1.config.Entrypoint;
  assert.deepEqual(args, ['/home/runner', '/tmp', 'alone']);
  assert.equal(OCIv1.config.User, '1001');
  const mounted = buildah('mount', buildah('from', '--pull-never', 'ours'));
  const modeOf = (path: string): number => statSync(join(mounted, path)).mode & 0o777;
  assert.equal(modeOf(program), 0o755);
  assert.equal(modeOf(join(program, '..', 'job-started.sh')), 0o755);
  assert.equal(modeOf('/home/runner'), 0o755);
  assert.ok(existsSync(join(mounted, 'home/runner/run.sh')));
});

/** A runner in a home that nobody else may enter, as Ubuntu makes homes. */
function makeBase(base: string, folder: string): void {
  for (const part of ['bin', 'home/runner', 'tmp']) mkdirSync(join(base, part), { recursive: true });
  execFileSync('sh', ['-euc', 'cd "$1" && apt-get download --quiet busybox-static', 'sh', folder], {
    stdio: 'ignore',
  });
  const [archive = ''] = globSync('busybox-static_*.deb', { cwd: folder });
  const unpacked = join(folder, 'busybox');
  execFileSync('dpkg-deb', ['--extract', join(folder, archive), unpacked]);
  const [busybox = ''] = globSync('**/bin/busybox', { cwd: unpacked });
  execFileSync('cp', [join(unpacked, busybox), join(base, 'bin/busybox')]);
  for (const tool of ['sh', 'chmod', 'find', 'test']) symlinkSync('busybox', join(base, 'bin', tool));
  writeFileSync(join(base, 'home/runner/run.sh'), '#!/bin/sh\n');
  chmodSync(join(base, 'home/runner/run.sh'), 0o755);
  chmodSync(join(base, 'home/runner'), 0o750);
  writeFileSync(join(folder, 'base.Dockerfile'), 'FROM scratch\nCOPY . /\n');
}
