import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { platform } from 'node:process';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { endKin } from './end-kin.ts';
import { createProcessTable, identityOf, isRunning, type ProcessTable } from './index.ts';
import { createPosixProcessTable } from './posix.ts';

const onLinux = platform === 'linux';
const tables: [name: string, create: () => ProcessTable][] = [['posix', createPosixProcessTable]];
if (onLinux) tables.push(['linux', createProcessTable]);

/** Leads a group of its own, prints the number of a child in it, and goes on. */
const leaderCommand = ['-c', 'sleep 1000 & echo $!; exec sleep 1000'];

async function startLeader(mark = 'MARK=none') {
  const leader = spawn('/bin/sh', leaderCommand, {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin', [mark.split('=')[0] ?? '']: mark.split('=')[1] },
  });
  const { pid, stdout } = leader;
  assert.ok(pid !== undefined && stdout);
  const [said] = await once(stdout, 'data');
  return { leader, pid, childPid: Number(String(said)) };
}

async function end({ pid, exitCode, signalCode }: ChildProcess): Promise<void> {
  if (pid === undefined) return;
  const isOver = exitCode !== null || signalCode !== null;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    assert.ok(isOver);
  }
}

async function until(says: string, condition: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 10_000; i += 1) {
    if (await condition()) return;
    await setImmediate();
  }
  assert.fail(`waited in vain: ${says}`);
}

for (const [name, create] of tables) {
  describe(`the ${name} table of processes`, () => {
    const processes = create();

    test('a process that runs has one start time, another one another, and one that has ended has none', async () => {
      const own = await identityOf(processes, process.pid);
      assert.ok(own && own.startedAt.length > 0);
      assert.deepEqual(await identityOf(create(), process.pid), own);
      assert.ok(await isRunning(processes, own));
      assert.equal(await isRunning(processes, { ...own, startedAt: 'at another time' }), false);
      const short = spawn('/bin/sh', ['-c', 'exit 0']);
      await once(short, 'exit');
      assert.equal(await identityOf(processes, short.pid ?? 0), null);
      assert.deepEqual([...(await processes.startTimes([]))], []);
    });

    test('the kin of a keeper are in its group; it is none itself, and nobody else is', async () => {
      const { leader, pid, childPid } = await startLeader();
      const other = await startLeader();
      try {
        const keeper = await identityOf(processes, pid);
        assert.ok(keeper);
        assert.deepEqual(await processes.kin({ keeper, mark: 'MARK=x' }), [childPid]);
      } finally {
        await end(leader);
        await end(other.leader);
      }
    });

    test('where another process has the number of the keeper now, its group is not the runner', async () => {
      const { leader, pid, childPid } = await startLeader();
      try {
        const keeper = { pid, startedAt: 'Mon Jan  1 00:00:00 2001' };
        assert.deepEqual(await processes.kin({ keeper, mark: 'MARK=x' }), []);
        assert.ok(await identityOf(processes, childPid));
      } finally {
        await end(leader);
      }
    });
  });
}

test('on Linux the mark is found in the environment, whole, outside of the group too', {
  skip: !onLinux,
}, async () => {
  const processes = createProcessTable();
  const marked = await startLeader('MARK=one');
  const longer = await startLeader('MARK=one-more');
  try {
    const keeper = { pid: process.pid, startedAt: 'before' };
    const kin = await processes.kin({ keeper, mark: 'MARK=one' });
    assert.deepEqual(kin.sort(), [marked.pid, marked.childPid].sort());
  } finally {
    await end(marked.leader);
    await end(longer.leader);
  }
});

test('on Linux a session is known by one marked process in it, after its keeper is dead', {
  skip: !onLinux,
}, async () => {
  const processes = createProcessTable();
  const { leader, pid, childPid } = await startLeader('MARK=two');
  try {
    const keeper = await identityOf(processes, pid);
    assert.ok(keeper);
    leader.kill('SIGKILL');
    await once(leader, 'exit');
    assert.deepEqual(await processes.kin({ keeper, mark: 'MARK=two' }), [childPid]);
    assert.deepEqual(await processes.kin({ keeper, mark: 'MARK=other' }), []);
  } finally {
    await end(leader);
  }
});

test('all kin are ended, those that ignore the polite signal by the other', async () => {
  const processes = createProcessTable();
  const stubborn = spawn(
    '/bin/sh',
    ['-c', 'trap "" TERM; sleep 1000 & echo $!; while :; do sleep 1000; done'],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  try {
    const [said] = await once(stubborn.stdout, 'data');
    const keeper = await identityOf(processes, stubborn.pid ?? 0);
    assert.ok(keeper);
    const waited: number[] = [];
    const sleep = async (ms: number) => {
      waited.push(ms);
      await setImmediate();
    };
    await endKin(processes, { keeper, mark: 'MARK=x' }, sleep, () => false);
    assert.ok(waited.reduce((sum, ms) => sum + ms, 0) >= 2000, 'killed before the polite time was over');
    await until('it is dead', async () => (await identityOf(processes, Number(String(said)))) === null);
    const urgent = await startLeader();
    const leader = await identityOf(processes, urgent.pid);
    assert.ok(leader);
    waited.length = 0;
    await endKin(processes, { keeper: leader, mark: 'MARK=x' }, sleep, () => true);
    assert.ok(
      waited.every((ms) => ms < 100),
      'it was polite though it was urgent',
    );
    await end(urgent.leader);
  } finally {
    await end(stubborn);
  }
});
