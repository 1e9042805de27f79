// A Debian that has nothing but what is named: its own files in a folder, entered by `chroot` as an ordinary user. With
// it a machine without Docker can show that an image's packages are enough. Only root may make one.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, globSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { installed, run } from './emulator.ts';

export interface DebianRoot {
  folder: string;
  /** A shell of an ordinary user in it, with this environment and no other. */
  start(script: string, env: Readonly<Record<string, string>>): ChildProcess;
}

export interface DebianWish {
  release: string;
  packages: readonly string[];
  /** Of the npm registry, with exact versions, as if they were installed by the system: node and npm. */
  npmPackages: readonly string[];
  /** The ordinary user who works in it. */
  user: { name: string; home: string };
}

/** The first that a Debian, and the image of Node, gives to a person. */
const ordinaryUser = 1000;

/** Why it can't be made here; `null` where it can. */
export function whyNoDebianRoot(): string | null {
  if (getuid?.() !== 0) return 'only root may enter another root';
  for (const program of ['apt-get', 'dpkg-deb', 'unshare', 'chroot']) {
    if (spawnSync(program, ['--version']).error) return `there is no ${program}: no Debian`;
  }
  return null;
}

/** Made once for each wish, in a minute or two. */
export async function debianRoot(wish: DebianWish): Promise<DebianRoot> {
  const name = createHash('sha256').update(JSON.stringify(wish)).digest('hex').slice(0, 12);
  const folder = await installed(`debian-${wish.release}-${name}`, (unfinished) => make(wish, unfinished));
  for (const file of waysToRegistries.filter(existsSync)) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    copyFileSync(file, join(folder, file));
  }
  return {
    folder,
    start: (script, env) =>
      spawn(
        'unshare',
        [...['--mount', '--fork', '--kill-child'], ...['sh', '-c', enter, 'sh', folder, script]],
        {
          env: { ...env, PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      ),
  };
}

/** What a machine behind a mirror or a proxy needs to reach registries; none of it is a program. */
const waysToRegistries = ['/etc/resolv.conf', '/etc/hosts', '/etc/ssl/certs/ca-certificates.crt'];

/** The mount is seen by this shell and its children alone, and goes with them. */
const enter = `
mount -t proc proc "$1/proc"
exec chroot --userspec=${ordinaryUser}:${ordinaryUser} "$1" /bin/sh -euc "$2"
`;

async function make({ release, packages, npmPackages, user }: DebianWish, folder: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'debootstrap-'));
  try {
    await run('sh', ['-euc', 'cd "$1" && apt-get download --quiet debootstrap', 'sh', work]).catch(
      async () => {
        await run('apt-get', ['update', '--quiet']);
        await run('sh', ['-euc', 'cd "$1" && apt-get download --quiet debootstrap', 'sh', work]);
      },
    );
    const [archive = ''] = globSync('debootstrap_*.deb', { cwd: work });
    await run('dpkg-deb', ['--extract', join(work, archive), work]);
    await run('env', [
      `DEBOOTSTRAP_DIR=${join(work, 'usr', 'share', 'debootstrap')}`,
      join(work, 'usr', 'sbin', 'debootstrap'),
      ...['--variant=minbase', `--include=${packages.join(',')}`],
      ...[release, folder],
    ]);
    await run('npm', [
      ...['install', '--global', '--prefix', join(folder, 'usr', 'local')],
      ...['--no-audit', '--no-fund', ...npmPackages],
    ]);
    await run('chroot', [
      ...[folder, 'useradd', '--uid', String(ordinaryUser), '--create-home'],
      ...['--home-dir', user.home, user.name],
    ]);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
