// An order → a runner launched, or a spare's machine put to rest. Knows nothing of limits: the Publisher has taken the place.
//
// One handler run owns the order by a lease; the mark is the last write before the host is called, and is never undone.
// After it, only the host's word or a definite refusal frees the place. A next attempt under the same name is made only
// after every earlier one was definitely refused.

import type { Timing } from '../../core/configuration.ts';
import type { DeploymentPrefix, HostName, PoolName, RunnerName } from '../../core/ids.ts';
import { ulid } from '../../core/ids.ts';
import type { Order } from '../../core/order.ts';
import { readable } from '../../core/reason.ts';
import type { Runner } from '../../core/runner.ts';
import type { Budgets } from '../../ports/budgets.ts';
import type { Clock, EpochMs, Random } from '../../ports/clock.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import type { Host, LaunchAnswer, RunnerConfiguration } from '../../ports/host.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { BatchHandler } from '../../ports/queue.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { ClaimTokens } from '../claim-token.ts';
import { register, unregister } from '../registration.ts';
import { createCompany } from './company.ts';
import { eachByItself } from './each.ts';
import { metrics } from './metrics.ts';
import { retryAfter } from './retry.ts';

export interface LauncherDeps {
  clock: Clock;
  random: Random;
  table: JobsTable;
  github: GitHub;
  budgets: Budgets;
  host: Host;
  hostName: HostName;
  telemetry: Telemetry;
  prefix: DeploymentPrefix;
  tokens: ClaimTokens;
  timing: Timing;
  /** Where machines claim; `null` for a host that is handed the configuration. */
  claimUrl: string | null;
  /** The pool's machine in the host's terms, and the longest life of one of its machines. */
  machineOf: (pool: PoolName) => { machine: unknown; lifetimeMsMax: number } | null;
}

/**
 * So long a run has to ask a host to put a spare to rest; longer, nobody else asks. A run that stalls in between must not
 * stop a machine that was found at rest by another, and put to work, meanwhile. A machine takes some 20 s to stop anyway.
 */
const restCallMs = 8_000;
const restLeaseMs = 20_000;
/** Attempts under one lease: each has told definitely that it started nothing. */
const attemptsMax = 4;
/** A pool that is not configured here yet. Where it is not any more, the Publisher takes its orders back. */
const poolUnknownRetryMs = 20_000;
/** The host has to answer so long before the lease ends, so that no call outlives it. */
const answerMarginMs = 2_000;

