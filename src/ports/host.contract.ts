// What every host promises, as tests that each one runs. The fixture gives a fresh host on ground of its own, and
// ways to look at that ground behind the host's back; time passes only through `pass`, virtually or really.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type DeploymentPrefix,
  type HostName,
  isDeploymentPrefix,
  isHostName,
  isPoolName,
  type MachineId,
  type PoolName,
  type RunnerName,
  runnerName,
} from '../core/ids.ts';
import type { Clock, Random } from './clock.ts';
import type { Host, HostEvent, LaunchAnswer, LaunchRequest, MachineRef } from './host.ts';
import { blindCases } from './host-blind.contract.ts';

/** Names that the contract gives its runners; the fixture makes its host for them. */
export interface ContractNames {
  deployment: DeploymentPrefix;
  /** Another deployment's prefix: what carries it is a stranger's. */
  stranger: DeploymentPrefix;
  host: HostName;
  pool: PoolName;
}

/** What a fixture is made with: the time that it lives in, virtual or the system's, as its `testing.ts` says. */
export interface FixtureTime {
  clock: Clock;
  random: Random;
  /** Lets a little time go by: some ms. */
  pass(): Promise<void>;
}

export interface HostFixture {
  host: Host;
  /** A machine that lives until somebody ends it. */
  request(name: RunnerName, attempt: number): LaunchRequest;
  /** What this host refuses for good. */
  refusedRequest(name: RunnerName, attempt: number): LaunchRequest;
  /** The same ground, a new instance: as after a crash of the process that used the old one. */
  restart(): Promise<Host>;
  /** The names of all machines that are alive, strangers' too, one for each machine, by another way than the host. */
  alive(): Promise<readonly string[]>;
  /** The machine ends by itself, as a runner does after its job. */
  endByItself(name: RunnerName): Promise<void>;
  /** A machine of another deployment on the same ground. */
  addStranger(name: RunnerName): Promise<MachineId>;
  /** A machine that stands by; only where the host has the trait. */
  standBy?(name: RunnerName): Promise<MachineId>;
  /** A pool's `machine` for each way in which its spares may wait; the one of `request` where there is one alone. */
  restingMachines?: readonly unknown[];
  /** What the host said by itself, where its events come by the host and not by another door. */
  events?(): readonly HostEvent[];
  pass: FixtureTime['pass'];
  close(): Promise<void>;
}

/** Waits of one condition: with 10 ms each, 20 s, far longer than any host's machine takes in a test. */
const passesMax = 2000;
const parallelLaunches = 12;
/** Long after any test, in whatever time it lives. */
const inTime = Date.UTC(2100, 0);
/** After these, what was set off without a word would have shown: 300 ms really, 30 s in virtual time. */
const quietPasses = 30;

type Case = readonly [says: string, run: (given: Given) => Promise<void>];

