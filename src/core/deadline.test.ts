// Every state has a deadline, and one thing that has to happen then.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { timing } from '../../test/fixtures/books.ts';
import {
  claimed,
  countedJob,
  jobAfter,
  launched,
  machine,
  marked,
  online,
  orderedRunner,
  seen,
  startMs,
  surplus,
  withFacts,
} from '../../test/fixtures/items.ts';
import { absenceProvesFrom, jobDeadline, type RunnerTimes, runnerDeadline } from './deadline.ts';
import type { Runner, RunnerFact } from './runner.ts';

const times: RunnerTimes = { ...timing, jobMsMax: 3_600_000, endGraceMs: 10_000, reuseMs: 0 };
const made = (...facts: readonly RunnerFact[]) => withFacts(orderedRunner(), startMs, ...facts);
const dueOf = (runner: Runner): [string, number] | null => {
  const deadline = runnerDeadline(runner, times);
  return deadline && [deadline.duty, deadline.at - startMs];
};
const spare = (...facts: readonly RunnerFact[]) =>
  withFacts(orderedRunner({ lane: null, scope: null }), startMs, ...facts);
const busy: RunnerFact = { kind: 'busy', job: null, gitHubId: 5 };
const gone: RunnerFact = { kind: 'gone', code: 'ended', why: '' };

describe("a runner's deadline", () => {
  it('is there in every state but gone', () => {
    const states: [Runner, [string, number] | null][] = [
      [made(), ['launchAgain', timing.outboxMs]],
      [made({ kind: 'lease', owner: 'o', until: startMs + 30_000 }), ['launchAgain', 30_000]],
      [made(...marked), ['resolveLaunch', 30_000]],
      [made(...launched), ['giveUpBoot', timing.bootMs]],
      [made(...claimed), ['giveUpBoot', timing.bootMs]],
      [made(...online), ['checkIdle', timing.idleBesideJobMs]],
      [made(...online, { kind: 'assigned' }), ['askRunner', timing.assignedMs]],
      [made(...online, busy), ['stopJob', times.jobMsMax]],
      [made(...online, busy, { kind: 'done', job: null }), ['terminate', times.endGraceMs]],
      [made(...online, surplus), ['terminate', timing.outboxMs]],
      [spare(...launched), ['giveUpBoot', timing.bootMs]],
      [spare(...launched, { kind: 'standby' }), ['standByAgain', timing.outboxMs]],
      [spare(...launched, { kind: 'standby' }, { kind: 'rested' }), ['renewStandby', 24 * 3_600_000]],
      [made(...online, gone), null],
    ];
    for (const [runner, due] of states) assert.deepEqual(dueOf(runner), due, runner.state);
  });

  it('of spares that came to stand by together is spread over the last hours of their day', () => {
    const standing = spare(...launched, { kind: 'standby' }, { kind: 'rested' });
    const hours = ['000', '7zz', 'h00', 'zzz'].map((end) => {
      const name = `${standing.name.slice(0, -3)}${end}` as Runner['name'];
      return Math.round(((dueOf({ ...standing, name })?.[1] ?? 0) / 3_600_000) * 10) / 10;
    });
    assert.deepEqual(hours, [24, 23.1, 22.1, 20]);
  });

  it('of an order is the end of its time where a lease lasts beyond it', () => {
    const runner = made({ kind: 'lease', owner: 'o', until: startMs + timing.orderMs });
    assert.deepEqual(dueOf(runner), ['expire', timing.orderMs]);
  });

  it('of a boot counts from the launch, not from the claim', () => {
    const late = withFacts(made(...launched), startMs + 100_000, {
      kind: 'claim',
      windowMs: 60_000,
      timesMax: 3,
    });
    assert.deepEqual(dueOf(late), ['giveUpBoot', timing.bootMs]);
    const unanswered = withFacts(made(...marked), startMs + 20_000, {
      kind: 'claim',
      windowMs: 60_000,
      timesMax: 3,
    });
    assert.deepEqual(dueOf(unanswered), ['giveUpBoot', 20_000 + timing.bootMs]);
  });

  it('of idleness begins anew with each look', () => {
    const looked = withFacts(made(...online), startMs + 90_000, { kind: 'idleChecked' });
    assert.deepEqual(dueOf(looked), ['checkIdle', 90_000 + timing.idleBesideJobMs]);
    const unassigned = withFacts(made(...online, { kind: 'assigned' }), startMs, { kind: 'unassigned' });
    assert.deepEqual(dueOf(unassigned), ['checkIdle', timing.idleBesideJobMs]);
  });

  it('of an ending comes again each minute until it is gone', () => {
    const told = withFacts(made(...online, surplus), startMs + 50_000, { kind: 'terminated' });
    assert.deepEqual(dueOf(told), ['terminate', 110_000]);
    const done = made(...online, busy, { kind: 'done', job: null }, { kind: 'terminated' });
    assert.deepEqual(dueOf(done), ['terminate', 60_000]);
  });
});

describe("a job's deadline", () => {
  const queued = jobAfter(null, startMs, seen(1));

  it('is when it has to be asked about, when its hold is over, or when GitHub gives it up', () => {
    const ask = { dueAt: startMs + 7, purpose: 'orphan' as const };
    assert.deepEqual(jobDeadline({ ...queued, ask }), { at: startMs + 7, duty: 'ask' });
    const held = { until: startMs + 60_000, times: 1, cause: '' };
    assert.deepEqual(jobDeadline({ ...countedJob(queued, 'held'), held }), {
      at: startMs + 60_000,
      duty: 'endHold',
    });
    const dayMs = 24 * 3_600_000 + 5 * 60_000;
    assert.deepEqual(jobDeadline(queued), { at: startMs + dayMs, duty: 'ask' });
    assert.deepEqual(jobDeadline({ ...queued, askedAt: startMs + 9 }), {
      at: startMs + 9 + dayMs,
      duty: 'ask',
    });
  });

  it('is none for one that has ended, and its runner has it while it runs', () => {
    assert.equal(jobDeadline(jobAfter(queued, startMs, seen(1, { phase: 'completed' }))), null);
    const ask = { dueAt: startMs, purpose: 'orphan' as const };
    const runs = jobAfter(queued, startMs, seen(1, { phase: 'in_progress' }));
    assert.equal(jobDeadline(runs), null);
    assert.equal(jobDeadline({ ...runs, ask })?.duty, 'ask');
  });
});

describe("absence from its host's list", () => {
  const host = { listStalenessMs: 45_000, callEffectMs: 50_000 };
  const from = (runner: Runner) => {
    const at = absenceProvesFrom(runner, host);
    return at === null ? null : at - startMs;
  };

  it('proves the end of a launched machine from its launch on, and the age that a list may have', () => {
    assert.equal(from(made(...launched)), 50_000);
    assert.equal(from(made(...online, busy)), 50_000);
  });

  it('proves that of an unanswered launch from the last moment on at which its call could take effect', () => {
    assert.equal(from(made(...marked)), 30_000 + 100_000);
  });

  it('proves nothing of an order that was not launched, nor of what is gone', () => {
    assert.equal(from(made()), null);
    assert.equal(from(made(surplus)), null);
    assert.equal(from(made(...launched, gone)), null);
  });

  it('proves that of a machine that was to be activated from the order on: it was there before', () => {
    const activates = { spare: orderedRunner().name, machine: machine('m7') };
    assert.equal(from(orderedRunner({ activates, machine: machine('m7') })), 50_000);
  });
});
