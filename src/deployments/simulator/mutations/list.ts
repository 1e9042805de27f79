// The mutations: each leaves one rule out, or turns it round, and has to be caught. Those with a hole are named as in
// the table of holes: what a system of this kind breaks without the rule.

import type { Mutation } from './mutation.ts';

export const mutations: readonly Mutation[] = [
  // ---- Launching

  {
    name: 'the mark is written after the call to the host',
    hole: 'H1',
    file: 'flow/orchestrator/launcher.ts',
    edits: [
      {
        find: 'recordRunner(order.runner, [lease, mark], now, known)',
        replace: 'recordRunner(order.runner, [lease], now, known)',
      },
      {
        find: "[{ kind: 'launched', machine: answer.machine }]",
        replace: "[{ kind: 'mark', owner }, { kind: 'launched', machine: answer.machine }]",
      },
    ],
    faults: 'races',
    expects: ['places', 'limits', 'quiet'],
    seedsMax: 10,
    why: 'The handler dies between the call and the mark: "never launched", so the place is free, and the machine lives.',
  },
  {
    name: 'an order may be launched by two handlers',
    hole: 'H2',
    file: 'core/runner.ts',
    edits: [
      {
        find: "if (runner.state !== 'ordered' || isMarked(runner)) return refused('its launch has begun');",
        replace: '',
      },
      { find: "if (hasLiveLease(runner, at)) return refused('another handler works on it');", replace: '' },
      {
        find: "at: number): RunnerMerge { if (isMarked(runner)) return refused('its launch has begun');",
        replace: 'at: number): RunnerMerge {',
      },
      { find: "if (runner.state !== 'ordered') return", replace: 'if (false) return' },
    ],
    faults: 'messageTwice',
    expects: ['forward', 'places', 'limits'],
    seedsMax: 10,
    why: 'The order comes twice, and both launch: the later mark stands for a call that the first one does not know of.',
  },
  {
    name: 'a list without the machine frees the place of a launched one at once',
    hole: 'H3',
    file: 'core/deadline.ts',
    edits: [
      {
        find: 'return runner.launchedAt + host.listStalenessMs + absenceMarginMs;',
        replace: 'return runner.launchedAt;',
      },
    ],
    faults: 'listStale',
    expects: ['places', 'limits'],
    seedsMax: 10,
    why: 'The list is older than the machine: absent, freed, ordered anew, and one too many lives.',
  },
  {
    name: 'a list without the machine frees the place of an unanswered launch at once',
    hole: 'H3',
    file: 'core/deadline.ts',
    edits: [
      {
        find: '(runner.lease?.until ?? runner.markedAt ?? 0) + host.callEffectMs + host.listStalenessMs + absenceMarginMs',
        replace: 'runner.lease?.until ?? 0',
      },
    ],
    faults: 'launchLate:launchLate=0.3',
    expects: ['places', 'limits'],
    seedsMax: 20,
    why: 'The call takes effect after it was given up, when its place has gone to another.',
  },
  {
    name: 'an unanswered launch counts as refused',
    hole: 'H5',
    file: 'flow/orchestrator/launcher.ts',
    edits: [
      {
        find: "telemetry.log('warn', 'a launch was not answered', { runner: runner.name, error: readable(String(error)), }); return null;",
        replace:
          "return { outcome: 'refused', refusal: 'noCapacity', reason: String(error), retryAfterMs: null };",
      },
    ],
    faults: 'launchUnanswered',
    expects: ['places', 'limits'],
    seedsMax: 10,
    why: 'The answer is lost and the machine lives, without a place.',
  },
  {
    name: 'the next attempt is made while an earlier call is in doubt',
    hole: 'H5',
    file: 'flow/orchestrator/launcher.ts',
    edits: [
      {
        find: "telemetry.log('warn', 'a launch was not answered', { runner: runner.name, error: readable(String(error)), }); return null;",
        replace:
          "return { outcome: 'refused', refusal: 'noCapacity', reason: String(error), retryAfterMs: 500 };",
      },
    ],
    faults: 'launchUnanswered',
    expects: ['places', 'limits'],
    seedsMax: 10,
    why: 'Two machines of one name: the second has the place, the first is one too many.',
  },
  {
    name: 'a handler that stalled calls the host after its lease',
    file: 'flow/orchestrator/launcher.ts',
    edits: [{ find: 'if (clock.now() >= request.answerBefore) {', replace: 'if (false) {' }],
    faults: 'races',
    expects: ['places', 'limits'],
    seedsMax: 5,
    why: 'Nobody expects a call any more, and the place is given away by the list that lacks the machine.',
    equivalent:
      'The host refuses such a call too, whoever makes it (its contract); the launcher only saves it the call.',
  },
  {
    name: 'a lost order is not published again',
    hole: 'H11',
    file: 'core/deadline.ts',
    edits: [
      {
        find: "return runner.launchBefore <= again ? { at: runner.launchBefore, duty: 'expire' } : { at: again, duty: 'launchAgain' };",
        replace: "return { at: runner.launchBefore, duty: 'expire' };",
      },
    ],
    faults: 'messageLost',
    expects: ['healing'],
    seedsMax: 10,
    why: 'The order is committed, its message is lost, and nobody launches until the order is void.',
  },
  {
    name: 'orders are published before the commit',
    file: 'flow/publisher/handler.ts',
    edits: [
      {
        find: 'const result = await table.commit(withoutSteps(decided.commit));',
        replace:
          'await publish(host, decided); const result = await table.commit(withoutSteps(decided.commit));',
      },
      { find: 'spend(purse, decided); await publish(host, decided);', replace: 'spend(purse, decided);' },
    ],
    faults: 'calm',
    expects: ['normal'],
    seedsMax: 5,
    why: 'The launcher finds no such runner, drops the order, and the outbox has to mend what was no fault.',
  },
  {
    name: 'a launch that was never answered has no deadline',
    file: 'core/deadline.ts',
    edits: [
      {
        find: "return { at: runner.lease?.until ?? runner.markedAt ?? runner.orderedAt, duty: 'resolveLaunch' };",
        replace: "return { at: Number.MAX_SAFE_INTEGER, duty: 'resolveLaunch' };",
      },
    ],
    faults: 'launchFailed',
    expects: ['healing', 'quiet'],
    seedsMax: 20,
    why: 'The runner counts as coming until the list of machines is old enough to prove that it is not.',
  },

  // ---- Places

  {
    name: 'a place is free when the job has ended',
    hole: 'H4',
    file: 'core/runner.ts',
    edits: [
      {
        find: "if (runner.doneAt !== null || runner.removing !== null) return 'ending';",
        replace: "if (runner.doneAt !== null) return null; if (runner.removing !== null) return 'ending';",
      },
    ],
    faults: 'calm',
    expects: ['places', 'limits'],
    seedsMax: 5,
    why: 'The machine needs seconds to stop, or hangs, and the next one starts beside it.',
  },
  {
    name: 'a place is free when the boot deadline has passed',
    hole: 'H4',
    file: 'flow/reconciler/duties.ts',
    edits: [
      {
        find: "else await remove(runner, 'bootDeadline',",
        replace:
          "else await record(runner, { kind: 'gone', code: 'bootDeadline', why: '' } as never); void (0,",
      },
    ],
    faults: 'bootNever',
    expects: ['places', 'limits'],
    seedsMax: 10,
    why: 'The machine that never came online lives on without a place.',
  },
  {
    name: "a place is free by GitHub's word",
    hole: 'H4',
    file: 'core/runner.ts',
    edits: [
      {
        find: "return removing({ ...runner, missing: times }, 'unregistered',",
        replace: "return gone({ ...runner, missing: times }, 'unregistered',",
      },
    ],
    faults: 'hiddenRunner',
    expects: ['places', 'limits'],
    seedsMax: 20,
    why: 'GitHub has dropped the runner, and its machine is still there when the next one starts.',
  },
  {
    name: 'a place is free when the host was told to end the machine',
    hole: 'H4',
    file: 'flow/orchestrator/terminator.ts',
    edits: [
      {
        find: "answer === 'gone' ? { kind: 'gone', code, why } : { kind: 'terminated' }",
        replace: "{ kind: 'gone', code, why }",
      },
    ],
    faults: 'calm',
    expects: ['places', 'limits'],
    seedsMax: 5,
    why: 'An ending takes its time, and the place is given away meanwhile.',
  },
  {
    name: 'a place that was never launched is freed by nobody',
    hole: 'H19',
    file: 'core/runner.ts',
    edits: [
      {
        find: "case 'fenced': if (runner.state === 'gone') return unchanged;",
        replace: "case 'fenced': return refused('');",
      },
    ],
    faults: 'crash',
    expects: ['deadlines', 'quiet'],
    seedsMax: 10,
    why: 'No host ever says that a machine is gone which was never there.',
  },
  {
    name: "the fence frees the place of a spare's machine",
    file: 'core/runner.ts',
    edits: [{ find: "if (runner.activates) return refused('its machine stands already');", replace: '' }],
    faults: 'messageLost:messageLost=0.2,cancel=0.7',
    expects: ['places', 'limits', 'quiet'],
    seedsMax: 20,
    why: 'The order to activate it is given up unlaunched, but the machine stands there all the time.',
    equivalent:
      'Not so: but since spares come to rest before they are used, an order to activate one is hardly ever void before it was taken up, and no seed of eighty meets it. The tests of the duties hold this rule.',
  },
  {
    name: 'an activation that was not answered is looked for under the new name alone',
    file: 'flow/reconciler/sweep-host.ts',
    edits: [{ find: 'byId.get(machineOf(runner) ?? nobody) ??', replace: '' }],
    faults: 'pressure',
    expects: ['places', 'limits'],
    seedsMax: 20,
    why: 'Until its activation takes effect the machine goes by its old name: taken for gone, it keeps living.',
  },
  {
    name: 'a machine that has had its job is taken for one whose answer was lost',
    file: 'flow/producer/claim.ts',
    edits: [{ find: 'hadItsJob ? await table.readRunner(name) : null', replace: 'null' }],
    faults: 'webhookFailed',
    expects: ['busyKilled', 'done'],
    seedsMax: 20,
    why: 'It asks before the event of its job has come, is registered once more under a name whose end is on its way, and is ended at work.',
  },
  {
    name: 'a pool may have one more than its limit',
    file: 'core/plan/draft.ts',
    edits: [
      {
        find: 'return Math.min(limit, pool.limitNow ?? limit) - alivePool(pool);',
        replace: 'return Math.min(limit, pool.limitNow ?? limit) + 1 - alivePool(pool);',
      },
    ],
    faults: 'calm',
    expects: ['limits'],
    seedsMax: 5,
    why: 'Off by one.',
  },
  {
    name: 'the limit of a pool is not looked at',
    file: 'core/plan/draft.ts',
    edits: [
      {
        find: 'return Math.min(limit, pool.limitNow ?? limit) - alivePool(pool);',
        replace: 'return limit + 1_000;',
      },
    ],
    faults: 'calm',
    expects: ['limits'],
    seedsMax: 5,
    why: 'A pool takes all of its host.',
  },
  {
    name: 'the limit of a host is not looked at',
    file: 'core/plan/draft.ts',
    edits: [{ find: 'hostRoom: () => hostLimit - aliveHost(ledger),', replace: 'hostRoom: () => 1_000,' }],
    faults: 'calm',
    expects: ['limits'],
    seedsMax: 5,
    why: 'The limits of the pools add up to more than the host has.',
  },

  {
    name: "the budget of a host's launches is not looked at",
    file: 'core/plan/share.ts',
    edits: [{ find: '|| (launches < 1 && spare === null)) {', replace: ') {' }],
    faults: 'calm',
    expects: ['budgets'],
    seedsMax: 5,
    why: 'The host refuses what comes too fast, and all of the account suffers.',
  },
  {
    name: "the budget of GitHub's configurations is not looked at",
    file: 'core/plan/share.ts',
    edits: [{ find: 'pool.allowed < 1 || tokens < 1 ||', replace: 'pool.allowed < 1 ||' }],
    faults: 'calm',
    expects: ['budgets'],
    seedsMax: 5,
    why: 'GitHub answers 403 to all requests of the installation for a minute.',
  },

  // ---- Ending

  {
    name: 'a machine is ended without asking GitHub',
    hole: 'H6',
    file: 'flow/orchestrator/terminator.ts',
    edits: [{ find: 'if (runner.removedAt === null && mayBeRegistered(runner)) {', replace: 'if (false) {' }],
    faults: 'races',
    expects: ['busyKilled', 'quiet'],
    seedsMax: 20,
    why: 'The release and the assignment cross, and a job dies.',
  },
  {
    name: "GitHub's answer that the runner is busy is ignored",
    hole: 'H7',
    file: 'flow/orchestrator/terminator.ts',
    edits: [{ find: "if (removed === 'busy') return busy(runner);", replace: '' }],
    faults: 'races',
    expects: ['busyKilled'],
    seedsMax: 20,
    why: 'It was given a job this very moment.',
  },
  {
    name: "one list of GitHub's that lacks the runner stands for its removal",
    hole: 'H7',
    file: 'core/runner.ts',
    edits: [
      { find: 'const missingTimes = 2;', replace: 'const missingTimes = 1;' },
      {
        find: "return removing({ ...runner, missing: times }, 'unregistered',",
        replace: "return removing({ ...runner, missing: times, removedAt: at }, 'unregistered',",
      },
    ],
    faults: 'hiddenRunner',
    expects: ['busyKilled', 'done'],
    seedsMax: 20,
    why: 'A page of the list skipped an entry; the runner is there, and is given a job.',
  },
  {
    name: 'a job that ended without a runner ends the one that was ordered for it',
    hole: 'H8',
    file: 'core/job.ts',
    edits: [
      {
        find: 'const runner = job.runner ?? sighting.runner;',
        replace:
          "const runner = job.runner ?? sighting.runner ?? (sighting.phase === 'completed' && job.lastOrder ? { id: null, name: job.lastOrder.runner } : null);",
      },
    ],
    faults: 'cancel',
    expects: ['done'],
    seedsMax: 10,
    why: 'A job is cancelled in the queue, and the runner that was ordered for it runs another.',
  },
  {
    name: 'the terminator does not wait for a launch under way',
    hole: 'H20',
    file: 'flow/orchestrator/terminator.ts',
    edits: [
      {
        find: 'const launching = runner.launchedAt === null && runner.lease !== null ? runner.lease.until - now : 0;',
        replace: 'const launching = 0;',
      },
    ],
    faults: 'races',
    expects: ['limits', 'busyKilled', 'quiet'],
    seedsMax: 5,
    why: 'It ends what is not there yet; the machine is born after, and takes a job.',
    equivalent:
      'One that has to go can not claim, and one that was handed its configuration is removed at GitHub by its id first: so what is born after gets no job. A host that knows no such machine says that it ends, not that it is gone, and absence counts only after the last moment at which the call may take effect: so its place is kept, and it is told to end again each minute.',
  },
  {
    name: 'the terminator does not wait for a claim under way',
    file: 'flow/orchestrator/terminator.ts',
    edits: [
      {
        find: 'runner.claim !== null && runner.gitHubId === null ? runner.claim.at + timing.claimMs - now : 0;',
        replace: '0;',
      },
    ],
    faults: 'races',
    expects: ['busyKilled', 'removed', 'quiet'],
    seedsMax: 10,
    why: 'GitHub knows no such runner yet; the claim registers it, and it is given a job before its machine ends.',
    equivalent:
      'Not so: but the moment between a claim and its registration has become so short that no seed of eighty meets it, in none of six profiles. The tests of the terminator hold this rule.',
  },
  {
    name: 'a machine that does not end after its job is left alone',
    file: 'core/deadline.ts',
    edits: [
      {
        find: "return { at: againAt(runner, (runner.doneAt ?? 0) + times.endGraceMs), duty: 'terminate' };",
        replace: "return { at: Number.MAX_SAFE_INTEGER, duty: 'terminate' };",
      },
    ],
    faults: 'hang',
    expects: ['quiet'],
    seedsMax: 5,
    why: 'It hangs, and holds its place for ever.',
  },
  {
    name: 'an ending that was lost is not asked for again',
    file: 'core/deadline.ts',
    edits: [
      {
        find: "if (runner.removing) return { at: againAt(runner, runner.removing.at + times.outboxMs), duty: 'terminate' };",
        replace: "if (runner.removing) return { at: Number.MAX_SAFE_INTEGER, duty: 'terminate' };",
      },
    ],
    faults: 'messageLost:messageLost=0.2,cancel=0.7',
    expects: ['quiet', 'idle', 'healing'],
    seedsMax: 10,
    why: 'The message is lost, and the runner stays for ever.',
  },

  // ---- Claiming

  {
    name: 'a runner that has to go may claim',
    file: 'core/runner.ts',
    edits: [
      {
        find: "return refused('it has ended'); if (runner.removing) return",
        replace: "return refused('it has ended'); if (false) return",
      },
    ],
    faults: 'races',
    expects: ['busyKilled', 'removed', 'quiet'],
    seedsMax: 20,
    why: 'It registers after GitHub said that it knows none, takes a job, and its machine is ended.',
  },
  {
    name: 'a claim is answered whatever the table says',
    file: 'flow/producer/claim.ts',
    edits: [
      {
        find: "if (claimed.outcome === 'recorded') return mint(claimed.runner);",
        replace: 'if (claimed.runner.lane !== null) return mint(claimed.runner);',
      },
    ],
    faults: 'races',
    expects: ['busyKilled', 'removed', 'quiet'],
    seedsMax: 30,
    why: 'The claim is a conditional write: without its condition a machine registers that has to go, or is gone.',
  },

  // ---- Counting

  {
    name: "the ledger's version is not checked",
    hole: 'H18',
    file: 'adapters/jobs-tables/memory/index.ts',
    edits: [
      {
        find: "if ((ledgers.get(given.host)?.version ?? 0) !== given.version) return { outcome: 'lost' };",
        replace: '',
      },
    ],
    faults: 'races',
    expects: ['ledger', 'limits'],
    seedsMax: 10,
    why: 'Two Publishers write one over the other.',
  },
  {
    name: "an item's version is not checked",
    file: 'adapters/jobs-tables/memory/index.ts',
    edits: [{ find: "if (changed.length > 0) return { outcome: 'conflict', items: changed };", replace: '' }],
    faults: 'all',
    expects: ['forward', 'ledger', 'places', 'quiet'],
    seedsMax: 10,
    why: 'A fact that came while the plan was made is lost under what the plan had read.',
  },
  {
    name: 'a job is counted at each change',
    file: 'core/plan/count.ts',
    edits: [
      {
        find: "if (after && job.route.kind === 'lane' && (before?.lane !== after.lane || before.class !== after.class)) {",
        replace: "if (after && job.route.kind === 'lane') {",
      },
    ],
    faults: 'crash',
    expects: ['ledger'],
    seedsMax: 10,
    why: 'A duplicate counts twice.',
  },
  {
    name: 'phases of jobs move back',
    file: 'core/job.ts',
    edits: [
      {
        find: 'const ahead = phaseRank[sighting.phase] > phaseRank[job.phase];',
        replace: 'const ahead = phaseRank[sighting.phase] !== phaseRank[job.phase];',
      },
    ],
    faults: 'webhookReordered',
    expects: ['forward'],
    seedsMax: 5,
    why: '`queued` comes after `completed`, and is believed.',
  },
  {
    name: 'states of runners move back',
    file: 'core/runner.ts',
    edits: [
      { find: 'const ahead = stateRank[state] > stateRank[runner.state];', replace: 'const ahead = true;' },
    ],
    faults: 'all',
    expects: ['forward'],
    seedsMax: 5,
    why: 'The answer to the launch comes after the claim, or after the job.',
  },
  {
    name: 'a gone runner is revived by a late answer',
    file: 'core/runner.ts',
    edits: [
      {
        find: "if (runner.state === 'gone' || (runner.machine === machine && runner.launchedAt !== null)) return unchanged;",
        replace:
          "if (runner.state === 'gone') return dirtied({ ...runner, state: 'launched', machine, launchedAt: at }, at);",
      },
    ],
    faults: 'races',
    expects: ['forward'],
    seedsMax: 20,
    why: 'Its machine is dead, and its place is taken again.',
  },
  {
    name: "a job's change is not handed on to the runner's host",
    file: 'core/plan/count.ts',
    edits: [
      {
        find: 'if (to === null) return { ...job, dirty: null };',
        replace: 'if (to !== undefined) return { ...job, dirty: null };',
      },
    ],
    faults: 'theft',
    expects: ['healing', 'ledger', 'quiet'],
    seedsMax: 10,
    why: 'The runner of the other host is thought to be free for the next job.',
  },
  {
    name: 'an item that was counted stays to be counted',
    file: 'core/plan/count.ts',
    edits: [
      { find: 'if (to === null) return { ...job, dirty: null };', replace: 'if (to === null) return job;' },
    ],
    faults: 'calm',
    expects: ['normal', 'publisher', 'quiet'],
    seedsMax: 5,
    why: 'It is counted again each minute, for ever.',
  },
  {
    name: 'a change whose notification was lost is counted by nobody',
    hole: 'H12',
    file: 'flow/reconciler/handler.ts',
    edits: [
      {
        find: 'if (items.length === 0) return; telemetry.count(metrics.uncounted',
        replace: 'if (items.length >= 0) return; telemetry.count(metrics.uncounted',
      },
    ],
    faults: 'messageLost',
    expects: ['healing', 'quiet'],
    seedsMax: 5,
    why: 'The notification is among the dead letters.',
  },

  // ---- Second orders, holds, the breaker

  {
    name: 'a second order is made without asking GitHub',
    hole: 'H9',
    file: 'core/plan/count.ts',
    edits: [
      {
        find: "setJobClass(draft, job, 'orphaned', { timeline: withEntry(job.timeline, entry) });",
        replace: "setJobClass(draft, job, 'fresh', { timeline: withEntry(job.timeline, entry) });",
      },
    ],
    faults: 'webhookNeverSent',
    expects: ['secondOrders', 'launches'],
    seedsMax: 10,
    why: "A job's end was never told: order, idle, drop, and order again.",
  },
  {
    name: 'a right to a first order is never used up',
    file: 'core/plan/ask.ts',
    edits: [{ find: 'rights: lane.rights - 1', replace: 'rights: lane.rights' }],
    faults: 'pressure',
    expects: ['secondOrders', 'launches', 'publisher'],
    seedsMax: 20,
    why: 'One job that started on the runner of another lets all others be ordered for again, unasked.',
  },
  {
    name: 'nobody asks about a job beside which a runner idles',
    hole: 'H10',
    file: 'flow/reconciler/duties.ts',
    edits: [{ find: 'if (!lane || waiting(lane) === 0) return;', replace: 'return;' }],
    faults: 'idleKept',
    expects: ['idle', 'quiet', 'launches'],
    seedsMax: 10,
    why: 'A job was cancelled and nobody told us: one waits, one comes, level for ever.',
  },
  {
    name: 'a job that GitHub holds back is not held',
    file: 'core/plan/count.ts',
    edits: [
      {
        find: "if (confirmed === 'idleRunner' || confirmed === 'overtaken') return count('held');",
        replace: '',
      },
    ],
    faults: 'notAdmitted',
    expects: ['holds', 'launches'],
    seedsMax: 10,
    why: 'Runners are ordered one after another for a job that may not start yet.',
  },
  {
    name: 'a hold never ends',
    file: 'flow/reconciler/duties.ts',
    edits: [
      {
        find: "await table.recordJob(key, [{ kind: 'holdEnded' }], clock.now());",
        replace: '',
      },
    ],
    faults: 'notAdmitted',
    expects: ['deadlines', 'quiet'],
    seedsMax: 10,
    why: 'Nothing of its run or repository moves any more, and the job is forgotten.',
  },
  {
    name: 'the breaker never opens',
    file: 'core/breaker.ts',
    edits: [{ find: 'until: now + backOffMs', replace: 'until: null' }],
    faults: 'launchRefused',
    expects: ['breaker'],
    seedsMax: 10,
    why: 'A pool that can not be launched burns calls and money.',
  },
  {
    name: 'the breaker never closes',
    file: 'core/plan/count.ts',
    edits: [{ find: 'draft.setPool(runner.pool, { breaker: null });', replace: '' }],
    faults: 'launchRefused',
    expects: ['breaker'],
    seedsMax: 10,
    why: 'A pool that works again has one runner at a time, for ever.',
  },
  {
    name: 'an open breaker lets orders through',
    file: 'core/breaker.ts',
    edits: [{ find: "return breaker.until > now ? 'open' : 'probe';", replace: "return 'probe';" }],
    faults: 'noCapacity',
    expects: ['breaker'],
    seedsMax: 10,
    why: 'Its back-off is not waited for.',
  },

  // ---- Releasing

  {
    name: 'a surplus is never released',
    file: 'core/plan/release.ts',
    edits: [
      {
        find: 'return lane.surplusSince !== null && lane.surplusSince + idleMs(draft, lane.pool) <= draft.now;',
        replace: 'return false;',
      },
    ],
    faults: 'calm',
    expects: ['idle', 'quiet'],
    seedsMax: 5,
    why: 'Runners idle until GitHub drops them.',
  },
  {
    name: 'the timer is not armed',
    file: 'flow/publisher/handler.ts',
    edits: [{ find: 'if (arm !== null) await armTimer(deps.timer, clock, { host, at: arm });', replace: '' }],
    faults: 'calm',
    expects: ['idle', 'normal'],
    seedsMax: 5,
    why: 'What only has to wait is done at the next tick, or the next event.',
  },

  // ---- Looking at what is really there

  {
    name: 'nobody asks about a job whose runner is gone',
    hole: 'H13',
    file: 'core/plan/count.ts',
    edits: [
      { find: "if (job.phase !== 'in_progress' || job.ask) return job;", replace: 'if (job) return job;' },
      { find: "if (job?.phase !== 'in_progress' || job.ask) return;", replace: 'if (runner) return;' },
    ],
    faults: 'webhookNeverSent',
    expects: ['quiet'],
    seedsMax: 5,
    why: '`completed` was never sent, and nobody else tells.',
  },
  {
    name: "GitHub's runners are not looked at",
    hole: 'H14',
    file: 'flow/reconciler/sweep-runners.ts',
    edits: [
      {
        find: 'const entries = await deps.github.listRunners(scope);',
        replace: 'const entries = []; if (scope) return { afterMs: deps.configuration.timing.runnerListMs };',
      },
    ],
    faults: 'vanish',
    expects: ['quiet', 'healing', 'idle'],
    seedsMax: 5,
    why: 'The entry of a runner that vanished stays.',
  },
  {
    name: "an entry of GitHub's without a live runner is left alone",
    hole: 'H15',
    file: 'flow/reconciler/sweep-runners.ts',
    edits: [{ find: 'await deps.github.removeRunner(scope, entry.id); return;', replace: 'return;' }],
    faults: 'vanish',
    expects: ['quiet'],
    seedsMax: 5,
    why: 'The entry of a runner that vanished stays.',
  },
  {
    name: 'queued jobs are not looked up',
    hole: 'H16',
    file: 'flow/reconciler/sweep-jobs.ts',
    edits: [
      {
        find: 'for (const report of await github.queuedJobs(repository)) {',
        replace: 'for (const report of [] as any[]) {',
      },
    ],
    faults: 'webhookNeverSent',
    expects: ['quiet', 'healing'],
    seedsMax: 5,
    why: '`queued` was never sent, and the job is never heard of.',
  },
  {
    name: "the host's machines are not looked at",
    hole: 'H17',
    file: 'flow/reconciler/sweep-host.ts',
    edits: [
      {
        find: "if (machines === 'unknown') { await describeEach(deps, hostName, host);",
        replace: 'if (machines) {',
      },
    ],
    faults: 'launchFailed',
    expects: ['quiet', 'healing'],
    seedsMax: 5,
    why: "The event of the machine's death is lost, and its place is held for ever.",
  },

  // ---- Machines that are taken back

  {
    name: 'a runner without a job is not replaced before its machine is taken',
    file: 'core/runner.ts',
    edits: [
      {
        find: "const merged = removing(noted, 'interrupted', why, at); if (merged.outcome === 'changed') return merged;",
        replace: '',
      },
    ],
    faults: 'interrupted',
    expects: ['reruns'],
    seedsMax: 5,
    why: 'It counts as coming for two more minutes, and may be given a job that then fails.',
  },
  {
    name: 'a job that lost its machine is not run again',
    file: 'core/plan/count.ts',
    edits: [
      { find: 'if (!runner || !lostItsMachine(job, runner)) return job;', replace: 'if (job) return job;' },
    ],
    faults: 'interrupted',
    expects: ['quiet'],
    seedsMax: 5,
    why: 'It stays failed, though its pool wants it run again.',
  },
  {
    name: 'nobody asks for the re-run when it is due',
    file: 'core/deadline.ts',
    edits: [
      {
        find: "if (job.phase === 'completed') return rerunDeadline(job);",
        replace: "if (job.phase === 'completed') return null;",
      },
    ],
    faults: 'interrupted',
    expects: ['quiet'],
    seedsMax: 5,
    why: 'The wish stands in the table for ever.',
  },
  {
    name: 'a re-run is given up while its run goes on',
    file: 'flow/reconciler/rerun.ts',
    edits: [
      {
        find: "if (!run.isOver) return { answer: 'runs on', fact: putOff };",
        replace: "if (!run.isOver) return settled('refused', 'its run goes on');",
      },
    ],
    faults: 'interrupted:interrupted=0.6',
    expects: ['quiet'],
    seedsMax: 20,
    why: 'GitHub runs nothing again before the whole run is over, so most would never be.',
  },
  {
    name: 'a job is run again each time that it loses its machine',
    file: 'core/rerun.ts',
    edits: [
      { find: 'const isWished = isWanted && job.runAttempt === 1;', replace: 'const isWished = isWanted;' },
    ],
    faults: 'interrupted:interrupted=0.5,interruptedUntold=0.2,theft=0.5',
    expects: ['reruns'],
    seedsMax: 20,
    why: 'GitHub gives the second attempt to a machine that is taken back too, and there is a third.',
  },
  {
    name: 'what failed before its machine was taken is run again',
    file: 'core/rerun.ts',
    edits: [{ find: 'if (endedAt < runner.interruptedAt - takenEarlyMs) return false;', replace: '' }],
    faults: 'interrupted:interrupted=0.6',
    expects: ['reruns'],
    seedsMax: 10,
    why: 'A job that fails by itself in the two minutes of the notice is run again, with all that it does.',
  },
];