/** `blind`: it can not list, nor end a machine. Much less is to be asked of it. */
export function hostContract(
  kind: string,
  makeFixture: (names: ContractNames) => Promise<HostFixture>,
  sight: 'sees' | 'blind' = 'sees',
): void {
  describe(`the ${kind} host keeps the contract`, { concurrency: 4 }, () => {
    const seeingCases: readonly Case[] = [
      [
        'asked twice at once it launches one machine and answers alike',
        async ({ fixture, ...given }) => {
          const request = fixture.request(given.name(), 1);
          const answers = await given.within(
            Promise.all([fixture.host.launch(request), fixture.host.launch(request)]),
          );
          assert.equal(given.machineOf(answers[0]), given.machineOf(answers[1]));
          await given.until('it is alive', async () => (await fixture.alive()).length > 0);
          assert.deepEqual(await fixture.alive(), [request.name]);
        },
      ],
      [
        'asked again it answers with the same machine, alive or dead, and starts no other',
        async (given) => {
          const { fixture } = given;
          const request = fixture.request(given.name(), 1);
          const machine = await given.launch(request);
          await given.until('it is alive', async () => (await fixture.alive()).length === 1);
          assert.equal(await given.launch(request), machine);
          await fixture.endByItself(request.name);
          await given.until('it is not alive', async () => (await fixture.alive()).length === 0);
          assert.equal(await given.launch(request), machine);
          assert.deepEqual(await fixture.alive(), []);
          await given.until('it is dead', () => given.isDead(fixture.host, { name: request.name, machine }));
        },
      ],
      [
        'what it refuses has started nothing, and the next attempt may launch',
        async (given) => {
          const { fixture } = given;
          const name = given.name();
          const answer = await given.within(fixture.host.launch(fixture.refusedRequest(name, 1)));
          assert.equal(answer.outcome, 'refused');
          assert.ok(answer.reason.length > 0, 'a refusal without a reason');
          assert.deepEqual(await fixture.alive(), []);
          const machine = await given.launch(fixture.request(name, 2));
          await given.until('it is alive', async () => (await fixture.alive()).length > 0);
          assert.deepEqual(await fixture.alive(), [name]);
          await given.until('it is alive by its word', () => given.isAlive(fixture.host, { name, machine }));
        },
      ],
      tooLate,
      [
        'ends a machine that it is told to end, and says so when asked again',
        async (given) => {
          const { fixture } = given;
          const ref = await given.launched();
          const other = await given.launched();
          await given.within(fixture.host.terminate(ref));
          await given.until(
            'it is gone',
            async () => (await given.within(fixture.host.terminate(ref))) === 'gone',
          );
          assert.deepEqual(await fixture.alive(), [other.name]);
          await given.until('it is dead', () => given.isDead(fixture.host, ref));
        },
      ],
      [
        'ends a machine by its name alone, where the launch was never answered',
        async (given) => {
          const { fixture } = given;
          const { name } = await given.launched();
          const ref = { name, machine: null };
          await given.until(
            'it is gone',
            async () => (await given.within(fixture.host.terminate(ref))) === 'gone',
          );
          assert.deepEqual(await fixture.alive(), []);
        },
      ],
      [
        'takes it for success that there is nothing to end, and leaves all others alone',
        async (given) => {
          const { fixture } = given;
          const ref = await given.launched();
          const never = given.name();
          await given.within(fixture.host.terminate({ name: never, machine: null }));
          await given.within(fixture.host.terminate({ name: never, machine: 'never-was' as MachineId }));
          await given.within(fixture.host.terminate({ name: ref.name, machine: 'never-was' as MachineId }));
          await given.quiet();
          assert.deepEqual(await fixture.alive(), [ref.name]);
          await given.until('it is alive', () => given.isAlive(fixture.host, ref));
        },
      ],
      [
        'never brings back what it called gone',
        async (given) => {
          const { fixture } = given;
          const name = given.name();
          if ((await given.within(fixture.host.terminate({ name, machine: null }))) !== 'gone') return;
          await given.within(fixture.host.launch(fixture.request(name, 1)));
          await given.quiet();
          assert.deepEqual(await fixture.alive(), []);
        },
      ],
      [
        'lists and describes what is there, as fresh as it says',
        async (given) => {
          const { fixture } = given;
          const living = await given.launched();
          const ended = await given.launched();
          await fixture.endByItself(ended.name);
          await given.until('one is not alive', async () => (await fixture.alive()).length === 1);
          await given.until('one is dead', () => given.isDead(fixture.host, ended));
          await given.until('one is alive', () => given.isAlive(fixture.host, living));
          await given.until('the list agrees', async () => {
            const list = await given.list(fixture.host);
            return list.filter((machine) => machine.alive).length === 1;
          });
          const listed = (await given.list(fixture.host)).find((machine) => machine.alive);
          assert.deepEqual(listed, { name: living.name, machine: living.machine, alive: true });
          const absent = await given.within(fixture.host.describe({ name: given.name(), machine: null }));
          assert.ok(absent === 'absent' || absent === 'unknown', `a machine that never was is ${absent}`);
        },
      ],
      [
        'says once that a machine is dead, and never of a living one',
        async (given) => {
          const { fixture } = given;
          if (!fixture.events) return;
          const { events } = fixture;
          const living = await given.launched();
          const ended = await given.launched();
          const stopped = await given.launched();
          await fixture.endByItself(ended.name);
          await given.within(fixture.host.terminate(stopped));
          await given.until('both were told', async () => events().length >= 2);
          await given.quiet();
          const told = events().map(({ name, machine, happened }) => ({ name, machine, happened }));
          const expected = [ended, stopped].map((ref) => ({ ...ref, happened: 'gone' as const }));
          assert.deepEqual(told.sort(byName), expected.sort(byName));
          assert.ok(
            events().every((event) => event.cause.length > 0),
            'an event without a cause',
          );
          assert.deepEqual(await fixture.alive(), [living.name]);
        },
      ],
      [
        "neither lists nor ends a stranger's machine",
        async (given) => {
          const { fixture } = given;
          const stranger = given.name(given.names.stranger);
          const machine = await fixture.addStranger(stranger);
          const own = await given.launched();
          await given.until('both are alive', async () => (await fixture.alive()).length === 2);
          for (const ref of [
            { name: own.name, machine },
            { name: given.name(), machine },
            { name: stranger, machine },
            { name: stranger, machine: null },
          ]) {
            // To refuse such a call by an error is as good.
            await given.within(fixture.host.terminate(ref)).catch(() => 'refused');
          }
          await given.quiet();
          assert.deepEqual([...(await fixture.alive())].sort(), [own.name, stranger].sort());
          assert.deepEqual(
            (await given.list(fixture.host)).map((listed) => listed.name),
            [own.name],
          );
        },
      ],
      [
        'ends nothing that lives where it looks after the rest',
        async ({ fixture, ...given }) => {
          if (!fixture.host.tend) return;
          const own = await given.launched();
          const stranger = given.name(given.names.stranger);
          await fixture.addStranger(stranger);
          await given.until('both are alive', async () => (await fixture.alive()).length === 2);
          await given.within(Promise.all([fixture.host.tend(), (await fixture.restart()).tend?.()]));
          await given.quiet();
          assert.deepEqual([...(await fixture.alive())].sort(), [own.name, stranger].sort());
        },
      ],
      [
        'launches many at the same time',
        async (given) => {
          const { fixture } = given;
          const requests = Array.from({ length: parallelLaunches }, () => fixture.request(given.name(), 1));
          const answers = await given.within(
            Promise.all(requests.map((request) => fixture.host.launch(request))),
          );
          assert.equal(new Set(answers.map(given.machineOf)).size, parallelLaunches);
          const names = requests.map((request) => request.name as string).sort();
          await given.until('all are alive', async () => (await fixture.alive()).length === parallelLaunches);
          assert.deepEqual([...(await fixture.alive())].sort(), names);
          await given.until('all are listed', async () => {
            const listed = (await given.list(fixture.host)).filter((machine) => machine.alive);
            return listed.length === parallelLaunches;
          });
        },
      ],
      [
        'finds its machines again after a restart, and launches none twice',
        async (given) => {
          const { fixture } = given;
          const ref = await given.launched();
          const ended = await given.launched();
          await given.until('the list agrees', async () => (await given.list(fixture.host)).length === 2);
          await fixture.endByItself(ended.name);
          await given.until('one is not alive', async () => (await fixture.alive()).length === 1);
          const restarted = await fixture.restart();
          await given.until('the list agrees', async () => {
            const living = (await given.list(restarted)).filter((machine) => machine.alive);
            assert.ok(living.every((machine) => machine.name === ref.name || machine.name === ended.name));
            return living.length === 1;
          });
          assert.ok(
            (await given.list(restarted)).some((m) => m.name === ref.name && m.machine === ref.machine),
          );
          for (const { name, machine } of [ref, ended]) {
            const answer = await given.within(restarted.launch(fixture.request(name, 1)));
            assert.equal(given.machineOf(answer), machine);
          }
          assert.deepEqual(await fixture.alive(), [ref.name]);
          await given.until(
            'it is gone',
            async () => (await given.within(restarted.terminate(ref))) === 'gone',
          );
          assert.deepEqual(await fixture.alive(), []);
        },
      ],
      [
        'puts a machine that stands by to work under a new name, once, or refuses where it has none',
        async (given) => {
          const { fixture } = given;
          if (!fixture.host.traits.standby || !fixture.standBy) return refusesToActivate(given);
          const spare = given.name();
          const machine = await fixture.standBy(spare);
          const request = fixture.request(given.name(), 1);
          const answers = await given.within(
            Promise.all([fixture.host.activate(request, machine), fixture.host.activate(request, machine)]),
          );
          assert.deepEqual(answers.map(given.machineOf), [machine, machine]);
          await given.until('it has its new name', async () =>
            (await fixture.alive()).includes(request.name),
          );
          assert.deepEqual(await fixture.alive(), [request.name]);
          assert.equal(given.machineOf(await given.within(fixture.host.activate(request, machine))), machine);

          const second = await given.within(fixture.host.activate(fixture.request(given.name(), 1), machine));
          assert.equal(second.outcome, 'refused', 'a machine at work was put to work again');
          await given.within(fixture.host.terminate({ name: spare, machine }));
          await given.quiet();
          assert.deepEqual(await fixture.alive(), [request.name], "the spare's old name ended the runner");

          const ref = { name: request.name, machine };
          await given.until(
            'it is gone',
            async () => (await given.within(fixture.host.terminate(ref))) === 'gone',
          );
          assert.deepEqual(await fixture.alive(), []);
          const late = await given.within(fixture.host.activate(fixture.request(given.name(), 1), machine));
          assert.equal(late.outcome, 'refused', 'a dead machine was put to work');
          assert.deepEqual(await fixture.alive(), []);

          const idle = given.name();
          const unused = { name: given.name(), machine: await fixture.standBy(idle) };
          await given.until('a spare is gone by the name that it was to get', async () => {
            return (await given.within(fixture.host.terminate(unused))) === 'gone';
          });
          assert.deepEqual(await fixture.alive(), []);
        },
      ],
      [
        'puts a machine that stands by to rest in each way that its pool may want, and it works afterwards',
        async (given) => {
          const { fixture } = given;
          if (!fixture.host.traits.standby || !fixture.standBy) return;
          const { host } = fixture;
          const ways = fixture.restingMachines ?? [fixture.request(given.name(), 1).machine];
          for (const settings of ways) {
            const spare = given.name();
            const machine = await fixture.standBy(spare);
            const rests = async (before: number) =>
              !host.standBy || (await given.within(host.standBy(machine, settings, before))) === 'waits';
            await given.until('it rests', () => rests(inTime));
            assert.ok(await rests(inTime), 'asked again, it is as it was');
            assert.deepEqual(await fixture.alive(), [spare]);
            const request = { ...fixture.request(given.name(), 1), machine: settings };
            given.machineOf(await given.within(host.activate(request, machine)));
            await given.until('it has its new name', async () =>
              (await fixture.alive()).includes(request.name),
            );
            const ref = { name: request.name, machine };
            await given.until('it is gone', async () => (await given.within(host.terminate(ref))) === 'gone');
          }
          assert.deepEqual(await fixture.alive(), []);
        },
      ],
    ];
    const blind: readonly Case[] = [
      tooLate,
      ...blindCases,
      ['refuses to activate, as it has none', refusesToActivate],
    ];
    for (const [says, run] of sight === 'blind' ? blind : seeingCases) {
      test(says, async () => {
        const names = contractNames();
        const fixture = await makeFixture(names);
        try {
          await run(givenOf(names, fixture));
        } finally {
          await fixture.close();
        }
      });
    }
  });
}

