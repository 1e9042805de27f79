// What is asked of a host that can neither list its machines, nor know one by its name, nor end one: a platform's own hard
// end is the last word on each. Two calls of one name may start two machines there, of which one becomes the runner: the
// claim sees to that, and `alive` names those that have one.

import assert from 'node:assert/strict';
import type { MachineId } from '../core/ids.ts';
import type { Given } from './host.contract.ts';

const parallelLaunches = 12;

export const blindCases: readonly [says: string, run: (given: Given) => Promise<void>][] = [
  [
    'asked twice at once, or again, it may launch again, and one machine alone becomes the runner',
    async ({ fixture, ...given }) => {
      const request = fixture.request(given.name(), 1);
      const answers = await given.within(
        Promise.all([fixture.host.launch(request), fixture.host.launch(request)]),
      );
      for (const answer of answers) given.machineOf(answer);
      await given.until('it is alive', async () => (await fixture.alive()).length > 0);
      await given.launch(fixture.request(request.name, 1));
      await given.quiet();
      assert.deepEqual(await fixture.alive(), [request.name]);
      await fixture.endByItself(request.name);
      await given.until('it is not alive', async () => (await fixture.alive()).length === 0);
      await given.launch(fixture.request(request.name, 1));
      await given.quiet();
      assert.deepEqual(await fixture.alive(), []);
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
      await given.quiet();
      assert.deepEqual(await fixture.alive(), []);
      await given.launch(fixture.request(name, 2));
      await given.until('it is alive', async () => (await fixture.alive()).length > 0);
      assert.deepEqual(await fixture.alive(), [name]);
    },
  ],
  [
    'never calls a machine dead or gone that is alive, and does once its platform has ended it',
    async (given) => {
      const { fixture } = given;
      const ref = await given.launched();
      const isAlive = async (): Promise<boolean> => (await fixture.alive()).includes(ref.name);
      await given.until('it is gone', async () => {
        const answer = await given.within(fixture.host.terminate(ref));
        const state = await given.within(fixture.host.describe(ref));
        if (await isAlive()) {
          assert.equal(answer, 'ending');
          assert.ok(state === 'unknown' || state === 'alive', `a living machine is ${state}`);
        }
        return answer === 'gone';
      });
      assert.equal(await isAlive(), false);
      await given.until('it is dead', () => given.isDead(fixture.host, ref));
    },
  ],
  [
    'of a name alone says nothing that frees a place',
    async (given) => {
      const { fixture } = given;
      const { name } = await given.launched();
      const ref = { name, machine: null };
      assert.equal(await given.within(fixture.host.terminate(ref)), 'ending');
      const state = await given.within(fixture.host.describe(ref));
      assert.ok(state === 'absent' || state === 'unknown', `a machine that is not known is ${state}`);
      assert.deepEqual(await fixture.alive(), [name]);
      await given.until('its platform has ended it', async () => (await fixture.alive()).length === 0);
    },
  ],
  [
    'says that it can not list',
    async (given) => {
      await given.launched();
      assert.equal(await given.within(given.fixture.host.list()), 'unknown');
    },
  ],
  [
    'takes it for success that there is nothing to end, and leaves all others alone',
    async (given) => {
      const { fixture } = given;
      const stranger = given.name(given.names.stranger);
      const machine = await given.within(fixture.addStranger(stranger));
      const ref = await given.launched();
      for (const target of [
        { name: given.name(), machine: null },
        { name: given.name(), machine: 'never-was' as MachineId },
        { name: ref.name, machine: 'never-was' as MachineId },
        { name: ref.name, machine },
      ])
        await given.within(fixture.host.terminate(target)).catch(() => 'refused');
      await given.quiet();
      assert.deepEqual([...(await fixture.alive())].sort(), [ref.name, stranger].sort());
    },
  ],
  [
    'says once that a machine is dead, by whatever way it ended, and never of a living one',
    async (given) => {
      const { fixture } = given;
      assert.ok(fixture.events, 'who can not look has to be told');
      const { events } = fixture;
      const stopped = await given.launched();
      const ended = await given.launched();
      // A second machine of its name ends at its claim, which says nothing about the first.
      await given.launch(fixture.request(stopped.name, 1));
      await given.quiet();
      assert.deepEqual(events(), []);
      await fixture.endByItself(ended.name);
      await given.until('one was told', async () => events().length === 1);
      await given.until('the other too', async () => events().length === 2);
      await given.quiet();
      assert.deepEqual(
        events().map(({ name, happened }) => ({ name, happened })),
        [ended, stopped].map(({ name }) => ({ name, happened: 'gone' })),
      );
      assert.ok(
        events().every(({ cause }) => cause.length > 0),
        'an event without a cause',
      );
      assert.deepEqual(await fixture.alive(), []);
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
      await given.until('all are alive', async () => (await fixture.alive()).length === parallelLaunches);
      assert.deepEqual([...(await fixture.alive())].sort(), requests.map(({ name }) => name).sort());
    },
  ],
  [
    'knows after a restart what it knew of its machines',
    async (given) => {
      const { fixture } = given;
      const ref = await given.launched();
      const before = await given.within(fixture.host.describe(ref));
      const restarted = await fixture.restart();
      assert.equal(await given.within(restarted.describe(ref)), before);
      await given.until('it is gone', async () => (await given.within(restarted.terminate(ref))) === 'gone');
      assert.deepEqual(await fixture.alive(), []);
    },
  ],
];