export function createLauncher(deps: LauncherDeps): BatchHandler<Order> {
  const { clock, table, github, host, telemetry, timing } = deps;
  const company = createCompany(clock);

  return eachByItself(deps, async (order) => {
    if (order.status === 'launch') return launch(order);
    return order.status === 'standBy' ? putToRest(order.runner) : null;
  });

  /** Asked again until it is as its pool wants it; only then is it activated. What never comes to rest has a deadline. */
  async function putToRest(name: RunnerName): Promise<number | null> {
    const askedAt = clock.now();
    const asked = await table.recordRunner(name, [{ kind: 'restAsked', leaseMs: restLeaseMs }], askedAt);
    if (asked.outcome !== 'recorded') return null;
    const { machine, pool } = asked.runner;
    const settings = deps.machineOf(pool)?.machine;
    if (machine === null || settings === undefined) return null;
    const answer = host.standBy ? await host.standBy(machine, settings, askedAt + restCallMs) : 'waits';
    if (answer !== 'waits') return restLeaseMs;
    await table.recordRunner(name, [{ kind: 'rested' }], clock.now());
    return null;
  }

  /** `null`: nothing more to do for this message; else the time after which it is worth another try. */
  async function launch(order: Extract<Order, { status: 'launch' }>): Promise<number | null> {
    const now = clock.now();
    if (now >= order.launchBefore) return null;
    const owner = ulid(now, deps.random);
    const until = now + timing.leaseMs;
    const lease = { kind: 'lease', owner, until } as const;
    const mark = { kind: 'mark', owner } as const;
    const known = order.known?.name === order.runner ? order.known : undefined;
    const pool = (known ?? (await table.readRunner(order.runner)))?.pool;
    // A new configuration reaches the Publisher first: nobody is to blame, and this launcher will have it in minutes.
    if (pool !== undefined && deps.machineOf(pool) === null) return poolUnknownRetryMs;
    if (host.traits.configuration === 'claimed') {
      // Nothing is waited for between the two, so they are one write.
      const marked = await table.recordRunner(order.runner, [lease, mark], now, known);
      return marked.outcome === 'recorded' ? callHost(marked.runner, owner, until, null) : null;
    }
    const leased = await table.recordRunner(order.runner, [lease], now, known);
    return leased.outcome === 'recorded' ? mintThenCall(leased.runner, owner, until) : null;
  }

  /** A host that is handed the configuration: minted before the mark, while the lease guards the name. */
  async function mintThenCall(runner: Runner, owner: string, until: EpochMs): Promise<number | null> {
    let jitConfig: string;
    try {
      const registered = await register(deps, runner, runner.gitHubId !== null);
      if (registered.outcome !== 'minted') {
        const why = registered.outcome === 'refused' ? registered.reason : 'a runner of this name is at work';
        return giveUp(runner, why);
      }
      jitConfig = registered.jitConfig;
      const mark = { kind: 'mark', owner } as const;
      const minted = { kind: 'minted', gitHubId: registered.runnerId } as const;
      const marked = await table.recordRunner(runner.name, [minted, mark], clock.now());
      if (marked.outcome !== 'recorded') {
        await unregister(github, { ...runner, gitHubId: registered.runnerId });
        return null;
      }
      return callHost(marked.runner, owner, until, jitConfig);
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      const retryMs = retryAfter(error, clock.now());
      if (retryMs === null) return giveUp(runner, error.message);
      // Kept from everybody until then: each tick would else add a launcher that asks in vain beside this message.
      const until = clock.now() + retryMs;
      await table.recordRunner(runner.name, [{ kind: 'leaseGivenUp', owner, until }], clock.now());
      return retryMs;
    }
  }

  /** Nothing was launched under this name, and nothing will be. */
  async function giveUp(runner: Runner, reason: string): Promise<null> {
    const removing = { kind: 'removing', code: 'mintRefused', why: readable(`GitHub: ${reason}`) } as const;
    await table.recordRunner(runner.name, [removing, { kind: 'fenced' }], clock.now());
    telemetry.count(metrics.launches, { host: deps.hostName, outcome: 'mintRefused' });
    return null;
  }

  async function callHost(
    marked: Runner,
    owner: string,
    until: EpochMs,
    jitConfig: string | null,
  ): Promise<null> {
    telemetry.observe(metrics.waitMs, clock.now() - marked.orderedAt, { host: deps.hostName });
    let runner = marked;
    for (;;) {
      const answer = await call(runner, until, jitConfig);
      if (answer === null) return null;
      telemetry.count(metrics.launches, { host: deps.hostName, outcome: answer.outcome });
      if (answer.outcome === 'launched') {
        await company.gather();
        await table.recordRunner(runner.name, [{ kind: 'launched', machine: answer.machine }], clock.now());
        return null;
      }
      const next = await nextAttempt(runner, owner, until, answer);
      if (!next) return endRefused(runner, answer);
      runner = next;
    }
  }

  /** `null`: it is not known whether something started. The lease's end, the host's list or its event will tell. */
  async function call(
    runner: Runner,
    until: EpochMs,
    jitConfig: string | null,
  ): Promise<LaunchAnswer | null> {
    const pool = deps.machineOf(runner.pool);
    if (!pool)
      return {
        outcome: 'refused',
        refusal: 'invalid',
        reason: `pool ${runner.pool} is not configured`,
        retryAfterMs: null,
      };
    const request = {
      name: runner.name,
      attempt: runner.attempt,
      deployment: deps.prefix,
      pool: runner.pool,
      labels: runner.labels,
      machine: pool.machine,
      answerBefore: until - answerMarginMs,
      traceparent: runner.traceparent,
      ...(runner.steady && { steady: true }),
      lifetimeMsMax: pool.lifetimeMsMax,
      configuration: configurationOf(runner, jitConfig),
    };
    // This run stalled: by now nobody expects a call any more, and the place may be free.
    if (clock.now() >= request.answerBefore) {
      telemetry.count(metrics.launches, { host: deps.hostName, outcome: 'late' });
      return null;
    }
    const calledAt = clock.now();
    try {
      const answer = await company.during(() =>
        runner.activates ? host.activate(request, runner.activates.machine) : host.launch(request),
      );
      telemetry.observe(metrics.launchMs, clock.now() - calledAt, { host: deps.hostName });
      return answer;
    } catch (error) {
      telemetry.count(metrics.launches, { host: deps.hostName, outcome: 'unknown' });
      telemetry.log('warn', 'a launch was not answered', {
        runner: runner.name,
        error: readable(String(error)),
      });
      return null;
    }
  }

  function configurationOf(runner: Runner, jitConfig: string | null): RunnerConfiguration {
    if (jitConfig !== null) return { kind: 'handedOver', jitConfig };
    if (deps.claimUrl === null)
      throw new Error(`host ${deps.hostName} needs an address at which machines claim: PUBLIC_URL`);
    return { kind: 'claimed', url: deps.claimUrl, token: deps.tokens.make(runner.name, runner.attempt) };
  }

  /** The next attempt under the same lease and mark, where the host says that one may have more luck. */
  async function nextAttempt(
    runner: Runner,
    owner: string,
    until: EpochMs,
    answer: Extract<LaunchAnswer, { outcome: 'refused' }>,
  ): Promise<Runner | null> {
    const waitMs = answer.retryAfterMs;
    if (waitMs === null || runner.attempt >= attemptsMax || clock.now() + waitMs + 2 * answerMarginMs > until)
      return null;
    if (waitMs > 0) await clock.sleep(waitMs);
    const recorded = await table.recordRunner(runner.name, [{ kind: 'attemptRefused', owner }], clock.now());
    return recorded.outcome === 'recorded' ? recorded.runner : null;
  }

  /** Every call of this name was refused: the place is free by the host's own word. */
  async function endRefused(
    runner: Runner,
    answer: Extract<LaunchAnswer, { outcome: 'refused' }>,
  ): Promise<null> {
    // A spare that can't be put to work says nothing about the pool; its machine may still be there, and is ended.
    if (runner.activates) {
      const removing = {
        kind: 'removing',
        code: 'lost',
        why: readable(`its machine can't be activated: ${answer.reason}`),
      } as const;
      await table.recordRunner(runner.name, [removing], clock.now());
      return null;
    }
    const code = answer.refusal === 'noCapacity' ? 'refused' : answer.refusal;
    await table.recordRunner(
      runner.name,
      [{ kind: 'gone', code, why: readable(answer.reason) }],
      clock.now(),
    );
    if (runner.gitHubId !== null) await unregisterQuietly(runner);
    return null;
  }

  /** What is left at GitHub is found by the list of runners too. */
  async function unregisterQuietly(runner: Runner): Promise<void> {
    try {
      await unregister(github, runner);
    } catch (error) {
      telemetry.log('warn', 'a registration was left behind for the next sweep', {
        runner: runner.name,
        error: readable(String(error)),
      });
    }
  }
}