/** Of every host. */
const tooLate: Case = [
  'a launch that is only asked for when its time is over starts nothing',
  async (given) => {
    const { fixture } = given;
    const request = { ...fixture.request(given.name(), 1), answerBefore: 0 };
    await assert.rejects(given.within(fixture.host.launch(request)));
    await given.quiet();
    assert.deepEqual(await fixture.alive(), []);
  },
];

async function refusesToActivate(given: Given): Promise<void> {
  const ref = await given.launched();
  const request = given.fixture.request(given.name(), 1);
  const answer = await given.within(given.fixture.host.activate(request, ref.machine));
  assert.equal(answer.outcome, 'refused');
  assert.deepEqual(await given.fixture.alive(), [ref.name]);
}

/** A fixture, and what the cases do with it again and again. */
export interface Given {
  names: ContractNames;
  fixture: HostFixture;
  name(deployment?: DeploymentPrefix): RunnerName;
  /** Lets time go by until the work is done. */
  within<T>(work: Promise<T>): Promise<T>;
  until(says: string, condition: () => Promise<boolean>): Promise<void>;
  /** Lets time go by in which nothing is to happen. */
  quiet(): Promise<void>;
  launch(request: LaunchRequest): Promise<MachineId>;
  /** A new machine, launched and alive. */
  launched(): Promise<{ name: RunnerName; machine: MachineId }>;
  machineOf(answer: LaunchAnswer): MachineId;
  list(host: Host): Promise<Exclude<Awaited<ReturnType<Host['list']>>, 'unknown'>>;
  isAlive(host: Host, ref: MachineRef): Promise<boolean>;
  /** Dead by its host's word: `absent` too, where no call can be on its way any more. */
  isDead(host: Host, ref: MachineRef): Promise<boolean>;
}

