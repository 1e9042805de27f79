import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  asksOf,
  type Books,
  configurationOf,
  createBooks,
  launchesOf,
  poolSettings,
  timing,
} from '../../../test/fixtures/books.ts';

const lint = (id: number, runId = 5) => ({ id, labels: ['lint'], runId });

function heldJobs(...ids: number[]): Books {
  const books = createBooks(configurationOf([poolSettings('lint')]));
  for (const id of ids) books.queued(lint(id));
  for (const name of launchesOf(books.settle())) books.bringOnline(name);
  books.pass(timing.idleBesideJobMs);
  for (const id of ids) {
    books.recordJob(id, { kind: 'stillQueued', purpose: 'idleRunner' });
    books.settle();
  }
  return books;
}

const classesOf = (books: Books) => books.jobs().map((job) => job.counted?.class);

describe('a hold', () => {
  it('of one job is not ended by the hold of another, nor by an answer about it', () => {
    const books = heldJobs(1, 2, 3);
    assert.deepEqual(classesOf(books), ['held', 'held', 'held']);
    books.recordJob(1, { kind: 'stillQueued', purpose: 'orphan' });
    assert.deepEqual(asksOf(books.settle()), []);
    assert.deepEqual(classesOf(books), ['held', 'held', 'held']);
  });

  it('ends by itself alone when its time is over, and the others of its run go on', () => {
    const books = heldJobs(1, 2);
    books.pass(timing.holdMs);
    books.recordJob(1, { kind: 'holdEnded' });
    books.settle();
    assert.deepEqual(classesOf(books), ['orphaned', 'held']);
  });

  it('ends when another job of its repository comes, starts or ends', () => {
    for (const phase of ['queued', 'in_progress', 'completed'] as const) {
      const books = createBooks(configurationOf([poolSettings('lint')]));
      books.queued(lint(1));
      if (phase !== 'queued') books.queued(lint(2, 6));
      for (const name of launchesOf(books.settle())) books.bringOnline(name);
      books.recordJob(1, { kind: 'stillQueued', purpose: 'idleRunner' });
      books.settle();
      assert.equal(books.job(1).counted?.class, 'held', phase);
      books.see(lint(2, 6), phase);
      books.settle();
      assert.equal(books.job(1).counted?.class, 'orphaned', phase);
    }
  });

  it('is not ended by a job of another repository and run', () => {
    const books = heldJobs(1);
    books.queued({ ...lint(2, 6), repository: 'acme/other' });
    books.settle();
    assert.equal(books.job(1).counted?.class, 'held');
  });

  it('lasts twice as long each time, up to its longest', () => {
    const books = heldJobs(1);
    const lasted: number[] = [];
    for (let times = 0; times < 5; times += 1) {
      const { held } = books.job(1);
      assert.ok(held);
      lasted.push(held.until - books.now());
      books.pass(held.until - books.now());
      books.recordJob(1, { kind: 'holdEnded' });
      books.settle();
      books.recordJob(1, { kind: 'stillQueued', purpose: 'idleRunner' });
      books.settle();
    }
    assert.deepEqual(lasted, [60_000, 120_000, 240_000, 300_000, 300_000]);
  });
});
