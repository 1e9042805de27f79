// The table of transitions, row by row: what a fact may do to a runner in each state, and what it must not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  claimed,
  keyOf,
  launched,
  machine,
  marked,
  online,
  orderedRunner,
  owner,
  registered,
  startMs,
  surplus,
  withFacts,
} from '../../test/fixtures/items.ts';
import { mergeRunner, type Runner, type RunnerFact, runnerClass } from './runner.ts';

const job = keyOf(1);
const busy: RunnerFact = { kind: 'busy', job, gitHubId: 5 };
const claim: RunnerFact = { kind: 'claim', windowMs: 60_000, timesMax: 3 };
const gone: RunnerFact = { kind: 'gone', code: 'ended', why: 'exit 0' };
const done: RunnerFact = { kind: 'done', job };

const made = (...facts: readonly RunnerFact[]) => withFacts(orderedRunner(), startMs, ...facts);
const outcomeOf = (runner: Runner, fact: RunnerFact, at = startMs) => mergeRunner(runner, fact, at).outcome;
const next = (runner: Runner, fact: RunnerFact, at = startMs) => withFacts(runner, at, fact);

describe("a runner's class", () => {
  it('is coming from ordered to assigned, busy with a job, ending when it has to go or is done, and none when gone', () => {
    const classes = [
      [],
      marked,
      launched,
      claimed,
      online,
      [...online, { kind: 'assigned' }],
      [...online, busy],
      [...online, busy, done],
      [...online, surplus],
      [surplus],
      [...online, gone],
    ].map((facts) => runnerClass(made(...(facts as RunnerFact[]))));
    assert.deepEqual(classes, [
      ...['coming', 'coming', 'coming', 'coming', 'coming', 'coming'],
      ...['busy', 'ending', 'ending', 'ending', null],
    ]);
  });

  it('is standby for a spare on its way and for one that stands by', () => {
    const spare = orderedRunner({ lane: null, scope: null });
    assert.equal(runnerClass(spare), 'standby');
    assert.equal(runnerClass(withFacts(spare, startMs, ...launched, { kind: 'standby' })), 'standby');
  });

  it('changes never without its host hearing of it', () => {
    const changes: [Runner, RunnerFact][] = [
      [made(...online), busy],
      [made(...online, busy), done],
      [made(...online), surplus],
      [made(...online, surplus), { kind: 'assigned' }],
      [made(...online, surplus), busy],
      [made(...launched), gone],
      [made(surplus), { kind: 'fenced' }],
      [
        made(...marked, { kind: 'removing', code: 'uncertain', why: '' }),
        { kind: 'launched', machine: machine('m1') },
      ],
    ];
    for (const [before, fact] of changes) {
      const known = { ...before, dirty: null };
      const after = next(known, fact);
      assert.notEqual(runnerClass(after), runnerClass(known), fact.kind);
      assert.equal(after.dirty?.host, 'one', fact.kind);
    }
  });
});

