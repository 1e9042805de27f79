// The boot script of macOS on a machine that works for one runner after another. It runs for real, as root, and each job
// as a user that it has made; the commands that only macOS has are stand-ins that write down how they were called.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createSystemClock } from '../../../clock/system/index.ts';
import { type BootMachine, type DoorAnswer, makeBootMachine } from './testing-machine.ts';

const instance = 'i-0123456789abcdef0';
const granted: DoorAnswer = { status: 200, body: { jitConfig: 'Z2l2ZW4=', traceparent: '' } };
const notWanted: DoorAnswer = { status: 410 };
const notYet: DoorAnswer = { status: 503 };
const standBy: DoorAnswer = { status: 202 };

/** Each test has users of its own: what is killed here is killed on this computer. */
let uids = 210_000;

async function onMac(
  answers: readonly DoorAnswer[],
  run: (
    mac: BootMachine & { uid: number; says: (output: string, what: string) => string[] },
  ) => Promise<void>,
  /** Before each claim that comes: what its tags are by then. */
  retag: (nextClaim: number, tags: Map<string, string>) => void = () => {},
): Promise<void> {
  uids += 100;
  const firstUid = uids;
  const machine: BootMachine = await makeBootMachine({
    ...{ path: process.env['PATH'] ?? '', os: 'macos', reuseHours: 24, places: { firstUid } },
    claim: (times) => {
      retag(times + 1, machine.tags);
      return answers[times - 1] ?? notWanted;
    },
  });
  const says = (output: string, what: string) =>
    output.split('\n').flatMap((line) => (line.startsWith(`${what}: `) ? [line.slice(what.length + 2)] : []));
  try {
    await run({ ...machine, uid: firstUid + 1, says });
  } finally {
    await machine.close();
  }
}

function named(last: number): string {
  return `own1-ec2-build-${String(last).padStart(26, '0')}`;
}

/** As whose machine it has asked. */
function asked(mac: BootMachine): { runner: string; next?: boolean }[] {
  return mac.knocks.flatMap(({ path, body }) => {
    if (path !== '/runners/claim') return [];
    const { runner, next } = JSON.parse(body) as { runner: string; next?: boolean };
    return [next === undefined ? { runner } : { runner, next }];
  });
}

/** What a job does that wants to find out about others and to leave something for them. */
function runnerOf(folder: string): string {
  return `#!/bin/sh
echo "user: $(id -u) $(id -G)"
echo "home: $HOME $(stat -c %a "$HOME")"
echo "given: $ACTIONS_RUNNER_INPUT_JITCONFIG"
echo "key: $(cat ${folder}/state/${instance}/key 2>&1 | tail -c 18)"
echo "console: $(cat ${folder}/console.log 2>&1 | tail -c 18)"
echo "found: $(find ${folder}/tmp ${folder}/folders ${folder}/homes -mindepth 1 ! -path "$HOME*" 2>/dev/null | sort | tr '\\n' ' ')"
mkdir -p ${folder}/folders/ab/cd && echo poison >${folder}/folders/ab/cd/cache
echo poison >${folder}/tmp/tool && chmod 755 ${folder}/tmp/tool
echo poison >_work
ln -s ${folder}/state ${folder}/tmp/link
setsid /bin/sleep 300 >/dev/null 2>&1 &
echo 'Listening for Jobs'
`;
}

/** What has ended counts no more. */
function processesOf(...users: number[]): string[] {
  const all = execFileSync('ps', ['-A', '-o', 'ruid=,stat=,args=']).toString().split('\n');
  return all.filter((line) => {
    const [user, state = ''] = line.trim().split(/\s+/);
    return users.includes(Number(user)) && !state.startsWith('Z');
  });
}

const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : 'it makes users, which root alone can';

