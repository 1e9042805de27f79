// What one instance of the local host leaves behind, and the next one makes of it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterEach, beforeEach, describe, test } from 'node:test';
import {
  isDeploymentPrefix,
  isHostName,
  isPoolName,
  type RunnerName,
  runnerName,
} from '../../../core/ids.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { LaunchRequest } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import type { LocalHost } from './index.ts';
import type { KeeperInstructions } from './keeper-protocol.ts';
import { createProcessTable, identityOf } from './processes/index.ts';
import { startKeeper } from './start-keeper.ts';
import { createGround, type Ground, livingProcesses } from './testing.ts';

/** Of the host's looks and time-outs. */
const speed = 20;
const passMs = 10;
const passesMax = 2000;

const [deployment, hostName, pool] = ['own1', 'here', 'small'];
assert.ok(isDeploymentPrefix(deployment) && isHostName(hostName) && isPoolName(pool));
const names = { deployment, host: hostName };

const system = createSystemClock();
const clock: Clock = { ...system, after: (delayMs, task) => system.after(delayMs / speed, task) };
const pass = (): Promise<void> => system.sleep(passMs);

let ground: Ground;
describe('what an instance of the local host leaves to the next one', () => {
  beforeEach(() => {
    ground = createGround({ clock, pass });
  });
  afterEach(() => ground.close());

  const nameOf = (number: number): RunnerName => {
    assert.ok(isDeploymentPrefix(deployment) && isHostName(hostName) && isPoolName(pool));
    return runnerName(deployment, hostName, pool, String(number).padStart(26, '0'));
  };

  function request(number: number): LaunchRequest {
    assert.ok(isDeploymentPrefix(deployment) && isPoolName(pool));
    return {
      name: nameOf(number),
      attempt: 1,
      deployment,
      pool,
      labels: ['linux'],
      machine: {
        command: ['sh', '-c', ': > "$LIVING/$RUNNER_NAME.$$"; exec sleep 86400'],
        environment: { LIVING: ground.living },
      },
      answerBefore: clock.now() + 30_000,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      lifetimeMsMax: 86_400_000,
      configuration: { kind: 'handedOver', jitConfig: 'configuration' },
    };
  }

  async function until(says: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < passesMax; i += 1) {
      if (await condition()) return;
      await pass();
    }
    assert.fail(`waited for long, in vain: ${says}`);
  }

  async function livingNames(): Promise<string[]> {
    return (await livingProcesses(ground.living)).map(({ name }) => name).sort();
  }

  /** Another process that launches these, says `launched`, and goes on until it is killed. */
  function orchestrate(requests: readonly LaunchRequest[]) {
    const at = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
    const program = `
    import { createSystemClock } from ${at('../../clock/system/index.ts')};
    import { createLocalHost } from ${at('./index.ts')};
    import { localHostOptions } from ${at('./options.ts')};
    const host = await createLocalHost({
      deployment: 'own1', host: 'here', options: localHostOptions.parse({}), clock: createSystemClock(),
      dataDirectory: ${JSON.stringify(ground.dataDirectory)}, onEvent: async () => {}, onWarning: () => {},
    });
    await Promise.all(${JSON.stringify(requests)}.map((request) => host.launch(request)));
    console.log('launched');
    setInterval(() => {}, 1000);`;
    const child = spawn(execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    return {
      launched: Promise.race([once(child.stdout, 'data'), exited]),
      kill: async () => {
        child.kill('SIGKILL');
        await exited;
      },
    };
  }

  /** A machine as its records tell it. */
  function record(name: string, files: { fence?: object; end?: object; told?: object }): void {
    const folder = join(ground.dataDirectory, 'machines', `${name}.1`);
    mkdirSync(folder, { recursive: true });
    const order = { name, machine: `${name}.1`, pool, attempt: 1, orderedAt: 1 };
    for (const [file, content] of Object.entries({ order, ...files })) {
      writeFileSync(join(folder, `${file}.json`), JSON.stringify(content));
    }
  }

  async function listOf(host: LocalHost) {
    const list = await host.list();
    assert.ok(list !== 'unknown');
    return list;
  }

  test('a runner outlives its orchestrator, and the next one adopts it, sees its end or ends it', async () => {
    const [one, two] = [request(1), request(2)];
    const first = orchestrate([one, two]);
    await first.launched;
    await until('both run', async () => (await livingNames()).length === 2);
    await first.kill();

    const host = await ground.open(names);
    assert.deepEqual(
      (await listOf(host)).sort((a, b) => (a.name < b.name ? -1 : 1)),
      [one, two].map(({ name }) => ({ name, machine: `${name}.1`, alive: true })),
    );
    assert.deepEqual(await host.launch(one), { outcome: 'launched', machine: `${one.name}.1` });
    assert.deepEqual(await livingNames(), [one.name, two.name]);

    for (const { name, pid } of await livingProcesses(ground.living))
      if (name === one.name) process.kill(pid, 'SIGKILL');
    await until('the end of one is told', () => ground.events.length === 1);
    assert.deepEqual([ground.events[0]?.name, ground.events[0]?.cause], [one.name, 'ended by SIGKILL']);

    assert.equal(await host.terminate({ name: two.name, machine: null }), 'ending');
    await until('the end of two is told', () => ground.events.length === 2);
    assert.deepEqual(await livingNames(), []);
    assert.equal(existsSync(join(ground.dataDirectory, 'runners', two.name)), false);
  });

  test('a crash in the middle of launches loses no process, and none is started twice', async () => {
    const requests = Array.from({ length: 6 }, (_, i) => request(i));
    for (const crashAfter of [0, 2, 4]) {
      const batch = requests.slice(crashAfter, crashAfter + 2);
      const first = orchestrate(batch);
      // Between the first order on disk and the last keeper's record.
      await until('a launch has begun', () => {
        const folder = join(ground.dataDirectory, 'machines');
        return existsSync(folder) && readdirSync(folder).length > crashAfter;
      });
      for (let i = 0; i < crashAfter; i += 1) await pass();
      await first.kill();

      const host = await ground.open(names);
      for (const each of batch) await host.launch(each);
      const alive = async () =>
        (await listOf(host)).filter((machine) => machine.alive).map(({ name }) => name as string);
      await until('what the list says runs', async () => {
        const running = await livingNames();
        return (await alive()).sort().join() === running.join();
      });
      for (let i = 0; i < 10; i += 1) await pass();
      const running = await livingNames();
      assert.deepEqual(running, (await alive()).sort());
      assert.equal(new Set(running).size, running.length, 'one runs twice');
      host.close();
    }
  });

  test('a launch that a crash cut off never starts, though its keeper may still come', async () => {
    const { name } = request(1);
    record(name, {});
    const host = await ground.open(names);
    const machine = `${name}.1`;
    const fencePath = join(ground.dataDirectory, 'machines', machine, 'fence.json');
    const root = join(ground.dataDirectory, 'runners', name);
    const folder = (part: string): string => join(root, part);
    const instructions: KeeperInstructions = {
      fencePath,
      endPath: join(ground.directory, 'end.json'),
      logPath: join(ground.directory, 'log'),
      logBytesMax: 65_536,
      folders: {
        root,
        runner: folder('runner'),
        work: folder('work'),
        temporary: folder('tmp'),
        home: folder('home'),
      },
      runnerDirectory: null,
      command: ['/bin/sh', '-c', `: > ${ground.living}/started.$$; exec sleep 86400`],
      environment: {},
      mark: 'RUNNER_TRACKING=late',
      owner: null,
      ownerByCommand: false,
      endGraceMs: 100,
      lifetimeMsMax: 86_400_000,
    };
    const word = await startKeeper(name, instructions, join(ground.dataDirectory, 'cache'), 600_000, clock);
    assert.equal(word.said, 'taken');
    assert.ok('child' in word);
    if (word.child.exitCode === null) await once(word.child, 'exit');
    assert.deepEqual(readdirSync(ground.living), []);
    assert.deepEqual(await host.launch(request(1)), { outcome: 'launched', machine });
    assert.deepEqual(await listOf(host), [{ name, machine, alive: false }]);
    await until('its end is told', () => ground.events.length === 1);
    assert.match(ground.events[0]?.cause ?? '', /ended before it had started it/);
  });

  test("a stranger's process that has the number of a dead keeper is never ended", async () => {
    const stranger = spawn('sleep', ['86400'], { detached: true, stdio: 'ignore' });
    try {
      const real = await identityOf(createProcessTable(), stranger.pid ?? 0);
      assert.ok(real);
      const { name } = request(1);
      record(name, { fence: { kind: 'keeper', pid: real.pid, startedAt: 'in another life' } });
      const host = await ground.open(names);
      await host.terminate({ name, machine: null });
      await until('its end is told', () => ground.events.length === 1);
      assert.deepEqual(
        (await listOf(host)).map(({ alive }) => alive),
        [false],
      );
      assert.equal(await host.terminate({ name, machine: null }), 'gone');
      // The host's own longest wait, and more: no late signal either.
      for (let i = 0; i < 150; i += 1) await pass();
      assert.deepEqual(await identityOf(createProcessTable(), real.pid), real);
      assert.equal(stranger.signalCode, null);
    } finally {
      stranger.kill('SIGKILL');
    }
  });

  test('what ended while nobody looked is told at the next start, and not at the one after it', async () => {
    const { name } = request(1);
    record(name, { fence: { kind: 'keeper', pid: 1, startedAt: 'never' }, end: { cause: 'exit status 3' } });
    const host = await ground.open(names);
    await until('its end is told', () => ground.events.length === 1);
    assert.deepEqual([ground.events[0]?.name, ground.events[0]?.cause], [name, 'exit status 3']);
    const told = join(ground.dataDirectory, 'machines', `${name}.1`, 'told.json');
    await until('that is on disk', () => existsSync(told));
    host.close();
    const next = await ground.open(names);
    for (let i = 0; i < 20; i += 1) await pass();
    assert.equal(ground.events.length, 1);
    assert.deepEqual(
      (await listOf(next)).map(({ alive }) => alive),
      [false],
    );
  });

  test('a keeper that was killed while nobody looked leaves a runner, which is ended', async () => {
    const first = orchestrate([request(1)]);
    await first.launched;
    await until('it runs', async () => (await livingNames()).length === 1);
    await first.kill();
    const fence: unknown = JSON.parse(
      readFileSync(join(ground.dataDirectory, 'machines', `${nameOf(1)}.1`, 'fence.json'), 'utf8'),
    );
    assert.ok(typeof fence === 'object' && fence && 'pid' in fence && typeof fence.pid === 'number');
    process.kill(fence.pid, 'SIGKILL');
    await ground.open(names);
    await until('its end is told', () => ground.events.length === 1);
    assert.match(ground.events[0]?.cause ?? '', /its keeper was killed/);
    assert.deepEqual(await livingNames(), []);
  });

  test("work directories that nobody works in are removed at the start, and a stranger's stay", async () => {
    const runners = join(ground.dataDirectory, 'runners');
    const stranger = 'else1-here-small-00000000000000000000000000';
    for (const name of [nameOf(1), stranger, 'something'])
      mkdirSync(join(runners, name, 'work'), { recursive: true });
    await ground.open(names);
    assert.deepEqual(readdirSync(runners).sort(), [stranger, 'something']);
  });

  test('a damaged record stops the start, and says which file it is', async () => {
    const { name } = request(1);
    record(name, {});
    const path = join(ground.dataDirectory, 'machines', `${name}.1`, 'fence.json');
    writeFileSync(path, '{');
    await assert.rejects(ground.open(names), /fence\.json is damaged.*delete its folder/s);
    writeFileSync(path, JSON.stringify({ kind: 'revoked', why: 'test' }));
  });
});
