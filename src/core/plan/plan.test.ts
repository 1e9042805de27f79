import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  asksOf,
  configurationOf,
  createBooks,
  endingsOf,
  hostSettings,
  launchesOf,
  minuteMs,
  poolSettings,
  timing,
} from '../../../test/fixtures/books.ts';
import type { PoolName, RunnerName } from '../ids.ts';
import { alivePool } from '../ledger.ts';

const lint = { id: 1, labels: ['lint'] };
const first = <T>(list: readonly T[]): T => {
  const [one] = list;
  assert(one !== undefined, 'the list is empty');
  return one;
};

describe('a plan', () => {
  it('orders one runner for one queued job, and notes the job on it', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued(lint);
    const [name] = launchesOf(books.settle());
    assert(name);
    assert.equal(books.runner(name).forJob, books.job(1).key);
    assert.equal(books.job(1).counted?.class, 'ordered');
    assert.equal(books.runner(name).counted, 'coming');
    assert.deepEqual(books.settle(), []);
  });

  it('orders one runner when the event comes twice', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued(lint);
    books.queued(lint);
    books.settle();
    books.queued(lint);
    books.settle();
    assert.equal(books.runners().length, 1);
  });

  it('asks about a job that was queued longer ago than GitHub keeps one, before it orders anything', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ ...lint, createdAt: books.now() - 25 * 60 * minuteMs });
    const orders = books.settle();
    assert.deepEqual(launchesOf(orders), []);
    assert.deepEqual(asksOf(orders), [books.job(1).key]);
    books.recordJob(1, { kind: 'stillQueued', purpose: 'secondOrder' });
    assert.equal(launchesOf(books.settle()).length, 1, 'it was approved late, and GitHub holds it');
  });

  it('orders nothing for a gated job until it is queued', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.see(lint, 'gated');
    assert.deepEqual(books.settle(), []);
    books.queued(lint);
    assert.equal(launchesOf(books.settle()).length, 1);
  });

  it('orders up to the limit of the pool, and the rest as places come free', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 3 })]));
    for (let id = 1; id <= 5; id += 1) books.queued({ id, labels: ['lint'] });
    const names = launchesOf(books.settle());
    assert.equal(names.length, 3);
    const one = first(names);
    books.bringOnline(one);
    books.inProgress({ id: 1, labels: ['lint'] }, one);
    assert.deepEqual(launchesOf(books.settle()), []);
    books.completed({ id: 1, labels: ['lint'] }, one);
    assert.deepEqual(launchesOf(books.settle()), [], 'a runner whose job has ended still has its place');
    books.learn(one, { kind: 'gone', code: 'ended', why: 'exit 0' });
    assert.equal(launchesOf(books.settle()).length, 1);
  });

  it('keeps the limit of the host over all its pools', () => {
    const pools = [poolSettings('lint', { limit: 5 }), poolSettings('build', { limit: 5 })];
    const books = createBooks(configurationOf(pools, [hostSettings('one', { limit: 6 })]));
    for (let id = 1; id <= 5; id += 1) books.queued({ id, labels: ['lint'] });
    for (let id = 11; id <= 15; id += 1) books.queued({ id, labels: ['build'] });
    books.settle();
    assert.equal(books.alive().length, 6);
    assert.equal(books.alive().filter((runner) => runner.pool === 'lint').length, 3);
  });

  it('gives a one-job repository its place before the second of a matrix of 256', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 4, register: 'repository' })]));
    for (let id = 1; id <= 256; id += 1) books.queued({ id, labels: ['lint'], repository: 'acme/big' });
    books.settle();
    assert.equal(books.alive().length, 4);
    books.queued({ id: 1000, labels: ['lint'], repository: 'acme/small' });
    assert.deepEqual(launchesOf(books.settle()), []);
    const runner = first(books.alive());
    books.bringOnline(runner.name);
    books.inProgress({ id: 1, labels: ['lint'], repository: 'acme/big' }, runner.name);
    books.completed({ id: 1, labels: ['lint'], repository: 'acme/big' }, runner.name);
    books.learn(runner.name, { kind: 'gone', code: 'ended', why: 'exit 0' });
    const name = first(launchesOf(books.settle()));
    assert.equal(books.runner(name).scope?.repository, 'small');
  });

  it('prefers a pool of higher priority, and shares by weight within one', () => {
    const pools = [
      poolSettings('low', { weight: 1 }),
      poolSettings('heavy', { weight: 3 }),
      poolSettings('high', { priority: 1, limit: 4 }),
    ];
    const books = createBooks(configurationOf(pools, [hostSettings('one', { limit: 12 })]));
    for (const [index, pool] of ['low', 'heavy', 'high'].entries()) {
      for (let id = 0; id < 12; id += 1) books.queued({ id: 100 * index + id, labels: [pool] });
    }
    books.planOnce('one' as never, false);
    books.settle();
    const of = (pool: string) => alivePool(books.ledger().pools[pool as PoolName] ?? assert.fail());
    assert.equal(of('high'), 4);
    assert.ok(of('heavy') >= 2 * of('low'), `heavy ${of('heavy')}, low ${of('low')}`);
  });

  it('releases a surplus runner after the idle time, not before, and arms the timer for it', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued(lint);
    const name = first(launchesOf(books.settle()));
    books.bringOnline(name);
    books.completed(lint);
    const step = books.planOnce('one' as never, false);
    assert.equal(step.arm, books.now() + timing.idleMs);
    assert.deepEqual(endingsOf(step.orders), []);
    books.pass(timing.idleMs - 1);
    assert.deepEqual(books.settle(), []);
    books.pass(1);
    assert.deepEqual(endingsOf(books.settle()), [name]);
    assert.equal(books.runner(name).counted, 'ending');
  });

  it('frees an order that nobody began to launch at once, by the same commit', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued(lint);
    const name = first(launchesOf(books.settle()));
    books.completed(lint);
    books.settle();
    books.pass(timing.idleMs);
    assert.deepEqual(endingsOf(books.settle()), []);
    assert.equal(books.runner(name).state, 'gone');
    assert.equal(books.learn(name, { kind: 'lease', owner: 'late', until: books.now() + 1000 }), 'refused');
  });

  it('releases surplus at once where another lane waits for the place: orders first, then the idle', () => {
    const pools = [poolSettings('lint', { limit: 2 }), poolSettings('build', { limit: 2 })];
    const books = createBooks(configurationOf(pools, [hostSettings('one', { limit: 2 })]));
    books.queued({ id: 1, labels: ['lint'] });
    books.queued({ id: 2, labels: ['lint'] });
    const [a] = launchesOf(books.settle());
    assert(a);
    books.bringOnline(a);
    books.completed({ id: 1, labels: ['lint'] });
    books.completed({ id: 2, labels: ['lint'] });
    books.queued({ id: 3, labels: ['build'] });
    const orders = books.settle();
    assert.equal(launchesOf(orders).length, 1, 'the place of the order that was not launched');
    assert.deepEqual(endingsOf(orders), []);
    books.queued({ id: 4, labels: ['build'] });
    assert.deepEqual(endingsOf(books.settle()), [a]);
  });

  it('keeps a runner that GitHub calls busy, and it covers one job', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued(lint);
    const name = first(launchesOf(books.settle()));
    books.bringOnline(name);
    books.completed(lint);
    books.settle();
    books.pass(timing.idleMs);
    books.settle();
    books.learn(name, { kind: 'assigned' });
    books.queued({ id: 2, labels: ['lint'] });
    assert.deepEqual(books.settle(), []);
    assert.equal(books.runner(name).counted, 'coming');
  });

  it('asks about the robbed job before a second order, and orders when GitHub still holds it', () => {
    const books = createBooks(
      configurationOf([
        poolSettings('a', { labels: ['x', 'a'], overlap: true }),
        poolSettings('b', { labels: ['x', 'a', 'b'], overlap: true }),
      ]),
    );
    books.queued({ id: 1, labels: ['b'] });
    const name = first(launchesOf(books.settle()));
    books.bringOnline(name);
    books.queued({ id: 2, labels: ['x'] });
    books.settle();
    books.inProgress({ id: 2, labels: ['x'] }, name);
    assert.deepEqual(asksOf(books.settle()), [books.job(1).key]);
    assert.equal(books.job(1).counted?.class, 'orphaned');
    books.recordJob(1, { kind: 'stillQueued', purpose: 'secondOrder' });
    const again = launchesOf(books.settle());
    assert.equal(again.length, 1);
    assert.equal(books.runner(first(again)).pool, 'b');
    assert.equal(books.lanes().find((lane) => lane.pool === 'b')?.lost?.times, 1);
  });

  it('does not ask where two jobs of a lane swapped their runners', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ id: 1, labels: ['lint'] });
    books.queued({ id: 2, labels: ['lint'] });
    const [a, b] = launchesOf(books.settle());
    assert(a && b);
    books.bringOnline(a);
    books.bringOnline(b);
    books.inProgress({ id: 2, labels: ['lint'] }, a);
    assert.deepEqual(books.settle(), []);
    books.inProgress({ id: 1, labels: ['lint'] }, b);
    assert.deepEqual(books.settle(), []);
  });

  it('passes the right to a first order on, where a job that had none took the runner of one that had', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 1 })]));
    books.queued({ id: 1, labels: ['lint'] });
    books.queued({ id: 2, labels: ['lint'] });
    const name = first(launchesOf(books.settle()));
    books.bringOnline(name);
    books.inProgress({ id: 2, labels: ['lint'] }, name);
    books.completed({ id: 2, labels: ['lint'] }, name);
    books.learn(name, { kind: 'gone', code: 'ended', why: 'exit 0' });
    const orders = books.settle();
    assert.deepEqual(asksOf(orders), []);
    assert.equal(launchesOf(orders).length, 1);
    // Its own order is used up now: the next one is asked about.
    books.learn(first(launchesOf(orders)), { kind: 'removing', code: 'expired', why: '' });
    books.learn(first(launchesOf(orders)), { kind: 'fenced' });
    assert.deepEqual(asksOf(books.settle()), [books.job(1).key]);
  });

  it('holds a job that GitHub gives to no idle runner, releases the runner, and asks again when the hold is over', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued(lint);
    const name = first(launchesOf(books.settle()));
    books.bringOnline(name);
    books.pass(90_000);
    books.recordJob(1, { kind: 'stillQueued', purpose: 'idleRunner' });
    books.settle();
    assert.equal(books.job(1).counted?.class, 'held');
    books.pass(timing.idleMs);
    assert.deepEqual(endingsOf(books.settle()), [name]);
    books.learn(name, { kind: 'gone', code: 'surplus', why: '' });
    assert.deepEqual(books.settle(), []);
    books.pass(timing.holdMs);
    books.recordJob(1, { kind: 'holdEnded' });
    assert.deepEqual(asksOf(books.settle()), [books.job(1).key]);
  });

  it('ends a hold when something of the same run moves', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ id: 1, labels: ['lint'], runId: 5 });
    books.queued({ id: 2, labels: ['lint'], runId: 5 });
    const [a] = launchesOf(books.settle());
    assert(a);
    books.bringOnline(a);
    books.inProgress({ id: 1, labels: ['lint'], runId: 5 }, a);
    books.settle();
    books.recordJob(2, { kind: 'stillQueued', purpose: 'idleRunner' });
    books.settle();
    assert.equal(books.job(2).counted?.class, 'held');
    books.completed({ id: 1, labels: ['lint'], runId: 5 }, a);
    books.settle();
    assert.equal(books.job(2).counted?.class, 'orphaned');
  });

  it('opens the breaker after three failed boots, then orders exactly one probe', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    for (let id = 1; id <= 5; id += 1) books.queued({ id, labels: ['lint'] });
    for (const name of launchesOf(books.settle())) {
      books.bringOnline(name);
      books.learn(name, { kind: 'removing', code: 'bootDeadline', why: 'never online' });
      books.learn(name, { kind: 'gone', code: 'bootDeadline', why: '' });
    }
    books.settle();
    for (let id = 1; id <= 5; id += 1) books.recordJob(id, { kind: 'stillQueued', purpose: 'secondOrder' });
    assert.deepEqual(launchesOf(books.settle()), []);
    books.pass(timing.breakerMs);
    const probe = launchesOf(books.settle());
    assert.equal(probe.length, 1);
    const name = first(probe);
    books.bringOnline(name);
    books.inProgress({ id: 1, labels: ['lint'] }, name);
    assert.equal(launchesOf(books.settle()).length, 4, 'a job on its runner closes the breaker');
  });

  it('orders spares, hands a ready one over without a new place, and fills up again', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { spares: 2, limit: 3 })]));
    const spares = launchesOf(books.settle());
    assert.equal(spares.length, 2);
    for (const name of spares) {
      books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 1000 });
      books.learn(name, { kind: 'mark', owner: 'o' });
      books.learn(name, { kind: 'launched', machine: `m-${name}` as never });
      books.learn(name, { kind: 'standby' });
    }
    const told = books.settle();
    assert.deepEqual(
      told.map((order) => order.status === 'standBy' && order.runner),
      spares,
      'each is put to rest',
    );
    for (const name of spares) books.learn(name, { kind: 'rested' });
    books.settle();
    books.queued(lint);
    const orders = launchesOf(books.settle());
    assert.equal(orders.length, 2, 'one is activated, one spare is ordered again');
    const activated = orders.map((name) => books.runner(name)).find((runner) => runner.activates !== null);
    assert(activated?.activates);
    assert.equal(books.runner(activated.activates.spare).activatedAs, activated.name);
    assert.equal(books.alive().length, 3);
  });

  it('orders spares within the launches that the host takes, after what the lanes want', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { spares: 5 })]), { launches: () => 3 });
    books.queued(lint);
    const first = books.planOnce('one' as never, false);
    assert.equal(launchesOf(first.orders).length, 3);
    assert.equal(books.lanes()[0]?.coming, 1);
    assert.equal(books.ledger().pools['lint' as PoolName]?.standby, 2);
    assert.equal(first.arm, books.now() + 1_000, 'the rest comes with the next tokens');
    books.pass(1_000);
    books.settle();
    assert.equal(books.ledger().pools['lint' as PoolName]?.standby, 5);
  });

  it('orders no more than the budget grants, and comes back when the next token is there', () => {
    let tokens = 2;
    const books = createBooks(configurationOf([poolSettings('lint')]), { mints: () => tokens });
    for (let id = 1; id <= 5; id += 1) books.queued({ id, labels: ['lint'] });
    const step = books.planOnce('one' as never, false);
    assert.equal(launchesOf(step.orders).length, 2);
    assert.equal(step.arm, books.now() + 1_000);
    tokens = 3;
    books.pass(1_000);
    assert.equal(launchesOf(books.settle()).length, 3);
  });

  it('orders without a note where the index lags, and no more often than there are jobs', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 2 })]), { indexLags: true });
    for (let id = 1; id <= 3; id += 1) books.queued({ id, labels: ['lint'] });
    const [a] = launchesOf(books.settle());
    assert(a);
    books.bringOnline(a);
    books.inProgress({ id: 1, labels: ['lint'] }, a);
    books.completed({ id: 1, labels: ['lint'] }, a);
    books.learn(a, { kind: 'gone', code: 'ended', why: '' });
    const next = launchesOf(books.settle());
    assert.equal(next.length, 1);
    assert.equal(books.runner(first(next)).forJob, null);
    assert.deepEqual(books.settle(), []);
  });

  it('comes back to a job that waits and that the index did not show: its lane is not forgotten', () => {
    const options = { indexLags: false };
    const books = createBooks(configurationOf([poolSettings('lint')]), options);
    for (const id of [1, 2]) books.queued({ id, labels: ['lint'] });
    const [a, b] = launchesOf(books.settle());
    assert(a && b);
    books.bringOnline(a);
    books.inProgress({ id: 2, labels: ['lint'] }, a);
    books.settle();
    assert.equal(books.job(1).counted?.class, 'orphaned');
    options.indexLags = true;
    books.learn(b, { kind: 'gone', code: 'lost', why: '' });
    assert.deepEqual(asksOf(books.settle()), []);
    const again = books.now() + timing.askAgainMs;
    assert.equal(books.lanes()[0]?.lookAgainAt, again);
    assert.equal(books.ledger('one').wakeAt, again);
    options.indexLags = false;
    books.pass(timing.askAgainMs);
    assert.deepEqual(asksOf(books.settle()), [books.job(1).key]);
    assert.equal(books.lanes()[0]?.lookAgainAt, null);
  });

  it('hands a job on to the host whose runner took it', () => {
    const pools = [
      poolSettings('a', { labels: ['x'], overlap: true }),
      poolSettings('b', { labels: ['x', 'y'], overlap: true, host: 'two' as never }),
    ];
    const books = createBooks(configurationOf(pools, [hostSettings('one'), hostSettings('two')]));
    books.queued({ id: 1, labels: ['y'] });
    const name = first(launchesOf(books.settle()));
    books.bringOnline(name);
    books.queued({ id: 2, labels: ['x'] });
    books.settle();
    books.inProgress({ id: 2, labels: ['x'] }, name);
    books.settle();
    assert.equal(books.runner(name).state, 'busy');
    assert.equal(books.runner(name).counted, 'busy');
    assert.equal(books.ledger('two').pools['b' as PoolName]?.busy, 1);
    assert.equal(books.ledger('one').pools['a' as PoolName]?.coming, 1);
  });

  it('a completed job without a runner ends no runner', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ id: 1, labels: ['lint'] });
    books.queued({ id: 2, labels: ['lint'] });
    const [a] = launchesOf(books.settle());
    assert(a);
    books.bringOnline(a);
    books.inProgress({ id: 2, labels: ['lint'] }, a);
    books.settle();
    books.completed({ id: 1, labels: ['lint'] });
    books.settle();
    assert.equal(books.runner(a).state, 'busy');
  });

  it('drains the runners of a pool that is no longer configured, but not those at work', () => {
    const books = createBooks(configurationOf([poolSettings('lint'), poolSettings('build')]));
    books.queued({ id: 1, labels: ['lint'] });
    books.queued({ id: 2, labels: ['lint'] });
    const [a, b] = launchesOf(books.settle()) as [RunnerName, RunnerName];
    books.bringOnline(a);
    books.bringOnline(b);
    books.inProgress({ id: 1, labels: ['lint'] }, a);
    books.settle();
    books.reconfigure(configurationOf([poolSettings('build')]));
    assert.deepEqual(endingsOf(books.settle(true)), [b]);
    assert.equal(books.runner(a).removing, null);
  });

  it('a lowered limit kills nothing and orders nothing until it holds', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 3 })]));
    for (let id = 1; id <= 5; id += 1) books.queued({ id, labels: ['lint'] });
    books.settle();
    books.control({ host: 'one' as never, pool: 'lint' as PoolName, paused: false, limitNow: 1 });
    assert.deepEqual(books.settle(), []);
    assert.equal(books.alive().length, 3);
  });
});
