// The third door: a machine that has booted asks for its just-in-time configuration. One conditional write wins; the
// configuration is minted then and returned in the answer, so it is never stored, and never minted for a machine that
// did not boot.

import type { Timing } from '../../core/configuration.ts';
import type { RunnerName } from '../../core/ids.ts';
import { readable } from '../../core/reason.ts';
import { hasOtherKey, isAnother, machineOf, type Runner } from '../../core/runner.ts';
import type { Budgets } from '../../ports/budgets.ts';
import type { Clock } from '../../ports/clock.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import type { JobsTable, RunnerRecorded } from '../../ports/jobs-table.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { followMachine } from '../goes-on.ts';
import { register } from '../registration.ts';
import type { Answer } from './answer.ts';
import { metrics } from './metrics.ts';
import { type Proof, type ProofDeps, prove } from './proof.ts';

export interface ClaimDeps extends ProofDeps {
  clock: Clock;
  table: JobsTable;
  github: GitHub;
  budgets: Budgets;
  telemetry: Telemetry;
  timing: Timing;
}

/** A claim whose answer was lost is repeated; a machine that asks more often is broken. */
const claimTimesMax = 3;
/** A machine that stands by asks again after this, paid by its pool. */
const standbyPollSeconds = 10;
const retrySecondsDefault = 5;
/** A machine may ask before the answer to its launch was written: that takes moments. */
const notKnownYetSeconds = 2;

export function createClaimDoor(deps: ClaimDeps): (body: unknown) => Promise<Answer> {
  const { clock, table, telemetry } = deps;

  return async (body) => {
    const proven = prove(body, deps);
    if (!proven) return answer(401, 'the proof is not good');
    const { machine, keyHash } = proven;
    const claimed = await claimAsNow(proven);
    if (claimed.outcome === 'notYet')
      return answer(503, 'its job is not known to have ended yet', retrySecondsDefault);
    if (claimed.outcome === 'unknown') return answer(410, 'no such runner');
    if (claimed.outcome === 'recorded') return mint(claimed.runner);
    const { runner } = claimed;
    if (hasOtherKey(runner, keyHash)) return answer(401, "it does not have the machine's own key");
    if (isAnother(runner, machine))
      return machineOf(runner) === null && runner.state !== 'gone'
        ? answer(503, 'its machine is not known yet', notKnownYetSeconds)
        : answer(410, 'it is the runner of another machine');
    if (runner.lane === null) return standBy(runner, keyHash);
    // Chosen to be put to work, and not told so yet: its activation is on its way.
    if (runner.state === 'ordered' && runner.activates && !runner.removing)
      return answer(202, 'stand by', standbyPollSeconds);
    const spent = answer(410, claimed.outcome === 'refused' ? claimed.why : 'its claim is spent');
    // Where nobody has its configuration, what asks may say at once that it has ended.
    return { ...spent, body: { ...spent.body, claimed: runner.claim !== null } };
  };

  /**
   * A machine keeps its proof when it goes on under a new name: whose it is now is found from whose it was. One that has
   * had its job may ask before GitHub's event has come: were it taken for a claim that is repeated, it would have a
   * second job under a name whose end is on its way.
   */
  async function claimAsNow({
    name,
    machine,
    keyHash,
    next: hadItsJob,
  }: Proof): Promise<RunnerRecorded | { outcome: 'notYet' }> {
    const { claimMs: windowMs } = deps.timing;
    const fact = { kind: 'claim', windowMs, timesMax: claimTimesMax, machine, keyHash } as const;
    const first = hadItsJob ? await table.readRunner(name) : null;
    if (first && first.activatedAs === null && first.state !== 'gone') return { outcome: 'notYet' };
    const record = (runner: RunnerName) => table.recordRunner(runner, [fact], clock.now());
    return followMachine(
      await record(first?.activatedAs ?? name),
      (claimed) => ('runner' in claimed ? claimed.runner.activatedAs : null),
      record,
    );
  }

  async function standBy(runner: Runner, keyHash: string | undefined): Promise<Answer> {
    const recorded = await table.recordRunner(runner.name, [{ kind: 'standby', keyHash }], clock.now());
    if (recorded.outcome === 'refused' || recorded.outcome === 'unknown')
      return answer(410, 'it is not wanted any more');
    return answer(202, 'stand by', standbyPollSeconds);
  }

  async function mint(runner: Runner): Promise<Answer> {
    try {
      const registered = await register(deps, runner, (runner.claim?.times ?? 1) > 1);
      if (registered.outcome === 'minted') {
        const times = runner.claim?.times ?? 1;
        const minted = { kind: 'minted', gitHubId: registered.runnerId, times } as const;
        const recorded = await table.recordRunner(runner.name, [minted], clock.now());
        // This run stalled, and the machine asked again meanwhile: the later claim frees the name and mints its own.
        if (recorded.outcome === 'refused') return answer(503, recorded.why, retrySecondsDefault);
        telemetry.count(metrics.claims, { status: '200' });
        return {
          status: 200,
          body: { runner: runner.name, jitConfig: registered.jitConfig, traceparent: runner.traceparent },
        };
      }
      // Somebody asks with the proof of a machine that has its job by now: no reason to end anything.
      if (registered.outcome === 'taken') {
        await table.recordRunner(runner.name, [{ kind: 'assigned' }], clock.now());
        return answer(410, 'a runner of this name is at work');
      }
      const why = readable(registered.reason);
      await table.recordRunner(runner.name, [{ kind: 'removing', code: 'mintRefused', why }], clock.now());
      return answer(410, why);
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      // Refused for the limit: nothing was minted, so the claim is free again for the same machine.
      if (error.kind === 'limited')
        await table.recordRunner(runner.name, [{ kind: 'unclaimed' }], clock.now());
      if (error.kind === 'limited' || error.kind === 'unavailable') {
        const waitMs = error.retryAt === null ? retrySecondsDefault * 1000 : error.retryAt - clock.now();
        return answer(
          error.kind === 'limited' ? 429 : 503,
          `GitHub: ${error.kind}`,
          Math.max(1, Math.ceil(waitMs / 1000)),
        );
      }
      const why = readable(`GitHub refuses to register it: ${error.message}`);
      await table.recordRunner(runner.name, [{ kind: 'removing', code: 'mintRefused', why }], clock.now());
      return answer(410, why);
    }
  }

  function answer(status: number, message: string, retryAfterSeconds?: number): Answer {
    telemetry.count(metrics.claims, { status: String(status) });
    return { status, body: { message }, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
  }
}
