import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Books,
  configurationOf,
  createBooks,
  launchesOf,
  minuteMs,
  poolSettings,
} from '../../../test/fixtures/books.ts';
import type { MachineId, PoolName, RunnerName } from '../ids.ts';
import type { Order } from '../order.ts';

const hourMs = 3_600_000;
const mac = poolSettings('mac', { reuseMs: 24 * hourMs, limit: 2 });
const job = { id: 1, labels: ['mac'] };
const inBeta = { labels: ['mac'], repository: 'beta/lib', installation: 8 };

const runnersIn = (orders: readonly Order[], status: Order['status']): RunnerName[] =>
  orders.flatMap((order) => (order.status === status && 'runner' in order ? [order.runner] : []));

/** Launched, and its claim answered; the machine shows its own key. */
function launch(books: Books, name: RunnerName, machine: string, keyHash: string | undefined = 'hash'): void {
  books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 1_000 });
  books.learn(name, { kind: 'mark', owner: 'o' });
  books.learn(name, { kind: 'launched', machine: machine as MachineId });
  books.learn(name, { kind: 'claim', windowMs: 60_000, timesMax: 3, keyHash });
  books.learn(name, { kind: 'online', gitHubId: 1 });
}

function workOn(books: Books, name: RunnerName, wish: { id: number; labels: string[] }): Order[] {
  books.inProgress(wish, name);
  books.settle();
  books.completed(wish, name);
  return books.settle();
}

/** The first job is done on a machine that goes on. */
function afterOneJob(settings = mac) {
  const books = createBooks(configurationOf([settings]));
  books.queued(job);
  const [name] = runnersIn(books.settle(), 'launch');
  assert(name);
  launch(books, name, 'm1');
  const orders = workOn(books, name, job);
  const spare = books.alive().find((runner) => runner.lane === null) ?? null;
  return { books, name, orders, spare };
}

function standBy(books: Books, name: RunnerName): readonly Order[] {
  assert.equal(books.learn(name, { kind: 'standby', keyHash: 'hash' }), 'changed');
  const orders = books.settle();
  assert.equal(books.learn(name, { kind: 'rested' }), 'changed');
  books.settle();
  return orders;
}

describe('a machine that works for one runner after another', () => {
  it('goes on as a spare of the same scope when its job is done, in the same place', () => {
    const { books, name, spare } = afterOneJob();
    assert(spare);
    assert.equal(spare.machine, 'm1');
    assert.equal(spare.state, 'launched', 'it has yet to clean itself and to ask');
    assert.equal(spare.scope?.owner, 'acme');
    assert.equal(spare.keyHash, 'hash');
    assert.equal(books.runner(name).end?.code, 'jobDone');
    assert.equal(books.runner(name).activatedAs, spare.name);
    const pool = books.ledger().pools['mac' as PoolName];
    assert.deepEqual([pool?.standby, pool?.ending, pool?.busy], [1, 0, 0]);
  });

  it('is given the next job of that scope without a launch, and keeps its age and key', () => {
    const { books, spare } = afterOneJob();
    assert(spare);
    standBy(books, spare.name);
    const since = spare.machineSince;
    books.pass(hourMs);
    books.queued({ ...job, id: 2 });
    const [next] = runnersIn(books.settle(), 'launch');
    assert(next);
    const runner = books.runner(next);
    assert.deepEqual(runner.activates, { spare: spare.name, machine: 'm1' });
    assert.equal(runner.machineSince, since);
    assert.equal(runner.keyHash, 'hash');
    assert.equal(books.alive().length, 1);
  });

  it('is never given a job of another scope; it is ended where that one lacks the place', () => {
    const { books, spare } = afterOneJob({ ...mac, limit: 1 });
    assert(spare);
    standBy(books, spare.name);
    books.queued({ ...inBeta, id: 2 });
    const orders = books.settle();
    assert.deepEqual(runnersIn(orders, 'launch'), []);
    assert.deepEqual(runnersIn(orders, 'terminate'), [spare.name]);
    assert.equal(books.runner(spare.name).removing?.code, 'giveWay');
    books.learn(spare.name, { kind: 'gone', code: 'ended', why: '' });
    const [launched] = runnersIn(books.settle(), 'launch');
    assert(launched);
    assert.equal(books.runner(launched).activates, null);
  });

  it('stays though no job waits: it is paid for', () => {
    const { books, spare } = afterOneJob();
    assert(spare);
    standBy(books, spare.name);
    books.pass(hourMs);
    assert.deepEqual(books.settle(true), []);
    assert.equal(books.runner(spare.name).removing, null);
  });

  it('ends with its job where it is too old, has no key, or was to go anyway', () => {
    const old = createBooks(configurationOf([{ ...mac, reuseMs: hourMs }]));
    const keyless = createBooks(configurationOf([mac]));
    const once = createBooks(configurationOf([{ ...mac, reuseMs: 0 }]));
    for (const [books, keyHash] of [
      [old, 'hash'],
      [keyless, undefined],
      [once, 'hash'],
    ] as const) {
      books.queued(job);
      const [name] = runnersIn(books.settle(), 'launch');
      assert(name);
      books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 1_000 });
      books.learn(name, { kind: 'mark', owner: 'o' });
      books.learn(name, { kind: 'launched', machine: 'm1' as MachineId });
      books.learn(name, { kind: 'claim', windowMs: 60_000, timesMax: 3, keyHash });
      books.pass(hourMs);
      workOn(books, name, job);
      assert.equal(books.runner(name).state, 'ending');
      assert.deepEqual(
        books.alive().map((runner) => runner.name),
        [name],
      );
    }
  });

  it('does not go on where its end was begun, at its pool wall or by its platform, before its job was heard to end', () => {
    const wall = [
      { kind: 'removing', code: 'jobTime', why: 'it ran too long' },
      { kind: 'terminated' },
    ] as const;
    const taken = [{ kind: 'interrupted', why: 'taken back' }] as const;
    for (const facts of [wall, taken]) {
      const books = createBooks(configurationOf([mac]));
      books.queued(job);
      const [name] = runnersIn(books.settle(), 'launch');
      assert(name);
      books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 1_000 });
      books.learn(name, { kind: 'mark', owner: 'o' });
      books.learn(name, { kind: 'launched', machine: 'm1' as MachineId });
      books.learn(name, { kind: 'claim', windowMs: 60_000, timesMax: 3, keyHash: 'hash' });
      books.learn(name, { kind: 'busy', job: null, gitHubId: 7 });
      for (const fact of facts) books.learn(name, fact);
      workOn(books, name, job);
      assert.equal(books.runner(name).state, 'ending');
      assert.equal(books.runner(name).activatedAs, null);
    }
  });

  it('is no spare for others while it has not come to ask again', () => {
    const { books, spare } = afterOneJob();
    assert(spare);
    books.queued({ ...job, id: 2 });
    const [next] = runnersIn(books.settle(), 'launch');
    assert(next);
    assert.equal(books.runner(next).activates, null, 'a machine of its own is launched');
  });
});