describe('the lease and the mark', () => {
  it('a launch message takes a lease where none lives, and not on what is marked, removing or gone', () => {
    const lease: RunnerFact = { kind: 'lease', owner: 'another', until: startMs + 60_000 };
    assert.equal(outcomeOf(made(), lease), 'changed');
    const leased = made({ kind: 'lease', owner, until: startMs + 30_000 });
    assert.equal(outcomeOf(leased, lease, startMs + 29_999), 'refused');
    assert.equal(outcomeOf(leased, lease, startMs + 30_000), 'changed');
    for (const facts of [marked, launched, [surplus], [gone]]) {
      assert.equal(outcomeOf(made(...facts), lease, startMs + 60_000), 'refused');
    }
  });

  it('a lease that is given up is free when it is worth another try; only its owner gives it up, and never after the mark', () => {
    const leased = made({ kind: 'lease', owner, until: startMs + 30_000 });
    const until = startMs + 5_000;
    assert.equal(next(leased, { kind: 'leaseGivenUp', owner: 'another', until }).lease?.owner, owner);
    const free = next(leased, { kind: 'leaseGivenUp', owner, until });
    assert.equal(outcomeOf(free, { kind: 'mark', owner }), 'refused');
    const again: RunnerFact = { kind: 'lease', owner: 'another', until: startMs + 60_000 };
    assert.equal(outcomeOf(free, again, until - 1), 'refused');
    assert.equal(outcomeOf(free, again, until), 'changed');
    assert.equal(next(made(...marked), { kind: 'leaseGivenUp', owner, until }).lease?.owner, owner);
  });

  it('the mark is for the owner of a lease that has not ended, on what is not removing and not gone', () => {
    const leased = made({ kind: 'lease', owner, until: startMs + 30_000 });
    const mark: RunnerFact = { kind: 'mark', owner };
    assert.equal(outcomeOf(leased, mark, startMs + 29_999), 'changed');
    assert.equal(outcomeOf(leased, mark, startMs + 30_000), 'refused');
    assert.equal(outcomeOf(leased, { kind: 'mark', owner: 'another' }), 'refused');
    assert.equal(outcomeOf(made(), mark), 'refused');
    assert.equal(outcomeOf(next(leased, surplus), mark), 'refused');
    assert.equal(outcomeOf(next(leased, gone), mark), 'refused');
    assert.equal(outcomeOf(made(...marked), mark), 'refused');
  });

  it('the mark is never undone', () => {
    const runner = made(...marked);
    const facts: RunnerFact[] = [
      { kind: 'leaseGivenUp', owner, until: startMs },
      { kind: 'attemptRefused', owner },
      { kind: 'launched', machine: machine('m1') },
      surplus,
      busy,
      gone,
    ];
    for (const fact of facts) {
      assert.equal(next(runner, fact).markedAt, startMs, fact.kind);
    }
  });

  it('removing and unmarked is free at once, and no launch can follow', () => {
    const fenced = made(surplus, { kind: 'fenced' });
    assert.equal(fenced.state, 'gone');
    assert.equal(fenced.end?.code, 'surplus');
    assert.equal(outcomeOf(fenced, { kind: 'lease', owner: 'late', until: startMs + 1 }, startMs), 'refused');
  });

  it('what is marked, or not removing, or has a machine already, is never free without the word of its host', () => {
    const fence: RunnerFact = { kind: 'fenced' };
    assert.equal(outcomeOf(made(...marked, surplus), fence), 'refused');
    assert.equal(outcomeOf(made(), fence), 'refused');
    const activates = { spare: orderedRunner().name, machine: machine('m7') };
    const activation = withFacts(orderedRunner({ activates, machine: machine('m7') }), startMs, surplus);
    assert.equal(outcomeOf(activation, fence), 'refused');
  });

  it('a next attempt follows a definite refusal under the same lease, and not when the runner has to go', () => {
    const runner = made(...marked);
    const refused: RunnerFact = { kind: 'attemptRefused', owner };
    assert.equal(next(runner, refused).attempt, 2);
    assert.equal(outcomeOf(runner, refused, startMs + 30_000), 'refused');
    assert.equal(outcomeOf(runner, { kind: 'attemptRefused', owner: 'another' }), 'refused');
    assert.equal(outcomeOf(made(...marked, surplus), refused), 'refused');
    assert.equal(outcomeOf(made(...launched), refused), 'refused');
  });
});

