import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeploymentPrefix, isHostName, isPoolName, runnerName } from '../../../core/ids.ts';
import { environmentOf } from './environment.ts';
import { workFolders } from './folders.ts';
import { givenNames, localHostOptions, localMachine } from './options.ts';

function environmentFor(
  account: { name: string; uid: number; home: string | null },
  extra: Record<string, string> = {},
) {
  const [deployment, host, pool] = ['own1', 'local', 'small'];
  assert.ok(isDeploymentPrefix(deployment) && isHostName(host) && isPoolName(pool));
  const name = runnerName(deployment, host, pool, '0'.repeat(26));
  const folders = workFolders({ runners: '/d/runners' }, name);
  return environmentOf(
    { name, pool, labels: ['linux', 'x64'], traceparent: '00-1-2-01' },
    {
      jitConfig: 'configuration',
      tracking: `${name}.1@0123456789ab`,
      folders,
      account,
      base: { path: '/bin', language: 'C' },
      extra,
    },
  );
}

test('a runner finds this in its environment, and nothing else', () => {
  const root = '/d/runners/own1-local-small-00000000000000000000000000';
  assert.deepEqual(environmentFor({ name: 'runner', uid: 1001, home: '/home/runner' }), {
    PATH: '/bin',
    LANG: 'C',
    HOME: '/home/runner',
    USER: 'runner',
    LOGNAME: 'runner',
    TMPDIR: `${root}/tmp`,
    ACTIONS_RUNNER_INPUT_JITCONFIG: 'configuration',
    RUNNER_MANUALLY_TRAP_SIG: '1',
    RUNNER_NAME: 'own1-local-small-00000000000000000000000000',
    RUNNER_POOL: 'small',
    RUNNER_LABELS: 'linux,x64',
    RUNNER_WORK_DIR: `${root}/work`,
    RUNNER_TRACKING: 'own1-local-small-00000000000000000000000000.1@0123456789ab',
    TRACEPARENT: '00-1-2-01',
  });
});

test('root is allowed to run it, and a user without a home gets one', () => {
  const environment = environmentFor({ name: 'root', uid: 0, home: null });
  assert.equal(environment['RUNNER_ALLOW_RUNASROOT'], '1');
  assert.equal(environment['HOME'], '/d/runners/own1-local-small-00000000000000000000000000/home');
});

test('a pool adds variables and may change the PATH, and none that the host gives itself', () => {
  const machine = {
    command: ['true'],
    environment: { PATH: '/opt/bin', DEVELOPER_DIR: '/Applications/Xcode.app' },
  };
  const { environment } = localMachine.parse(machine);
  const merged = environmentFor({ name: 'runner', uid: 1001, home: null }, environment);
  assert.equal(merged['PATH'], '/opt/bin');
  assert.equal(merged['DEVELOPER_DIR'], '/Applications/Xcode.app');
  for (const name of givenNames) {
    const parsed = localMachine.safeParse({ command: ['true'], environment: { [name]: 'mine' } });
    assert.ok(!parsed.success, `${name} was accepted`);
    assert.match(parsed.error.message, new RegExp(`${name} is set by the host itself`));
  }
});

test('a machine needs a command or a directory, and nothing misspelt', () => {
  for (const [machine, says] of [
    [{}, /`directory` \(GitHub's runner, unpacked\), `command`, or both/],
    [{ command: [] }, /command/],
    [{ directory: 'runner' }, /absolute path/],
    [{ command: ['true'], user: 'a b' }, /`id -u`/],
    [{ command: ['true'], user: '$(id)' }, /`id -u`/],
    [{ command: ['true'], logBytesMax: 10 }, /logBytesMax/],
    [{ command: ['true'], comand: 1 }, /comand/],
    [{ command: ['true'], environment: { 'A=B': '1' } }, /letters, digits and _/],
  ] as const) {
    const parsed = localMachine.safeParse(machine);
    assert.ok(!parsed.success, `accepted: ${JSON.stringify(machine)}`);
    assert.match(parsed.error.message, says);
  }
  assert.equal(localMachine.parse({ directory: '/opt/runner' }).logBytesMax, 16 * 1024 * 1024);
  assert.equal(localHostOptions.parse({}).endGraceMs, 10_000);
});
