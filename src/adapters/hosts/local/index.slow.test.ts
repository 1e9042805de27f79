// The local host with real processes, beyond what every host promises.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execPath, geteuid, platform } from 'node:process';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeploymentPrefix, isHostName, isPoolName, type MachineId, runnerName } from '../../../core/ids.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { HostEvent, LaunchRequest } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import type { LocalHost } from './index.ts';
import { createGround, type Ground, livingProcesses } from './testing.ts';

const onLinux = platform === 'linux';
const asRoot = geteuid?.() === 0;
/** For tests that wait for a time-out of the host: a keeper's own times pass as ever. */
const fast = 20;
const passMs = 10;
const passesMax = 2000;

const [deployment, hostName, pool] = ['own1', 'here', 'small'];
assert.ok(isDeploymentPrefix(deployment) && isHostName(hostName) && isPoolName(pool));
const names = { deployment, host: hostName, pool };

const system = createSystemClock();
let speed = 1;
let shiftMs = 0;
const clock: Clock = {
  now: () => system.now() + shiftMs,
  after: (delayMs, task) => system.after(delayMs / speed, task),
  sleep: (delayMs) => system.sleep(delayMs / speed),
};
const pass = (): Promise<void> => system.sleep(passMs);

let ground: Ground;
let host: LocalHost;
let named = 0;
/** What becomes of an event before it is heard. */
let onEvent: (event: HostEvent) => Promise<void> = async () => {};