describe('an answer of the host', () => {
  it('a launch that the host confirms is launched, with its machine', () => {
    const runner = made(...launched);
    assert.equal(runner.state, 'launched');
    assert.equal(runner.machine, 'm1');
  });

  it('a late answer still stores the machine, and takes nothing back', () => {
    const runner = next(made(...marked, busy), { kind: 'launched', machine: machine('m1') }, startMs + 9);
    assert.equal(runner.state, 'busy');
    assert.equal(runner.machine, 'm1');
    assert.equal(runner.launchedAt, startMs + 9);
  });

  it('a launch in doubt that is answered, or listed alive, is launched instead', () => {
    const uncertain = made(...marked, { kind: 'removing', code: 'uncertain', why: '' });
    for (const kind of ['launched', 'alive'] as const) {
      const runner = next(uncertain, { kind, machine: machine('m1') });
      assert.equal(runner.removing, null, kind);
      assert.equal(runner.state, 'launched', kind);
    }
  });

  it('a launch in doubt that GitHub has let go of already stays on its way out, whatever is answered', () => {
    const runner = made(...marked, { kind: 'removing', code: 'uncertain', why: '' }, { kind: 'removed' });
    const answered = next(runner, { kind: 'launched', machine: machine('m1') });
    assert.equal(answered.removing?.code, 'uncertain');
    assert.equal(answered.machine, 'm1');
  });

  it('an answer clears no other reason to go', () => {
    const runner = next(made(...marked, surplus), { kind: 'launched', machine: machine('m1') });
    assert.equal(runner.removing?.code, 'surplus');
  });

  it('a machine that is dead is gone from any state, and stays gone', () => {
    for (const facts of [marked, launched, claimed, online, [...online, busy], [...online, busy, done]]) {
      const runner = next(made(...facts), gone);
      assert.equal(runner.state, 'gone');
      const late: RunnerFact[] = [...online, busy, done, surplus, { kind: 'assigned' }, gone];
      for (const fact of late) {
        const merged = mergeRunner(runner, fact, startMs);
        assert.equal(merged.outcome === 'changed' ? merged.runner.state : 'gone', 'gone', fact.kind);
      }
    }
    assert.equal(outcomeOf(made(...launched, gone), { kind: 'alive', machine: machine('m1') }), 'refused');
  });

  it('an end tells the reason for which the runner had to go, and that of its job before all others', () => {
    assert.equal(made(...online, gone).end?.code, 'ended');
    assert.equal(made(...online, surplus, gone).end?.code, 'surplus');
    assert.equal(made(...online, busy, done, gone).end?.code, 'jobDone');
    assert.equal(
      made(...marked, surplus, { kind: 'gone', code: 'refused', why: 'none left' }).end?.code,
      'refused',
    );
  });
});

describe('the claim', () => {
  it('is won once, by what is launching or launched and not removing', () => {
    assert.equal(made(...launched, claim).state, 'claimed');
    assert.equal(made(...marked, claim).state, 'claimed');
    assert.equal(outcomeOf(made(), claim), 'refused');
    for (const facts of [
      [...launched, surplus],
      [...launched, gone],
      online,
      [...online, { kind: 'assigned' } as const],
      [...online, busy],
      [...online, busy, done],
    ]) {
      assert.equal(outcomeOf(made(...facts), claim), 'refused', facts.at(-1)?.kind);
    }
  });

  it('may be repeated within its time, three times in all, and forgets the id that was never heard', () => {
    const second = next(made(...registered), claim, startMs + 60_000);
    assert.deepEqual(second.claim, { at: startMs, times: 2 });
    assert.equal(second.gitHubId, null);
    assert.equal(outcomeOf(made(...registered), claim, startMs + 60_001), 'refused');
    assert.equal(outcomeOf(withFacts(second, startMs, claim), claim), 'refused');
  });

  it('is free again where GitHub refused for its limit before anything was registered', () => {
    const runner = made(...claimed, { kind: 'unclaimed' });
    assert.equal(runner.claim, null);
    assert.equal(outcomeOf(runner, claim, startMs + 90_000), 'changed');
  });

  it('is not forgotten by a refusal of a repeated claim: an earlier answer may be in use', () => {
    const runner = withFacts(made(...registered), startMs + 5_000, claim, { kind: 'unclaimed' });
    assert.deepEqual(runner.claim, { at: startMs + 5_000, times: 1 });
    assert.equal(outcomeOf(runner, claim, startMs + 60_000), 'changed');
  });

  it('that was repeated takes no late id from the one before: GitHub has let go of it', () => {
    const repeated = made(...claimed, claim);
    assert.equal(outcomeOf(repeated, { kind: 'minted', gitHubId: 8, times: 1 }), 'refused');
    assert.equal(next(repeated, { kind: 'minted', gitHubId: 9, times: 2 }).gitHubId, 9);
    assert.equal(next(made(...claimed), { kind: 'minted', gitHubId: 8, times: 1 }).gitHubId, 8);
  });
});