describe('a Mac that works for one runner after another', { concurrency: 4, skip }, () => {
  test('gives each a user of its own, cleans what that left, and shows one key at each claim', () =>
    onMac([granted, notYet, standBy, granted, standBy, notWanted], async (mac) => {
      const { folder, uid, says } = mac;
      mac.writeRunner(runnerOf(folder));
      writeFileSync(join(folder, 'tmp', 'of-the-image'), 'kept');
      writeFileSync(join(folder, 'cron', `job${uid}`), '* * * * * poison');
      mkdirSync(join(folder, 'folders', 'of-root'));
      await mac.boot('install');
      const { code, output } = await mac.boot('run');
      assert.equal(code, 1, 'it ends as it is not wanted any more');

      assert.deepEqual(says(output, 'user'), [`${uid} ${uid}`, `${uid + 1} ${uid + 1}`], output);
      assert.deepEqual(says(output, 'home'), [
        `${folder}/homes/job${uid} 700`,
        `${folder}/homes/job${uid + 1} 700`,
      ]);
      assert.deepEqual(says(output, 'given'), ['Z2l2ZW4=', 'Z2l2ZW4=']);
      assert.deepEqual(says(output, 'key'), ['Permission denied', 'Permission denied']);
      assert.deepEqual(says(output, 'console'), ['Permission denied', 'Permission denied']);
      const ofImage = `${folder}/folders/of-root ${folder}/tmp/of-the-image `;
      assert.deepEqual(
        says(output, 'found'),
        [ofImage, ofImage],
        'the second job found something of the first',
      );

      const claims = mac.knocks.flatMap(({ path, body }) =>
        path === '/runners/claim' ? [(JSON.parse(body) as { key: string }).key] : [],
      );
      assert.equal(claims.length, 6);
      assert.match(claims[0] ?? '', /^[\w-]{43}$/);
      assert.equal(new Set(claims).size, 1);
      assert.equal(readFileSync(join(folder, 'state', instance, 'key'), 'utf8'), claims[0]);
      assert.equal(statSync(join(folder, 'state', instance, 'key')).mode & 0o777, 0o600);
      assert.equal(statSync(join(folder, 'state')).mode & 0o777, 0o700);
      assert.equal(output.includes(claims[0] ?? ''), false, 'the key is in the log');
      assert.equal(
        mac.knocks.some(({ path, body }) => path === '/runners/milestones' && body.includes('"key"')),
        false,
        'a job tells its milestone itself, and has no key',
      );

      // After the last claim nothing is cleaned: the machine is gone. Before it, the third user was made.
      assert.deepEqual(readdirSync(join(folder, 'homes')), [`job${uid + 2}`]);
      assert.deepEqual(readdirSync(join(folder, 'directory', 'Users')), [`job${uid + 2}`]);
      assert.deepEqual(readdirSync(join(folder, 'cron')), []);
      assert.deepEqual(processesOf(uid, uid + 1), []);
      assert.ok(mac.calls('launchctl').includes(`bootout user/${uid}`));
      assert.ok(existsSync(join(mac.runnerFolder, 'run.sh')), "the image's runner is untouched");
      assert.deepEqual(
        mac.calls('shutdown'),
        ['-h +60', '-h +60', '-h now'],
        'its end is set once for all jobs',
      );
    }));

  test('asks what comes after a job under the name that had it, until its tags have a newer one', () => {
    const grantedTo = (last: number): DoorAnswer => ({
      ...granted,
      body: { ...granted.body, runner: named(last) },
    });
    const names = new Map([
      [4, 3],
      [5, 5],
    ]);
    return onMac(
      // It is put to work as the third, while its tags say the first; then as the fifth.
      [grantedTo(1), standBy, grantedTo(3), notYet, grantedTo(5), notWanted],
      async (mac) => {
        mac.writeRunner('#!/bin/sh\ntrue\n');
        await mac.boot('run');
        assert.deepEqual(asked(mac), [
          { runner: named(1) },
          { runner: named(1), next: true },
          { runner: named(1), next: true },
          { runner: named(3), next: true },
          { runner: named(5) },
          { runner: named(5), next: true },
        ]);
      },
      (times, tags) => {
        const last = names.get(times);
        if (last !== undefined) tags.set('runners:name', named(last));
      },
    );
  });

  test('ends where what a job left cannot be cleaned, and asks for no other', () =>
    onMac([granted, standBy, granted], async (mac) => {
      mac.writeRunner(`#!/bin/sh\necho "mounted by job${mac.uid}"\n`);
      const held = (user: string) =>
        `/dev/disk9s1 on /Volumes/kept (apfs, local, nodev, mounted by ${user})\n`;
      writeFileSync(join(mac.folder, 'mounts'), held(`job${mac.uid}`).repeat(3));
      // A folder that cannot be let go of.
      writeFileSync(join(mac.folder, 'bin', 'umount'), '#!/bin/sh\nexit 1\n');
      const { output } = await mac.boot('run');
      assert.match(output, /what a job has left cannot be cleaned: this machine ends/);
      assert.equal(mac.knocks.filter(({ path }) => path === '/runners/claim').length, 1);
      assert.equal(mac.calls('shutdown').at(-1), '-h now');
    }));

  test('lets go of disk images that a job has attached', () =>
    onMac([granted, standBy, notWanted], async (mac) => {
      mac.writeRunner('#!/bin/sh\ntrue\n');
      const line = (at: string, user: string) =>
        `/dev/disk9s1 on ${at} (apfs, local, nodev, mounted by ${user})\n`;
      const mounts = line('/Volumes/of the image', 'ec2-user') + line('/Volumes/My App', `job${mac.uid}`);
      writeFileSync(join(mac.folder, 'mounts'), mounts);
      await mac.boot('run');
      assert.deepEqual(mac.calls('umount'), ['-f /Volumes/My App']);
      assert.equal(mac.knocks.filter(({ path }) => path === '/runners/claim').length, 3);
    }));

  test('takes no job on an image where every user may be root', () =>
    onMac([granted], async (mac) => {
      mac.writeRunner(runnerOf(mac.folder));
      writeFileSync(join(mac.folder, 'every-user-is-root'), '');
      const { output } = await mac.boot('run');
      assert.match(output, /every user may be root: .* \(reuseHours: 0\)/);
      assert.equal(mac.knocks.filter(({ path }) => path === '/runners/claim').length, 0);
      assert.equal(mac.calls('shutdown').at(-1), '-h now');
    }));

  test('that was restarted under a job cleans up first, keeps its key, and ends when it was to', () =>
    onMac([notYet, standBy, granted, standBy, notWanted], async (mac) => {
      const { folder, uid, says } = mac;
      mac.writeRunner(runnerOf(folder));
      const state = join(folder, 'state', instance);
      mkdirSync(state);
      writeFileSync(join(state, 'key'), 'k'.repeat(43));
      writeFileSync(join(state, 'jobs'), '1');
      writeFileSync(join(state, 'had'), `${named(3)} ${named(1)}\n`);
      writeFileSync(join(state, 'ends'), String(Math.floor(createSystemClock().now() / 1000) + 600));
      mkdirSync(join(folder, 'homes', `job${uid}`, 'secrets'), { recursive: true });
      const { output } = await mac.boot('run');
      assert.deepEqual(says(output, 'user'), [`${uid + 1} ${uid + 1}`], output);
      assert.equal(says(output, 'found')[0], '');
      assert.equal(existsSync(join(folder, 'homes', `job${uid}`)), false);
      assert.ok(mac.knocks.some(({ body }) => body.includes(`"key":"${'k'.repeat(43)}"`)));
      assert.deepEqual(mac.calls('shutdown'), ['-h +10', '-h now']);
      // Its tags were behind: it had worked for the third name already.
      assert.deepEqual(asked(mac)[0], { runner: named(3), next: true });
    }));

  test('that was made from the image of another has a key of its own', () =>
    onMac([notWanted], async (mac) => {
      mac.writeRunner('#!/bin/sh\ntrue\n');
      const other = join(mac.folder, 'state', 'i-0fedcba9876543210');
      mkdirSync(other);
      for (const file of ['key', 'had', 'ends', 'jobs']) writeFileSync(join(other, file), '1');
      chmodSync(other, 0o700);
      await mac.boot('run');
      const claim = mac.knocks.find(({ path }) => path === '/runners/claim');
      assert.match((JSON.parse(claim?.body ?? '{}') as { key: string }).key, /^[\w-]{43}$/);
      assert.equal(
        mac.knocks.filter(({ path }) => path === '/runners/claim').length,
        1,
        'it has not worked yet',
      );
    }));
});