describe('a spare', () => {
  const ready = poolSettings('mac', { spares: 1, limit: 3 });

  it('is put to rest once it stands by, and is not put to work before it rests', () => {
    const books = createBooks(configurationOf([ready]));
    const [name] = runnersIn(books.settle(), 'launch');
    assert(name);
    launchSpare(books, name);
    books.learn(name, { kind: 'standby' });
    assert.deepEqual(runnersIn(books.settle(), 'standBy'), [name]);
    books.queued(job);
    const [fresh] = runnersIn(books.settle(), 'launch');
    assert(fresh);
    assert.equal(books.runner(fresh).activates, null);
  });

  it('that has come to rest is found by a job that lacked a place', () => {
    const books = createBooks(configurationOf([{ ...ready, limit: 1 }]));
    const [name] = runnersIn(books.settle(), 'launch');
    assert(name);
    launchSpare(books, name);
    books.learn(name, { kind: 'standby' });
    books.settle();
    books.queued(job);
    assert.deepEqual(runnersIn(books.settle(), 'launch'), []);
    books.learn(name, { kind: 'rested' });
    const [activated] = runnersIn(books.settle(), 'launch');
    assert(activated);
    assert.equal(books.runner(activated).activates?.spare, name);
  });

  function launchSpare(books: Books, name: RunnerName): void {
    books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 1_000 });
    books.learn(name, { kind: 'mark', owner: 'o' });
    books.learn(name, { kind: 'launched', machine: 'm9' as MachineId });
  }
});

describe('a schedule of spares', () => {
  it('adds and takes away spares at its moments, and the plan wakes for the next', () => {
    const from = 1_000_000;
    const settings = poolSettings('mac', { limit: 5, spares: 1 });
    const sparesAt = (_: unknown, now: number) =>
      now < from + hourMs ? { spares: 1, until: from + hourMs } : { spares: 3, until: null };
    const books = createBooks(configurationOf([settings]), { sparesAt });
    const first = books.planOnce('one' as never, false);
    assert.equal(runnersIn(first.orders, 'launch').length, 1);
    assert.equal(first.arm, from + hourMs);
    books.pass(hourMs);
    assert.equal(runnersIn(books.settle(), 'launch').length, 2);
  });
});

describe('spares of a pool whose launches fail', () => {
  const standBy = (books: Books, name: RunnerName): void => {
    books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 1_000 });
    books.learn(name, { kind: 'mark', owner: 'o' });
    books.learn(name, { kind: 'launched', machine: 'm9' as MachineId });
    books.learn(name, { kind: 'standby' });
    books.learn(name, { kind: 'rested' });
  };

  it('are tried one after another, however many plans there are meanwhile', () => {
    const other = poolSettings('other');
    const books = createBooks(configurationOf([poolSettings('lint', { spares: 5 }), other]));
    for (const name of launchesOf(books.settle())) {
      books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 1_000 });
      books.learn(name, { kind: 'mark', owner: 'o' });
      books.learn(name, { kind: 'gone', code: 'refused', why: 'no room' });
    }
    books.settle();
    const lintLaunches = () => launchesOf(books.settle(true)).filter((name) => name.includes('-lint-'));
    books.pass(10 * minuteMs);
    const [tried, ...others] = lintLaunches();
    assert(tried);
    assert.deepEqual(others, []);
    for (let id = 1; id <= 3; id += 1) {
      books.queued({ id, labels: ['other'] });
      books.pass(100);
      assert.deepEqual(lintLaunches(), []);
    }
    standBy(books, tried);
    assert.equal(lintLaunches().length, 1);
    assert.deepEqual(lintLaunches(), []);
  });
});
