// Asks GitHub what became of one job: before a second order, when a runner idles beside it, when its runner is gone.
// One call per anomaly, none in the normal case.

import type { JobKey } from '../../core/ids.ts';
import type { AskPurpose, JobFact } from '../../core/job.ts';
import { GitHubError } from '../../ports/github.ts';
import { repositoryOf } from '../publisher/touch.ts';
import { phaseOf, sightingOf } from '../sighting.ts';
import type { ReconcilerDeps } from './deps.ts';
import { metrics } from './metrics.ts';
import { shareOfRequests } from './share.ts';

export type Ask = (key: JobKey, purpose: AskPurpose) => Promise<void>;

/** GitHub's answers lag behind its events: a job that it does not know so early, it may not know yet. */
const unknownYetMs = 60_000;

function isLasting(error: unknown): boolean {
  return error instanceof GitHubError && error.kind !== 'limited' && error.kind !== 'unavailable';
}

/** Asks that a disaster may cause at once: beyond it they are spread, so that runners can still be registered. */
const asksAtOnce = 100;

export type AskDeps = Pick<
  ReconcilerDeps,
  'clock' | 'table' | 'github' | 'budgets' | 'configuration' | 'sighting' | 'telemetry'
>;

export function createAsk(deps: AskDeps): Ask {
  const { clock, table, github, budgets, configuration, sighting, telemetry } = deps;

  async function isGranted(installation: number): Promise<boolean> {
    const key = { kind: 'github-ask', account: String(installation) } as const;
    const terms = shareOfRequests(deps, installation, asksAtOnce);
    return (await budgets.reserve(key, terms, 1, clock.now())).granted === 1;
  }

  return async (key, purpose) => {
    const job = await table.readJob(key);
    if (!job || job.phase === 'completed') return;
    const { timing } = configuration;
    if (job.askedAt !== null && job.askedAt + timing.askAgainMs > clock.now()) return;
    const askedAt = clock.now();
    if (!(await isGranted(job.installation))) {
      telemetry.count(metrics.asks, { purpose, answer: 'put off' });
      if (job.ask !== null) await table.recordJob(key, [{ kind: 'unanswered', lasting: false }], askedAt);
      return;
    }
    const report = await github.readJob(repositoryOf(job), job.id).catch(async (error: unknown) => {
      // A refusal that lasts (a suspended installation, a missing permission) is not asked for at each tick; and what
      // could not be answered goes behind what was not asked yet.
      const lasting = isLasting(error);
      if (lasting || job.ask !== null) await table.recordJob(key, [{ kind: 'unanswered', lasting }], askedAt);
      throw error;
    });
    await table.recordJob(key, factsOf(), askedAt);

    function factsOf(): JobFact[] {
      telemetry.count(metrics.asks, { purpose, answer: report?.status ?? 'unknown' });
      if (report === null)
        return [{ kind: askedAt < (job?.firstSeenAt ?? 0) + unknownYetMs ? 'asked' : 'vanished' }];
      const seen = sightingOf(report, sighting);
      const facts: JobFact[] = seen === null ? [] : [{ kind: 'seen', sighting: seen, by: 'answer' }];
      facts.push({ kind: 'asked' });
      if (phaseOf(report.status) === 'queued')
        facts.push({ kind: 'stillQueued', purpose: job?.ask?.purpose ?? purpose });
      return facts;
    }
  };
}
