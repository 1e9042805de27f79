import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isDeploymentPrefix,
  isHostName,
  isPoolName,
  type RunnerName,
  runnerName,
} from '../../../core/ids.ts';
import type { HostEvent, LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import {
  createSimulatedGround,
  createSimulatedHost,
  type SimulatedFaults,
  type SimulatedMachine,
  type SimulatedObserver,
} from './index.ts';
import { type SimulatedHostOptions, simulatedHostOptions } from './options.ts';
import { drawMs } from './spread.ts';

const startMs = 1_700_000_000_000;
const at = (ms: number) => ({ leastMs: ms, medianMs: ms, p95Ms: ms, mostMs: ms });

function setUp(given: {
  faults?: SimulatedFaults;
  options?: Partial<SimulatedHostOptions>;
  observer?: SimulatedObserver;
}) {
  const [deployment, hostName, pool] = ['own1', 'sim', 'small'];
  assert.ok(isDeploymentPrefix(deployment) && isHostName(hostName) && isPoolName(pool));
  const clock = createVirtualClock(startMs);
  const events: HostEvent[] = [];
  const programs: SimulatedMachine[] = [];
  const vanished: RunnerName[] = [];
  const ground = createSimulatedGround({ clock, ...(given.observer ? { observer: given.observer } : {}) });
  const host = createSimulatedHost({
    deployment,
    options: simulatedHostOptions.parse({
      callMs: at(100),
      bootMs: at(20_000),
      endingMs: at(1000),
      eventMs: at(500),
      ...given.options,
    }),
    clock,
    random: createSeededRandom(7),
    ground,
    faults: given.faults ?? {},
    onEvent: async (event) => {
      events.push(event);
    },
    program: (machine) => {
      programs.push(machine);
      return { vanish: () => vanished.push(machine.name) };
    },
  });
  let named = 0;
  const request = (overrides: Partial<LaunchRequest> = {}): LaunchRequest => {
    named += 1;
    return {
      name: runnerName(deployment, hostName, pool, String(named).padStart(26, '0')),
      attempt: 1,
      deployment,
      pool,
      labels: ['linux'],
      machine: {},
      answerBefore: clock.now() + 30_000,
      traceparent: '',
      lifetimeMsMax: 3_600_000,
      configuration: { kind: 'claimed', url: 'http://127.0.0.1/runners/claim', token: 'token' },
      ...overrides,
    };
  };
  /** The call's answer, or what it threw, once 100 ms have passed for it. */
  async function answered<T>(call: Promise<T>, ms = 100): Promise<T | Error> {
    const outcome = call.catch((error: unknown) =>
      error instanceof Error ? error : new Error(String(error)),
    );
    await clock.advance(ms);
    return outcome;
  }
  return { host, ground, clock, events, programs, vanished, request, answered, pool };
}

function machineOf(answer: LaunchAnswer | Error) {
  assert.ok(
    !(answer instanceof Error) && answer.outcome === 'launched',
    `not launched: ${JSON.stringify(answer)}`,
  );
  return answer.machine;
}

test('a machine is alive from half-way through the call and runs its program once it has booted', async () => {
  const { host, ground, clock, programs, request, answered } = setUp({});
  const wanted = request();
  const call = host.launch(wanted);
  await clock.advance(49);
  assert.equal(ground.census().alive, 0);
  await clock.advance(1);
  assert.equal(ground.census().alive, 1);
  const machine = machineOf(await answered(call));
  assert.equal(programs.length, 0);
  await clock.advance(20_000);
  const [program] = programs;
  assert.ok(program);
  assert.deepEqual(
    [program.name, program.machine, program.configuration],
    [wanted.name, machine, wanted.configuration],
  );
});

test('a machine that ends itself is told as an event, and its program can do nothing more', async () => {
  const { host, ground, clock, events, programs, vanished, request, answered } = setUp({});
  const wanted = request();
  const machine = machineOf(await answered(host.launch(wanted)));
  await clock.advance(20_000);
  programs[0]?.end('exit status 0');
  assert.equal(ground.census().alive, 0);
  assert.deepEqual(vanished, [wanted.name]);
  programs[0]?.end('again');
  await clock.advance(500);
  const diedAt = events[0]?.at;
  assert.deepEqual(events, [
    { name: wanted.name, machine, happened: 'gone', cause: 'exit status 0', at: diedAt },
  ]);
});

test('the pool may give a boot time of its own', async () => {
  const { host, clock, programs, request, answered } = setUp({});
  await answered(host.launch(request({ machine: { bootMs: at(10) } })));
  await clock.advance(10);
  assert.equal(programs.length, 1);
});

test('a lost answer leaves a machine behind, and the same attempt asked again answers with it', async () => {
  let lost = 1;
  const faults: SimulatedFaults = { launch: () => (lost-- > 0 ? { kind: 'answerLost' } : undefined) };
  const { host, ground, request, answered } = setUp({ faults });
  const wanted = request();
  const first = await answered(host.launch(wanted));
  assert.ok(first instanceof Error);
  assert.match(first.message, /whether it took effect is not known/);
  assert.equal(ground.census().alive, 1);
  machineOf(await answered(host.launch(wanted)));
  assert.equal(ground.census().alive, 1);
});

test('a late launch takes effect after it was given up, unless the same attempt came first', async () => {
  let late = 2;
  const faults: SimulatedFaults = {
    launch: () => (late-- > 0 ? { kind: 'late', afterMs: 60_000 } : undefined),
  };
  const { host, ground, clock, request, answered } = setUp({ faults });
  const [one, two] = [request(), request()];
  assert.ok((await answered(host.launch(one))) instanceof Error);
  assert.ok((await answered(host.launch(two))) instanceof Error);
  // To call it gone would be a lie, as it is still to come.
  assert.equal(await answered(host.terminate({ name: one.name, machine: null })), 'ending');
  machineOf(await answered(host.launch(two)));
  assert.equal(ground.census().alive, 1);
  await clock.advance(60_000);
  assert.equal(ground.census().alive, 2);
  await clock.advance(60_000);
  assert.equal(ground.census().alive, 2);
});

test('a fault later than the host says it can be is refused', async () => {
  const { host, request } = setUp({ faults: { launch: () => ({ kind: 'late', afterMs: 60_001 }) } });
  await assert.rejects(host.launch(request()), /callEffectMs/);
});

test('a call that takes longer than its caller waits throws then, and takes effect all the same', async () => {
  const { host, ground, clock, request, answered } = setUp({ options: { callMs: at(2000) } });
  const wanted = request({ answerBefore: startMs + 500 });
  const answer = await answered(host.launch(wanted), 500);
  assert.ok(answer instanceof Error);
  assert.equal(ground.census().alive, 0);
  await clock.advance(500);
  assert.equal(ground.census().alive, 1);
});

test('a refused or failed call starts nothing', async () => {
  const faults: SimulatedFaults = {
    launch: ({ attempt }) =>
      attempt === 1
        ? { kind: 'refused', refusal: 'throttled', reason: 'too many calls', retryAfterMs: 5000 }
        : { kind: 'failed' },
  };
  const { host, ground, clock, request, answered } = setUp({ faults });
  const refused = { outcome: 'refused', refusal: 'throttled', reason: 'too many calls', retryAfterMs: 5000 };
  assert.deepEqual(await answered(host.launch(request())), refused);
  assert.ok((await answered(host.launch(request({ attempt: 2 })))) instanceof Error);
  await clock.advance(3_600_000);
  assert.equal(ground.census().alive, 0);
});

test('a next attempt is another call: a caller that makes one too early has two machines of one name', async () => {
  const { host, ground, clock, request, answered, pool } = setUp({});
  const wanted = request();
  await answered(host.launch(wanted));
  await answered(host.launch({ ...wanted, attempt: 2 }));
  assert.deepEqual([ground.census().alive, ground.census().byPool.get(pool)], [2, 2]);
  await answered(host.terminate({ name: wanted.name, machine: null }));
  await clock.advance(1000);
  assert.deepEqual([ground.census().alive, ground.census().byPool.get(pool)], [0, 0]);
});

test('a machine takes its time to end, and a fault makes the call fail or the end slow', async () => {
  let nth = 0;
  const faults: SimulatedFaults = {
    terminate: () => {
      nth += 1;
      if (nth === 1) return { kind: 'failed' };
      return nth === 2 ? { kind: 'slow', endingMs: 90_000 } : undefined;
    },
  };
  const { host, ground, clock, request, answered } = setUp({ faults });
  const wanted = request();
  const machine = machineOf(await answered(host.launch(wanted)));
  const ref = { name: wanted.name, machine };
  assert.ok((await answered(host.terminate(ref))) instanceof Error);
  assert.equal(await answered(host.terminate(ref)), 'ending');
  await clock.advance(60_000);
  assert.equal(await answered(host.terminate(ref)), 'ending');
  assert.equal(ground.census().alive, 1);
  await clock.advance(30_000);
  assert.equal(ground.census().alive, 0);
  assert.equal(await answered(host.terminate(ref)), 'gone');
});

test('a list shows each machine as it was at an earlier moment, never older than the host says', async () => {
  let ageMs: (name: string) => number = () => 0;
  const { host, clock, request, answered } = setUp({ faults: { list: () => ({ kind: 'stale', ageMs }) } });
  const one = request();
  const first = machineOf(await answered(host.launch(one)));
  await clock.advance(30_000);
  await answered(host.launch(request()));
  host.vanish(one.name, { cause: 'spot interruption', silently: true });

  ageMs = () => 30_000;
  assert.deepEqual(await answered(host.list()), [{ name: one.name, machine: first, alive: true }]);
  ageMs = (name) => (name === one.name ? 30_000 : 0);
  const mixed = await answered(host.list());
  assert.ok(Array.isArray(mixed));
  assert.deepEqual(
    mixed.map((m) => m.alive),
    [true, true],
  );
  ageMs = () => 30_001;
  const tooOld = await answered(host.list());
  assert.ok(tooOld instanceof Error);
  assert.match(tooOld.message, /listStalenessMs/);
});

test('dead machines leave the list after a minute and memory after an hour', async () => {
  const { host, ground, clock, request, answered } = setUp({});
  const wanted = request();
  const machine = machineOf(await answered(host.launch(wanted)));
  host.vanish(wanted.name, { cause: 'spot interruption', silently: true });
  await clock.advance(59_000);
  assert.deepEqual(await answered(host.list()), [{ name: wanted.name, machine, alive: false }]);
  await clock.advance(2000);
  assert.deepEqual(await answered(host.list()), []);
  assert.equal(await answered(host.describe({ name: wanted.name, machine })), 'dead');
  await clock.advance(3_600_000);
  await answered(host.launch(request()));
  assert.deepEqual([...ground.all()].length, 1);
  assert.equal(await answered(host.describe({ name: wanted.name, machine: null })), 'absent');
});

test('a list or a description may be unknown, or fail', async () => {
  let kind: 'unknown' | 'failed' = 'unknown';
  const { host, request, answered } = setUp({
    faults: { list: () => ({ kind }), describe: () => ({ kind }) },
  });
  const ref = { name: request().name, machine: null };
  assert.deepEqual([await answered(host.list()), await answered(host.describe(ref))], ['unknown', 'unknown']);
  kind = 'failed';
  assert.ok((await answered(host.list())) instanceof Error);
  assert.ok((await answered(host.describe(ref))) instanceof Error);
});

test('machines vanish with or without an event, and some never boot', async () => {
  let born = 0;
  const faults: SimulatedFaults = {
    life: () => {
      born += 1;
      if (born === 3) return { boots: 'never' };
      return { vanishes: { afterMs: 30_000, silently: born === 1 } };
    },
  };
  const { host, ground, clock, events, programs, vanished, request, answered } = setUp({ faults });
  const [silent, told, hung] = [request(), request(), request()];
  for (const wanted of [silent, told, hung]) await answered(host.launch(wanted));
  await clock.advance(25_000);
  assert.deepEqual(
    programs.map((program) => program.name),
    [silent.name, told.name],
  );
  await clock.advance(10_000);
  assert.deepEqual(vanished, [silent.name, told.name]);
  assert.deepEqual(
    events.map((event) => event.name),
    [told.name],
  );
  assert.equal(ground.census().alive, 1);
  // Its own guard ends it, whatever becomes of this system.
  await clock.advance(3_600_000);
  assert.equal(ground.census().alive, 0);
});

test('events are lost, late or doubled', async () => {
  const kinds = [
    { kind: 'lost' },
    { kind: 'late', afterMs: 9000 },
    { kind: 'twice', againAfterMs: 9000 },
  ] as const;
  let nth = 0;
  const { host, clock, events, request, answered } = setUp({ faults: { event: () => kinds[nth++] } });
  const wanted = [request(), request(), request()];
  for (const each of wanted) await answered(host.launch(each));
  for (const each of wanted) host.vanish(each.name, { cause: 'test', silently: false });
  await clock.advance(500);
  assert.deepEqual(
    events.map((event) => event.name),
    [wanted[2]?.name],
  );
  await clock.advance(9000);
  const names = [wanted[2]?.name, wanted[1]?.name, wanted[2]?.name];
  assert.deepEqual(
    events.map((event) => event.name),
    names,
  );
});

test('a spare that is activated runs its program again, with the new name and configuration', async () => {
  const activated: string[] = [];
  const { host, clock, programs, request, answered } = setUp({
    observer: { activated: (machine, former) => activated.push(`${former} is ${machine.name}`) },
  });
  const spare = request();
  const machine = machineOf(await answered(host.launch(spare)));
  const early = await answered(host.activate(request(), machine));
  assert.ok(!(early instanceof Error) && early.outcome === 'refused', 'a machine that boots was put to work');
  await clock.advance(20_000);
  programs[0]?.standBy();
  const wanted = request({ configuration: { kind: 'claimed', url: 'http://127.0.0.1/', token: 'another' } });
  assert.equal(machineOf(await answered(host.activate(wanted, machine))), machine);
  await clock.advance(100);
  assert.deepEqual(
    programs.map((program) => program.name),
    [spare.name, wanted.name],
  );
  assert.deepEqual(programs[1]?.configuration, wanted.configuration);
  assert.deepEqual(activated, [`${spare.name} is ${wanted.name}`]);
  programs[0]?.end('the former program has no say');
  assert.equal(await answered(host.describe({ name: wanted.name, machine })), 'alive');
  assert.equal(await answered(host.describe({ name: spare.name, machine })), 'dead');
});

test('the census and the observer agree, whatever happens', async () => {
  const alive = new Set<string>();
  const random = createSeededRandom('census');
  const { host, ground, clock, programs, request } = setUp({
    observer: {
      born: (machine) => alive.add(machine.machine),
      died: (machine) => alive.delete(machine.machine),
    },
    faults: {
      launch: () => (random.chance(0.2) ? { kind: 'late', afterMs: random.int(60_000) } : undefined),
      life: () => (random.chance(0.2) ? { vanishes: { afterMs: random.int(60_000), silently: false } } : {}),
    },
  });
  for (let i = 0; i < 300; i += 1) {
    const wanted = request();
    host.launch(wanted).catch(() => {});
    await clock.advance(random.int(1000));
    if (random.chance(0.3)) host.terminate({ name: wanted.name, machine: null }).catch(() => {});
    if (random.chance(0.3)) programs.at(-1)?.end('done');
    assert.equal(ground.census().alive, alive.size);
  }
  assert.ok(alive.size > 0 && alive.size < 300, `${alive.size} alive: the run shows nothing`);
  await clock.advance(4_000_000);
  assert.equal(ground.census().alive, 0);
});

test('ten thousand machines are born, listed and ended in a few seconds', async () => {
  const { host, ground, clock, programs, request } = setUp({ options: { deadListedMs: 3_600_000 } });
  const wanted = Array.from({ length: 10_000 }, () => request());
  const launches = wanted.map((each) => host.launch(each));
  await clock.advance(100);
  assert.equal((await Promise.all(launches)).length, 10_000);
  await clock.advance(20_000);
  assert.equal(ground.census().alive, 10_000);
  for (const program of programs.slice(0, 5000)) program.end('done');
  const ends = wanted.slice(5000).map(({ name }) => host.terminate({ name, machine: null }));
  await clock.advance(1100);
  await Promise.all(ends);
  const list = host.list();
  await clock.advance(100);
  const listed = await list;
  assert.ok(listed !== 'unknown');
  assert.deepEqual([listed.length, listed.filter((machine) => machine.alive).length], [10_000, 0]);
});

test('a spread stays within its ends, and half of it below its median', () => {
  const random = createSeededRandom(3);
  const spread = { leastMs: 10, medianMs: 20, p95Ms: 100, mostMs: 1000 };
  const drawn = Array.from({ length: 10_000 }, () => drawMs(spread, random)).sort((a, b) => a - b);
  assert.ok((drawn[0] ?? 0) >= 10 && (drawn.at(-1) ?? 0) <= 1000);
  assert.ok(Math.abs((drawn[5000] ?? 0) - 20) <= 1);
  assert.ok((drawn[9400] ?? 0) < 100 && (drawn[9600] ?? 0) > 100);
});

test('a spread that falls is refused', () => {
  const parsed = simulatedHostOptions.safeParse({ bootMs: { leastMs: 5, medianMs: 4, p95Ms: 9, mostMs: 9 } });
  assert.equal(parsed.success, false);
});