describe("a job's event, and GitHub's list", () => {
  it('in_progress on a runner that comes makes it busy with the job', () => {
    for (const facts of [marked, launched, claimed, online, [...online, { kind: 'assigned' } as const]]) {
      const runner = next(made(...facts), busy);
      assert.equal(runner.state, 'busy');
      assert.equal(runner.job, job);
    }
  });

  it('in_progress on one that has to go, before GitHub let go of it, makes it busy and keeps it', () => {
    const runner = next(made(...online, surplus), busy);
    assert.equal(runner.state, 'busy');
    assert.equal(runner.removing, null);
  });

  it('in_progress after GitHub let go of it, after its job, or after its end, changes nothing', () => {
    for (const facts of [
      [...online, surplus, { kind: 'removed' } as const],
      [...online, busy, done],
      [...online, gone],
    ]) {
      const before = made(...facts);
      const after = next(before, { kind: 'busy', job: keyOf(2), gitHubId: 5 });
      assert.equal(after.state, before.state);
      assert.equal(runnerClass(after), runnerClass(before));
      assert.equal(after.removing?.code, before.removing?.code);
      assert.deepEqual(after.dirty, before.dirty);
    }
  });

  it('busy in the list with an unknown job takes the name of the job when its event comes', () => {
    const listed = next(made(...online), { kind: 'busy', job: null, gitHubId: 5 });
    assert.equal(listed.state, 'busy');
    assert.equal(listed.job, null);
    assert.equal(next(listed, busy).job, job);
    assert.equal(next(next(listed, busy), { kind: 'busy', job: null, gitHubId: 5 }).job, job);
  });

  it('completed on a runner that is not gone makes it done, whatever was meant with it', () => {
    for (const facts of [online, [...online, busy], [...online, surplus]]) {
      const runner = next(made(...facts), done);
      assert.equal(runner.state, 'ending');
      assert.equal(runner.doneAt, startMs);
      assert.equal(runner.removing, null);
      assert.equal(runner.job, job);
    }
    assert.equal(next(made(...online, gone), done).doneAt, null);
    assert.equal(next(made(...online, done), done, startMs + 9).doneAt, startMs);
  });

  it('online in the list is online, once, and takes nothing back', () => {
    const runner = next(made(...launched), { kind: 'online', gitHubId: 6 }, startMs + 1);
    assert.equal(runner.state, 'online');
    assert.equal(runner.gitHubId, 6);
    assert.equal(next(runner, { kind: 'online', gitHubId: 6 }, startMs + 9).onlineAt, startMs + 1);
    assert.equal(next(made(...online, busy), { kind: 'online', gitHubId: 5 }).state, 'busy');
  });

  it('422 to its removal is assigned: it stays, and it comes', () => {
    const runner = next(made(...online, surplus), { kind: 'assigned' }, startMs + 7);
    assert.equal(runner.state, 'assigned');
    assert.equal(runner.removing, null);
    assert.equal(runner.assignedAt, startMs + 7);
    assert.equal(runnerClass(runner), 'coming');
    for (const facts of [
      [...online, busy],
      [...online, done],
      [...online, gone],
    ]) {
      assert.equal(outcomeOf(made(...facts), { kind: 'assigned' }), 'unchanged');
    }
  });

  it('assigned with no job after all is an idle runner again', () => {
    const runner = made(...online, { kind: 'assigned' });
    assert.equal(next(runner, { kind: 'unassigned' }).assignedAt, null);
    assert.equal(outcomeOf(next(runner, { kind: 'unassigned' }), { kind: 'unassigned' }), 'unchanged');
    assert.equal(outcomeOf(next(runner, busy), { kind: 'unassigned' }), 'unchanged');
  });
});