function givenOf(names: ContractNames, fixture: HostFixture): Given {
  let named = 0;

  async function within<T>(work: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    work.then(settle, settle);
    for (let i = 0; !isSettled && i < passesMax; i += 1) await fixture.pass();
    assert.ok(isSettled, 'a call was not answered');
    return work;
  }

  async function until(says: string, condition: () => Promise<boolean>): Promise<void> {
    for (let i = 0; i < passesMax; i += 1) {
      if (await condition()) return;
      await fixture.pass();
    }
    assert.fail(`waited for long, in vain: ${says}`);
  }

  const launch = async (request: LaunchRequest): Promise<MachineId> =>
    machineOf(await within(fixture.host.launch(request)));

  const stateIn = async (host: Host, ref: MachineRef, states: readonly string[]): Promise<boolean> =>
    states.includes(await within(host.describe(ref)));

  const name = (deployment = names.deployment): RunnerName => {
    named += 1;
    return runnerName(deployment, names.host, names.pool, String(named).padStart(26, '0'));
  };

  return {
    names,
    fixture,
    name,
    within,
    until,
    quiet: async () => {
      for (let i = 0; i < quietPasses; i += 1) await fixture.pass();
    },
    launch,
    launched: async () => {
      const request = fixture.request(name(), 1);
      const machine = await launch(request);
      await until('it is alive', async () => (await fixture.alive()).includes(request.name));
      return { name: request.name, machine };
    },
    machineOf,
    list: async (host) => {
      const list = await within(host.list());
      assert.ok(list !== 'unknown', 'the host can not list');
      return list;
    },
    isAlive: (host, ref) => stateIn(host, ref, ['alive']),
    isDead: (host, ref) => stateIn(host, ref, ['dead', 'absent']),
  };
}

function machineOf(answer: LaunchAnswer): MachineId {
  assert.ok(answer.outcome === 'launched', `refused: ${'reason' in answer ? answer.reason : ''}`);
  return answer.machine;
}

function contractNames(): ContractNames {
  const [deployment, stranger, host, pool] = ['own1', 'else1', 'here', 'small'];
  assert.ok(
    isDeploymentPrefix(deployment) && isDeploymentPrefix(stranger) && isHostName(host) && isPoolName(pool),
  );
  return { deployment, stranger, host, pool };
}

function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : 1;
}
