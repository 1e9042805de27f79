import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  configurationOf,
  createBooks,
  hostSettings,
  launchesOf,
  poolSettings,
  timing,
} from '../../../test/fixtures/books.ts';
import type { HostName, PoolName } from '../ids.ts';
import type { JobRoute } from '../job.ts';

const two = 'two' as HostName;
const hosts = [hostSettings('one'), hostSettings('two')];
const movedTo = (host: HostName): JobRoute => ({
  kind: 'lane',
  lane: 'lint#acme#default' as never,
  host,
  scope: { owner: 'acme', repository: null, installation: 7 },
  group: 'default',
});

describe('a job that is counted at one host', () => {
  const pools = [poolSettings('lint'), poolSettings('other', { host: two })];

  it('moves to another with its route: counted at one of them at any time, and in the end at its new one', () => {
    const books = createBooks(configurationOf(pools, hosts));
    books.queued({ id: 1, labels: ['lint'] });
    books.settle();
    books.recordJob(1, { kind: 'rerouted', route: movedTo(two) });
    books.settle();
    assert.equal(books.job(1).counted?.host, 'two');
    assert.equal(books.ledger('one').pools['lint' as PoolName]?.coming, 1, 'its runner stays, as surplus');
    assert.deepEqual(
      books.lanes().map((lane) => [lane.host, lane.fresh + lane.ordered + lane.orphaned]),
      [
        ['one', 0],
        ['two', 1],
      ],
    );
  });

  it('is told to the host whose runner took it, though it was routed elsewhere meanwhile', () => {
    const books = createBooks(configurationOf(pools, hosts));
    books.queued({ id: 1, labels: ['lint'] });
    books.queued({ id: 2, labels: ['other'] });
    const name = launchesOf(books.settle()).find((runner) => books.runner(runner).host === two);
    assert(name);
    books.bringOnline(name);
    const refused: JobRoute = { kind: 'refused', code: 'noPool', text: 'no pool has its labels' };
    books.recordJob(1, { kind: 'rerouted', route: refused });
    books.inProgress({ id: 1, labels: ['lint'] }, name);
    books.settle();
    assert.equal(books.runner(name).state, 'busy');
    assert.equal(books.runner(name).job, books.job(1).key);
  });

  it('is taken for no order of another host that has a lane of the same name', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 0 })], hosts));
    books.queued({ id: 1, labels: ['lint'], createdAt: 1 });
    books.settle();
    assert.equal(books.job(1).counted?.host, 'one');
    books.reconfigure(configurationOf([poolSettings('lint', { host: two, limit: 1 })], hosts));
    books.queued({ id: 2, labels: ['lint'], createdAt: 2 });
    books.queued({ id: 3, labels: ['lint'], createdAt: 3 });
    const [name] = launchesOf(books.planOnce(two, false).orders);
    assert(name);
    books.bringOnline(name);
    books.completed({ id: 2, labels: ['lint'] }, name);
    books.learn(name, { kind: 'gone', code: 'ended', why: 'exit 0' });
    const [next] = launchesOf(books.planOnce(two, false).orders);
    assert(next);
    assert.equal(books.job(1).counted?.class, 'fresh');
    assert.notEqual(books.runner(next).forJob, books.job(1).key);
    assert.equal(books.planOnce(two, true).mismatches, 0);
  });
});

describe('a lane', () => {
  it('registers its next runners through the installation that is newest, also for jobs that waited already', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 1 })]));
    books.queued({ id: 1, labels: ['lint'] });
    books.queued({ id: 2, labels: ['lint'] });
    const [old] = launchesOf(books.settle());
    assert(old);
    books.queued({ id: 1, labels: ['lint'], installation: 9 });
    books.queued({ id: 2, labels: ['lint'], installation: 9 });
    books.queued({ id: 2, labels: ['lint'], installation: 7 });
    books.learn(old, { kind: 'removing', code: 'mintRefused', why: 'the installation is gone' });
    books.learn(old, { kind: 'fenced' });
    const [next] = launchesOf(books.settle());
    assert(next);
    assert.equal(books.runner(next).scope?.installation, 9);
    assert.equal(books.job(2).installation, 9);
  });
});

describe('a job in progress', () => {
  it('on a runner that is gone is asked about after two minutes', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ id: 1, labels: ['lint'] });
    const [name] = launchesOf(books.settle());
    assert(name);
    books.bringOnline(name);
    books.inProgress({ id: 1, labels: ['lint'] }, name);
    books.settle();
    assert.equal(books.job(1).ask, null);
    books.learn(name, { kind: 'gone', code: 'lost', why: '' });
    books.settle();
    assert.deepEqual(books.job(1).ask, { dueAt: books.now() + timing.orphanJobMs, purpose: 'orphan' });
  });

  it('whose runner is missing at GitHub twice is asked about after two minutes', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ id: 1, labels: ['lint'] });
    const [name] = launchesOf(books.settle());
    assert(name);
    books.bringOnline(name);
    books.inProgress({ id: 1, labels: ['lint'] }, name);
    books.settle();
    books.pass(timing.missingMs + 1);
    for (let lists = 0; lists < 2; lists += 1)
      books.learn(name, { kind: 'missing', asked: books.now(), trustedAfterMs: timing.missingMs });
    books.settle();
    assert.equal(books.runner(name).counted, 'ending', 'its place is taken until its host has spoken');
    assert.deepEqual(books.job(1).ask, { dueAt: books.now() + timing.orphanJobMs, purpose: 'orphan' });
  });

  it('whose event comes after the end of its runner moves the job only, and is asked about', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ id: 1, labels: ['lint'] });
    const [name] = launchesOf(books.settle());
    assert(name);
    books.bringOnline(name);
    books.learn(name, { kind: 'gone', code: 'lost', why: '' });
    books.settle();
    books.inProgress({ id: 1, labels: ['lint'] }, name);
    books.settle();
    assert.equal(books.runner(name).state, 'gone');
    assert.equal(books.job(1).phase, 'in_progress');
    assert.equal(books.job(1).ask?.purpose, 'orphan');
  });

  it("on a stranger's runner is asked about after ten minutes", () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued({ id: 1, labels: ['lint'] });
    books.settle();
    books.inProgress({ id: 1, labels: ['lint'] }, 'somebody-else');
    books.settle();
    assert.deepEqual(books.job(1).ask, { dueAt: books.now() + timing.foreignJobMs, purpose: 'orphan' });
  });
});