describe('the local host with real processes', () => {
  beforeEach(async () => {
    shiftMs = 0;
    speed = 1;
    onEvent = async () => {};
    ground = createGround({ clock, pass }, (event) => onEvent(event));
    writeFileSync(join(ground.directory, 'idle.sh'), `: > "$LIVING/$1.$$"; ${idle}\n`);
    host = await ground.open(names, { endGraceMs: 400 });
  });
  afterEach(() => ground.close());

  function request(machine: Record<string, unknown>, overrides: Partial<LaunchRequest> = {}): LaunchRequest {
    named += 1;
    assert.ok(isDeploymentPrefix(names.deployment) && isHostName(names.host) && isPoolName(names.pool));
    return {
      name: runnerName(names.deployment, names.host, names.pool, String(named).padStart(26, '0')),
      attempt: 1,
      deployment: names.deployment,
      pool: names.pool,
      labels: ['linux'],
      machine: { environment: { LIVING: ground.living }, ...machine },
      answerBefore: clock.now() + 30_000,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      lifetimeMsMax: 86_400_000,
      configuration: { kind: 'handedOver', jitConfig: 'a-secret-configuration' },
      ...overrides,
    };
  }

  const shell = (script: string) => ({ command: ['sh', '-c', script] });
  /** Part of a script: this process is written down as `<word>.<pid>`. */
  const writeDown = (word: string): string => `: > "$LIVING/${word}.$$"`;
  const idle = 'exec sleep 86400';

  async function until(says: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < passesMax; i += 1) {
      if (await condition()) return;
      await pass();
    }
    assert.fail(
      `waited for long, in vain: ${says}; ${await livingWords()} live; ${ground.warnings.join('; ')}`,
    );
  }

  async function launched(wanted: LaunchRequest): Promise<MachineId> {
    const answer = await host.launch(wanted);
    assert.ok(answer.outcome === 'launched', `refused: ${'reason' in answer ? answer.reason : ''}`);
    return answer.machine;
  }

  async function refused(wanted: LaunchRequest): Promise<string> {
    const answer = await host.launch(wanted);
    assert.ok(answer.outcome === 'refused', 'it was launched');
    assert.equal(answer.refusal, 'invalid');
    return answer.reason;
  }

  /** The event of its end. */
  async function endOf({ name }: LaunchRequest): Promise<HostEvent> {
    await until(`the end of ${name} is told`, () => ground.events.some((event) => event.name === name));
    const event = ground.events.find((each) => each.name === name);
    assert.ok(event);
    return event;
  }

  async function livingWords(): Promise<string[]> {
    return (await livingProcesses(ground.living)).map(({ name }) => name).sort();
  }

  /** Waits until these processes run, and no others. */
  function living(...words: string[]): Promise<void> {
    const wanted = words.sort().join();
    return until(`there live: ${wanted}`, async () => (await livingWords()).join() === wanted);
  }

  const workOf = ({ name }: LaunchRequest): string => join(ground.dataDirectory, 'runners', name);

  /** The keeper's number, by its record. */
  function keeperOf({ name }: LaunchRequest): number {
    const fence: unknown = JSON.parse(
      readFileSync(join(ground.dataDirectory, 'machines', `${name}.1`, 'fence.json'), 'utf8'),
    );
    assert.ok(typeof fence === 'object' && fence && 'pid' in fence && typeof fence.pid === 'number');
    return fence.pid;
  }

  test('a runner has its list of variables and none of ours, and its work directory is gone afterwards', async () => {
    const wanted = request({ command: ['env'] });
    await launched(wanted);
    const event = await endOf(wanted);
    assert.equal(event.cause, 'exit status 0');
    const given = ground
      .log(wanted.name)
      .split('\n')
      .flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    const expected = [
      'ACTIONS_RUNNER_INPUT_JITCONFIG',
      'HOME',
      'LANG',
      'LIVING',
      'LOGNAME',
      'PATH',
      'RUNNER_LABELS',
      'RUNNER_MANUALLY_TRAP_SIG',
      'RUNNER_NAME',
      'RUNNER_POOL',
      'RUNNER_TRACKING',
      'RUNNER_WORK_DIR',
      'TMPDIR',
      'TRACEPARENT',
      'USER',
      ...(asRoot ? ['RUNNER_ALLOW_RUNASROOT'] : []),
    ];
    assert.deepEqual(given.sort(), expected.sort());
    assert.equal(existsSync(workOf(wanted)), false);
  });

  test('the configuration is in no argument list, no file of ours and no keeper', {
    skip: !onLinux,
  }, async () => {
    const secret = 'a-secret-configuration';
    const wanted = request(shell(`${writeDown('runner')}; ${idle}`));
    await launched(wanted);
    await living('runner');
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const command = readOrEmpty(`/proc/${pid}/cmdline`);
      assert.ok(!command.includes(secret), `process ${pid}: ${command.replaceAll('\0', ' ')}`);
    }
    assert.ok(!readOrEmpty(`/proc/${keeperOf(wanted)}/environ`).includes(secret));
    for (const entry of readdirSync(ground.dataDirectory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      assert.ok(!readFileSync(path).includes(secret), path);
    }
    const [runner] = await livingProcesses(ground.living);
    assert.ok(
      readOrEmpty(`/proc/${runner?.pid}/environ`).includes(secret),
      'the test looks in the wrong place',
    );
  });

  /** Starts relatives of a runner, each in its way, and goes on. */
  const startRelatives = [
    'sh "$LIVING/../idle.sh" child &',
    `sh -c 'sh "$LIVING/../idle.sh" grandchild &'`,
    `sh -c 'trap "" TERM; ${writeDown('stubborn')}; while :; do sleep 86400; done' &`,
    ...(onLinux
      ? [
          'setsid sh "$LIVING/../idle.sh" daemon &',
          'env -i LIVING="$LIVING" PATH="$PATH" sh "$LIVING/../idle.sh" forgetful &',
        ]
      : []),
  ].join('\n');
  const relatives = ['child', 'grandchild', 'stubborn', ...(onLinux ? ['daemon', 'forgetful'] : [])];

  test('all that a runner started is ended with it, daemons too', async () => {
    const wanted = request(shell(`${startRelatives}\n${writeDown('runner')}; ${idle}`));
    const machine = await launched(wanted);
    await living('runner', ...relatives);
    assert.equal(await host.terminate({ name: wanted.name, machine }), 'ending');
    const { cause } = await endOf(wanted);
    assert.equal(cause, 'it was told to end; ended by SIGTERM');
    await living();
  });

  test('what a runner leaves behind when it ends by itself is ended too', async () => {
    const go = join(ground.directory, 'go');
    const script = `${startRelatives}\n${writeDown('runner')}; while [ ! -e "${go}" ]; do sleep 0.02; done; exit 3`;
    const wanted = request(shell(script));
    await launched(wanted);
    await living('runner', ...relatives);
    writeFileSync(go, '');
    assert.equal((await endOf(wanted)).cause, 'exit status 3');
    await living();
  });

  test('a runner may end in its own way when it is told to', async () => {
    const wanted = request(
      shell(`trap 'echo farewell; exit 7' TERM; ${writeDown('runner')}; while :; do sleep 0.02; done`),
    );
    const machine = await launched(wanted);
    await living('runner');
    await host.terminate({ name: wanted.name, machine });
    assert.equal((await endOf(wanted)).cause, 'it was told to end; exit status 7');
    assert.match(ground.log(wanted.name), /farewell\n\n\[it was told to end; exit status 7\]/);
  });

  test('a runner that does not end in its grace is killed', async () => {
    const wanted = request(
      shell(`trap 'echo no' TERM; ${writeDown('runner')}; while :; do sleep 0.02; done`),
    );
    const machine = await launched(wanted);
    await living('runner');
    await host.terminate({ name: wanted.name, machine });
    assert.equal(await host.describe({ name: wanted.name, machine }), 'alive');
    assert.equal((await endOf(wanted)).cause, 'it was told to end; ended by SIGKILL');
    assert.match(ground.log(wanted.name), /^no$/m);
    await living();
  });

  test('a job that signals its whole group ends its runner, and the keeper sees it', async () => {
    const wanted = request(shell('kill 0; sleep 86400'));
    await launched(wanted);
    assert.equal((await endOf(wanted)).cause, 'ended by SIGTERM');
  });

  test('a runner ends when its longest life has passed, though nobody asks', async () => {
    const wanted = request(shell(idle), { lifetimeMsMax: 50 });
    await launched(wanted);
    assert.equal((await endOf(wanted)).cause, 'its longest life has passed; ended by SIGTERM');
  });

  test('a runner whose keeper is killed is ended with all that it started, and told', async () => {
    const wanted = request(shell(`${startRelatives}\n${writeDown('runner')}; ${idle}`));
    const machine = await launched(wanted);
    await living('runner', ...relatives);
    process.kill(keeperOf(wanted), 'SIGKILL');
    assert.equal((await endOf(wanted)).cause, 'its keeper was killed, and so was what was left of it');
    await living();
    assert.equal(existsSync(workOf(wanted)), false);
    assert.equal(await host.terminate({ name: wanted.name, machine }), 'gone');
  });

  test('a keeper that was stopped is killed when its time is over, and its runner with it', async () => {
    const wanted = request(shell(`${writeDown('runner')}; ${idle}`));
    const machine = await launched(wanted);
    await living('runner');
    process.kill(keeperOf(wanted), 'SIGSTOP');
    speed = fast;
    assert.equal(await host.terminate({ name: wanted.name, machine }), 'ending');
    await endOf(wanted);
    await living();
  });

  test('runners of the same name, of two data directories, have nothing to do with each other', async () => {
    const other = createGround({ clock, pass });
    try {
      writeFileSync(join(other.directory, 'idle.sh'), `: > "$LIVING/$1.$$"; ${idle}\n`);
      const twin = await other.open(names);
      const wanted = request(shell(`${startRelatives}\n${writeDown('runner')}; ${idle}`));
      const theirs = {
        ...wanted,
        machine: { ...shell(`${startRelatives}\n${idle}`), environment: { LIVING: other.living } },
      };
      await launched(wanted);
      assert.equal((await twin.launch(theirs)).outcome, 'launched');
      await living('runner', ...relatives);
      await until(
        'theirs live',
        async () => (await livingProcesses(other.living)).length === relatives.length,
      );
      await twin.terminate({ name: wanted.name, machine: null });
      await until('theirs are dead', async () => (await livingProcesses(other.living)).length === 0);
      await until('it is told', () => other.events.length === 1);
      await living('runner', ...relatives);
    } finally {
      await other.close();
    }
  });

  test('a log is bounded, and keeps its beginning and its end', async () => {
    const wanted = request({
      ...shell('i=0; while [ $i -lt 20000 ]; do echo "line $i of many"; i=$((i+1)); done'),
      logBytesMax: 65_536,
    });
    await launched(wanted);
    await endOf(wanted);
    const log = ground.log(wanted.name);
    assert.ok(log.length <= 65_536 + 500, `${log.length} bytes`);
    assert.match(log, /^line 0 of many\nline 1 of many\n/);
    assert.match(log, /bytes were cut out here/);
    assert.match(log, /line 19999 of many\n\n\[exit status 0\]\n$/);
  });

  test('read-only directories go with the rest of the work directory', async () => {
    const wanted = request(
      shell('mkdir -p "$RUNNER_WORK_DIR/a/b"; : > "$RUNNER_WORK_DIR/a/b/c"; chmod -R a-w "$RUNNER_WORK_DIR"'),
    );
    await launched(wanted);
    assert.equal((await endOf(wanted)).cause, 'exit status 0');
    assert.equal(existsSync(workOf(wanted)), false);
  });

  test("each runner gets a copy of GitHub's runner, without what an earlier one left in it", async () => {
    const directory = join(ground.directory, 'actions-runner');
    mkdirSync(join(directory, 'bin', '_work'), { recursive: true });
    mkdirSync(join(directory, '_work'));
    const script = '#!/bin/sh\necho here: $(pwd)\nls -A . bin\ntouch written\n';
    writeFileSync(join(directory, 'run.sh'), script);
    for (const file of ['.runner', '.credentials', '.credentials_rsaparams', '.env', 'bin/Runner.Listener']) {
      writeFileSync(join(directory, file), '');
    }
    chmodSync(join(directory, 'run.sh'), 0o755);
    const wanted = request({ directory });
    await launched(wanted);
    assert.equal((await endOf(wanted)).cause, 'exit status 0');
    const log = ground.log(wanted.name);
    assert.match(log, new RegExp(`^here: .*/runners/${wanted.name}/runner$`, 'm'));
    assert.match(log, /\.env\nbin\nrun\.sh\n\nbin:\nRunner\.Listener\n_work\n/);
    assert.doesNotMatch(log, /\.credentials|\.runner/);
    assert.equal(existsSync(join(directory, 'written')), false);
  });

  test('what can not be started is refused with what to do', async () => {
    const empty = join(ground.directory, 'empty');
    mkdirSync(empty);
    assert.match(
      await refused(request({ directory: '/nowhere/runner' })),
      /\/nowhere\/runner is none: unpack GitHub's runner/,
    );
    assert.match(await refused(request({ directory: empty })), /has no program \.\/run\.sh: unpack/);
    assert.match(
      await refused(request({ command: ['no-such-program'] })),
      /no-such-program is in none of the folders of PATH/,
    );
    assert.match(await refused(request({ command: ['./run.sh'] })), /relative to nothing: give a directory/);
    assert.match(await refused(request({ command: [empty] })), /is no program that can be run/);
    assert.match(
      await refused(request({ command: ['true'], user: 'nobody-of-that-name' })),
      /no user nobody-of-that-name/,
    );
    assert.match(await refused(request({ comand: ['true'] })), /not one of a local host/);
    const claimed = { kind: 'claimed', url: 'http://127.0.0.1/', token: 'token' } as const;
    assert.match(
      await refused(request({ command: ['true'] }, { configuration: claimed })),
      /hands the configuration over itself/,
    );
    assert.deepEqual(await host.list(), []);
    assert.deepEqual(readdirSync(join(ground.dataDirectory, 'machines')), []);
  });

  test('a program that fails to start is a machine that ended, and its event says why', async () => {
    const script = join(ground.directory, 'no-interpreter');
    writeFileSync(script, '#!/nowhere/interpreter\n');
    chmodSync(script, 0o755);
    const wanted = request({ command: [script] });
    await launched(wanted);
    assert.match((await endOf(wanted)).cause, /could not be started: .*ENOENT/);
  });

  test('a launch whose time is over before its keeper speaks is refused, and nothing of it starts', async () => {
    const wanted = request(shell(`${writeDown('runner')}; ${idle}`), { answerBefore: clock.now() + 5 });
    const answer = await host.launch(wanted);
    assert.ok(answer.outcome === 'refused' && answer.refusal === 'noCapacity', JSON.stringify(answer));
    assert.match(answer.reason, /did not start within \d+ ms/);
    for (let i = 0; i < 20; i += 1) await pass();
    assert.deepEqual(await livingWords(), []);
    await launched({ ...wanted, attempt: 2, answerBefore: clock.now() + 30_000 });
    await living('runner');
  });

  test('a keeper whose instructions are cut short starts nothing', async () => {
    const fence = join(ground.directory, 'fence.json');
    const program = fileURLToPath(new URL('./keeper.ts', import.meta.url));
    const keeper = spawn(execPath, [program, 'name'], { stdio: ['pipe', 'pipe', 'ignore'] });
    keeper.stdin.end(JSON.stringify({ fencePath: fence, command: ['touch', fence] }).slice(0, -1));
    const [status] = await once(keeper, 'exit');
    assert.notEqual(status, 0);
    assert.equal(existsSync(fence), false);
  });

  test('that jobs run as the user of the orchestrator is said once for each pool', async () => {
    const wanted = [request({ command: ['true'] }), request({ command: ['true'] })];
    for (const each of wanted) await launched(each);
    for (const each of wanted) await endOf(each);
    assert.equal(ground.warnings.length, 1);
    assert.match(ground.warnings[0] ?? '', /Jobs of the pool small run as .* the key of its GitHub App/);
  });

  test('as root, a pool may have a user of its own', { skip: !asRoot }, async () => {
    const look =
      'id -u; id -G; echo "home $HOME $USER"; touch "$TMPDIR/a" "$RUNNER_WORK_DIR/b" && echo wrote; ls /proc/$PPID/environ && cat /proc/$PPID/environ';
    const wanted = request({ ...shell(look), user: 'nobody' });
    assert.match(
      await refused(wanted),
      new RegExp(`nobody can not reach .*: ${ground.directory} is closed.*chmod o\\+x`),
    );
    chmodSync(ground.directory, 0o711);
    chmodSync(ground.dataDirectory, 0o711);
    await launched(wanted);
    await endOf(wanted);
    const log = ground.log(wanted.name);
    assert.match(log, /^65534\n65534\n/);
    assert.match(log, /^home .*\/home nobody$/m);
    assert.match(log, /^wrote$/m);
    assert.match(log, /environ: Permission denied/);
    assert.deepEqual(ground.warnings, []);
  });

  test('an end that was not heard is told again', async () => {
    speed = fast;
    let deaf = 2;
    onEvent = async () => {
      deaf -= 1;
      if (deaf >= 0) throw new Error('the door is shut');
    };
    const wanted = request({ command: ['true'] });
    await launched(wanted);
    assert.equal((await endOf(wanted)).cause, 'exit status 0');
    for (let i = 0; i < 20; i += 1) await pass();
    assert.equal(ground.events.length, 1);
    assert.match(ground.warnings.join('\n'), /was not heard, and is told again: the door is shut/);
  });

  test('a name is remembered for an hour after its end, and its log longer', async () => {
    const wanted = request({ command: ['true'] });
    const machine = await launched(wanted);
    await endOf(wanted);
    await until('it is told on disk', async () =>
      existsSync(join(ground.dataDirectory, 'machines', machine, 'told.json')),
    );
    shiftMs = 3_590_000;
    assert.equal(await launched(wanted), machine);
    assert.deepEqual(await host.list(), [{ name: wanted.name, machine, alive: false }]);
    shiftMs = 3_610_000;
    await until('it is listed no more', async () => (await host.list()).length === 0);
    await until('its record is gone', () => !existsSync(join(ground.dataDirectory, 'machines', machine)));
    assert.match(ground.log(wanted.name), /exit status 0/);
  });

  test('a launch that comes after the order to end is answered with a dead machine', async () => {
    const wanted = request(shell(`${writeDown('runner')}; ${idle}`));
    assert.equal(await host.terminate({ name: wanted.name, machine: null }), 'gone');
    const machine = await launched(wanted);
    assert.equal(await host.describe({ name: wanted.name, machine }), 'dead');
    for (let i = 0; i < 20; i += 1) await pass();
    assert.deepEqual(await livingWords(), []);
  });

  function readOrEmpty(path: string): string {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return '';
    }
  }
});