describe("missing in GitHub's list", () => {
  const missing = (asked: number): RunnerFact => ({ kind: 'missing', asked, trustedAfterMs: 30_000 });
  const late = startMs + 30_001;

  it('counts in lists asked more than 30 s after the claim was answered, and for what was registered', () => {
    assert.equal(outcomeOf(made(...online), missing(startMs + 30_000)), 'unchanged');
    assert.equal(outcomeOf(made(...claimed), missing(late)), 'unchanged');
    assert.equal(outcomeOf(made(...launched), missing(late)), 'unchanged');
    assert.equal(outcomeOf(made(...online, done), missing(late)), 'unchanged');
    assert.equal(outcomeOf(made(...online), missing(late)), 'changed');
  });

  it('once says nothing; twice, what comes has to go, and what is busy is done', () => {
    const once = next(made(...online), missing(late), late);
    assert.equal(once.removing, null);
    assert.equal(next(once, missing(late + 1), late + 1).removing?.code, 'unregistered');
    const atWork = withFacts(made(...online, busy), late, missing(late), missing(late + 1));
    assert.equal(atWork.state, 'ending');
    assert.equal(atWork.doneAt, late);
    assert.equal(atWork.removing, null);
  });

  it('means twice in a row: what is seen in between begins anew', () => {
    for (const [facts, between] of [
      [online, { kind: 'listed' }],
      [[...online, busy], { kind: 'busy', job: null, gitHubId: 5 }],
    ] as [RunnerFact[], RunnerFact][]) {
      const runner = withFacts(made(...facts), late, missing(late), between, missing(late + 1));
      assert.equal(runner.removing, null, between.kind);
      assert.equal(runner.doneAt, null, between.kind);
    }
  });

  it('counts for a runner that was seen registered, though its id was never heard', () => {
    const runner = made(...claimed, { kind: 'online', gitHubId: null }, { kind: 'assigned' });
    const after = withFacts(runner, late, missing(late), missing(late + 1));
    assert.equal(after.removing?.code, 'unregistered');
  });
});

describe('an intent to remove', () => {
  it('is set once, with its reason, on what is not done and not gone', () => {
    const runner = made(...online, surplus);
    assert.deepEqual(runner.removing, { code: 'surplus', at: startMs, why: 'no job waits for it' });
    assert.equal(outcomeOf(runner, { kind: 'removing', code: 'poolGone', why: '' }), 'unchanged');
    assert.equal(outcomeOf(made(...online, done), surplus), 'unchanged');
    assert.equal(outcomeOf(made(...online, gone), surplus), 'unchanged');
  });

  it("ends no runner with a job, but at its pool's wall", () => {
    const runner = made(...online, busy);
    for (const code of [
      'surplus',
      'giveWay',
      'bootDeadline',
      'unregistered',
      'poolGone',
      'uncertain',
    ] as const) {
      assert.equal(outcomeOf(runner, { kind: 'removing', code, why: '' }), 'refused', code);
    }
    assert.equal(next(runner, { kind: 'removing', code: 'jobTime', why: '' }).removing?.code, 'jobTime');
  });

  it('that was fulfilled at GitHub is remembered for ever', () => {
    const runner = made(...online, surplus, { kind: 'removed' });
    for (const fact of [busy, done, gone, { kind: 'online', gitHubId: 5 } as const]) {
      assert.equal(next(runner, fact, startMs + 1).removedAt, startMs, fact.kind);
    }
  });

  it('that a job has cleared meanwhile is not fulfilled any more', () => {
    assert.equal(outcomeOf(made(...online, surplus, busy), { kind: 'removed' }), 'refused');
    assert.equal(outcomeOf(made(...online), { kind: 'removed' }), 'refused');
    assert.equal(outcomeOf(made(...online, busy, done), { kind: 'removed' }), 'changed');
  });
});

describe('a spare', () => {
  const spare = withFacts(orderedRunner({ lane: null, scope: null }), startMs, ...launched);

  it('stands by when its machine says so, which its host has to hear', () => {
    const standing = next(spare, { kind: 'standby' }, startMs + 5);
    assert.equal(standing.state, 'standby');
    assert.equal(standing.standbyAt, startMs + 5);
    assert.ok(standing.dirty);
    assert.equal(outcomeOf(standing, { kind: 'standby' }), 'unchanged');
  });

  it('is the only one that stands by, and not when it has to go', () => {
    assert.equal(outcomeOf(made(...launched), { kind: 'standby' }), 'refused');
    assert.equal(outcomeOf(next(spare, surplus), { kind: 'standby' }), 'refused');
  });
});

describe('a note', () => {
  it('changes nothing but the timeline', () => {
    const runner = made(...online);
    const after = next(runner, { kind: 'note', what: 'machine: booted' });
    const { timeline, version, ...rest } = after;
    const { timeline: before, version: _, ...same } = runner;
    assert.deepEqual(rest, same);
    assert.equal(timeline.length, before.length + 1);
    assert.ok(version);
  });
});
