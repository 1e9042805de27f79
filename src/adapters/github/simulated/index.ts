// The `GitHub` port directly on a simulated world, with no HTTP between: for the simulator, benchmarks and unit
// tests. It spends requests and points, and fails, as the App's client does over HTTP.

import { type Scope, scopeName } from '../../../core/scope.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import {
  type Delivery,
  type GitHub,
  GitHubError,
  type InstallationRef,
  type JobReport,
  type Minted,
  type RateLeft,
  type RepositoryRef,
  type RunnerEntry,
} from '../../../ports/github.ts';
import type { Page, Paged } from './api.ts';
import type { DeliveryRow } from './deliveries.ts';
import { isBusy, isOnline, type JobMoment, jobUrl, type Urls } from './payload.ts';
import { type Answer, notFound, type Refusal } from './refusal.ts';
import type { Installation, Runner } from './state.ts';
import type { World } from './world.ts';

export interface SimulatedAppOptions {
  /** How long an answer takes; half of it goes by before anything happens. */
  latencyMs?(): number;
}

/** GitHub's largest page. */
const perPage = 100;
/** 10,000 runners, as many as a group may have; a run has fewer jobs, GitHub lists fewer filtered runs. */
const pagesMax = 100;

export function createSimulatedGitHub(world: World, options: SimulatedAppOptions = {}): GitHub {
  const { api, clock, state, urls } = world;
  const rates = new Map<number, RateLeft>();
  const groupIds = new Map<string, ReadonlyMap<string, number>>();
  /** After a limit nothing is asked before its time, as ignoring it may ban an App. 0 is the App itself. */
  const blockedUntil = new Map<number, EpochMs>();

  // ---- One request

  const ask = async <Value>(
    what: string,
    id: number,
    request: () => Answer<Value>,
    expects403 = false,
  ): Promise<Answer<Value>> => {
    const retryAt = blockedUntil.get(id) ?? 0;
    if (retryAt > clock.now()) throw limited(what, id, retryAt);
    const latencyMs = options.latencyMs?.() ?? 0;
    if (latencyMs > 0) await clock.sleep(latencyMs / 2);
    const answer = request();
    if (latencyMs > 0) await clock.sleep(latencyMs / 2);
    if (answer.outcome === 'lost') throw unavailable(what, 'the connection broke');
    remember(id);
    if (answer.outcome !== 'refused') return answer;
    if (answer.status === 502) throw unavailable(what, `${answer.status} ${answer.message}`);
    const wait = waitAfter(answer, id);
    if (wait !== null) {
      blockedUntil.set(id, wait);
      throw limited(what, id, wait);
    }
    if (answer.installationUnusable) throw suspended(what, id);
    if (answer.status === 403 && (!expects403 || answer.acceptedPermissions)) throw forbidden(what, answer);
    return answer;
  };

  /** As `ask`, where nothing but the value will do. */
  const demand = async <Value>(what: string, id: number, request: () => Answer<Value>): Promise<Value> => {
    const answer = await ask(what, id, request);
    if (answer.outcome === 'done') return answer.value;
    throw invalid(what, answer.outcome === 'refused' ? answer : notFound());
  };

  /** A request as an installation; one that never was is no different from a deleted one. */
  const by =
    <Value>(id: number, request: (caller: Installation) => Answer<Value>) =>
    (): Answer<Value> => {
      const caller = state.installations.get(id);
      return caller ? request(caller) : { ...notFound(), installationUnusable: true };
    };

  const remember = (id: number): void => {
    const caller = state.installations.get(id);
    if (!caller) return;
    const { remaining, limit, resetsAt } = api.rate(caller);
    rates.set(id, { remaining, limit, resetsAt });
  };

  const waitAfter = ({ status, retryAfterSeconds, isPrimaryLimit }: Refusal, id: number): EpochMs | null => {
    if (retryAfterSeconds !== undefined) return clock.now() + retryAfterSeconds * 1_000;
    if (isPrimaryLimit) return api.rate(state.installations.get(id) ?? 'app').resetsAt;
    return status === 429 ? clock.now() + 60_000 : null;
  };

  const allPages = async <Item>(
    what: string,
    id: number,
    request: (caller: Installation, page: Page) => Answer<Paged<Item>>,
  ): Promise<Item[]> => {
    const items: Item[] = [];
    for (let page = 1; page <= pagesMax; page += 1) {
      const turn = await demand(
        what,
        id,
        by(id, (caller) => request(caller, { page, perPage })),
      );
      items.push(...turn.items);
      if (page * perPage >= turn.total) break;
    }
    return items;
  };

  // ---- Runners

  const groupId = async (scope: Scope, name: string): Promise<{ id: number } | { names: string[] }> => {
    if (scope.repository !== null) return name === 'default' ? { id: 1 } : { names: ['default'] };
    const key = `${scope.installation} ${scope.owner}`;
    let ids = groupIds.get(key);
    if (!ids?.has(name)) {
      const what = `reading the runner groups of ${scope.owner}`;
      const groups = await allPages(what, scope.installation, (caller, page) =>
        api.runnerGroups(caller, scope.owner, page),
      );
      ids = new Map([
        ...groups.filter((group) => group.isDefault).map((group) => ['default', group.id] as const),
        ...groups.map((group) => [group.name, group.id] as const),
      ]);
      groupIds.set(key, ids);
    }
    const id = ids.get(name);
    return id === undefined ? { names: [...ids.keys()] } : { id };
  };

  const runnersOf = (scope: Scope, name?: string): Promise<Runner[]> => {
    const what = `listing the runners of ${scopeName(scope)}`;
    return allPages(what, scope.installation, (caller, page) =>
      api.runners(caller, scopeName(scope), page, name),
    );
  };

  return {
    async mintRunner(scope, { name, labels, group, workFolder }): Promise<Minted> {
      const what = `minting runner ${name} for ${scopeName(scope)}`;
      const found = await groupId(scope, group);
      if ('names' in found) {
        const reason = `${scopeName(scope)} has no runner group "${group}", but ${found.names.join(', ')}`;
        return { outcome: 'refused', reason };
      }
      const request = { name, groupId: found.id, labels, workFolder };
      const answer = await ask(
        what,
        scope.installation,
        by(scope.installation, (caller) => api.mint(caller, scopeName(scope), request)),
      );
      if (answer.outcome === 'done') {
        const { runner, jitConfig } = answer.value;
        return { outcome: 'minted', runnerId: runner.id, jitConfig };
      }
      if (answer.outcome === 'refused' && answer.status === 409) return { outcome: 'nameTaken' };
      // A group that was deleted meanwhile is looked up again.
      groupIds.delete(`${scope.installation} ${scope.owner}`);
      return {
        outcome: 'refused',
        reason: `${what}: ${answer.outcome === 'refused' ? answer.message : 'lost'}`,
      };
    },

    async removeRunner(scope, runnerId) {
      const answer = await ask(
        `removing runner ${runnerId} of ${scopeName(scope)}`,
        scope.installation,
        by(scope.installation, (caller) => api.removeRunner(caller, scopeName(scope), runnerId)),
      );
      if (answer.outcome === 'done') return 'removed';
      if (answer.outcome === 'refused' && answer.status === 422) return 'busy';
      // 404 may also mean that the App does not see the scope: who can list its runners sees that it is gone.
      await demand(
        `listing the runners of ${scopeName(scope)}`,
        scope.installation,
        by(scope.installation, (caller) => api.runners(caller, scopeName(scope), { page: 1, perPage: 1 })),
      );
      return 'absent';
    },

    async findRunner(scope, name) {
      const [runner] = await runnersOf(scope, name);
      return runner ? entryOf(runner) : null;
    },

    listRunners: async (scope) => (await runnersOf(scope)).map(entryOf),

    // ---- Jobs

    async readJob(repository, jobId) {
      const answer = await ask(
        `reading job ${jobId} of ${repository.repository}`,
        repository.installation,
        by(repository.installation, (caller) => api.job(caller, repository.repository, jobId)),
      );
      return answer.outcome === 'done' ? reportOf(answer.value, repository, urls) : null;
    },

    async queuedJobs(repository) {
      const { repository: name, installation } = repository;
      const runs = new Set<number>();
      for (const status of ['queued', 'in_progress']) {
        const what = `listing the ${status} runs of ${name}`;
        const found = await allPages(what, installation, (caller, page) =>
          api.runs(caller, name, page, status),
        );
        for (const run of found) runs.add(run.id);
      }
      const jobs: JobReport[] = [];
      for (const run of runs) {
        const moments = await allPages(`listing the jobs of run ${run}`, installation, (caller, page) =>
          api.runJobs(caller, name, run, page, 'latest'),
        );
        jobs.push(...moments.map((moment) => reportOf(moment, repository, urls)));
      }
      return jobs.filter((job) => job.status === 'queued');
    },

    async readRun(repository, runId) {
      const { repository: name, installation } = repository;
      const what = `reading run ${runId} of ${name}`;
      const answer = await ask(
        what,
        installation,
        by(installation, (caller) => api.run(caller, name, runId)),
      );
      if (answer.outcome !== 'done') return null;
      const { attempt, status, conclusion } = answer.value;
      const isOver = status === 'completed';
      const moments = isOver
        ? await allPages(`listing the jobs of run ${runId}`, installation, (caller, page) =>
            api.runJobs(caller, name, runId, page, 'latest'),
          )
        : [];
      return {
        attempt,
        isOver,
        conclusion,
        jobs: moments.map((moment) => reportOf(moment, repository, urls)),
      };
    },

    async rerun({ repository, installation }, target) {
      const answer = await ask(
        target.what === 'job'
          ? `running job ${target.jobId} of ${repository} again`
          : `running the failed jobs of run ${target.runId} of ${repository} again`,
        installation,
        by(installation, (caller) =>
          target.what === 'job'
            ? api.rerunJob(caller, repository, target.jobId)
            : api.rerunFailedJobs(caller, repository, target.runId),
        ),
        true,
      );
      if (answer.outcome === 'done') return { outcome: 'accepted' };
      const { status, message } = answer.outcome === 'refused' ? answer : notFound();
      return /already running/.test(message)
        ? { outcome: 'running' }
        : { outcome: 'refused', reason: `${status} ${message}` };
    },

    // ---- As the App

    async deliveriesSince(since, limit) {
      const found: Delivery[] = [];
      let cursor: number | null = null;
      do {
        const from: number | null = cursor;
        const page: DeliveryPage = await demand('listing deliveries', 0, () =>
          api.deliveries(from, Math.min(perPage, limit)),
        );
        for (const { id, guid, deliveredAt, status, event, action } of page.rows) {
          if (deliveredAt < since || found.length >= limit) return found;
          found.push({ id, guid, deliveredAt, ok: status === 'OK', event, action });
        }
        cursor = page.next;
      } while (cursor !== null && found.length < limit);
      return found;
    },

    async redeliver(deliveryId) {
      await demand(`sending delivery ${deliveryId} again`, 0, () => api.redeliver(deliveryId));
    },

    async installations(): Promise<InstallationRef[]> {
      const all = await demand('listing installations', 0, api.installations);
      return all.map(({ id, account, state: condition }) => ({
        id,
        account: account.login.toLowerCase(),
        suspended: condition === 'suspended',
      }));
    },

    async repositories(installation) {
      const what = `listing the repositories of installation ${installation}`;
      const all = await allPages(what, installation, api.repositories);
      return all.map(({ fullName, isPublic, owner }) => ({
        repository: fullName.toLowerCase(),
        isPublic,
        ownedByOrganisation: owner.kind === 'Organization',
        installation,
      }));
    },

    async hookAddresses(installation) {
      const what = 'reading the addresses that webhooks come from';
      return [...(await demand(what, installation, by(installation, api.hookAddresses)))];
    },

    rateLeft: (installation) => rates.get(installation) ?? null,
  };
}

interface DeliveryPage {
  rows: DeliveryRow[];
  next: number | null;
}

function entryOf(runner: Runner): RunnerEntry {
  const { id, name, version } = runner;
  return { id, name, status: isOnline(runner) ? 'online' : 'offline', busy: isBusy(runner), version };
}

/** As it would be read from the JSON: times in whole seconds, no start without a runner. */
function reportOf(moment: JobMoment, repository: RepositoryRef, urls: Readonly<Urls>): JobReport {
  const { job, status, conclusion, runner, startedAt, completedAt } = moment;
  return {
    id: job.id,
    runId: job.run.id,
    runAttempt: job.attempt,
    name: job.name,
    workflow: job.run.workflow.name,
    ...repository,
    labels: job.labels,
    status,
    conclusion,
    runner: runner && { id: runner.id, name: runner.name },
    createdAt: inSeconds(job.createdAt),
    startedAt: runner && inSeconds(startedAt),
    completedAt: completedAt && inSeconds(completedAt),
    steps: moment.steps.map(({ name, conclusion, startedAt: started, completedAt: ended }) => ({
      name,
      conclusion,
      startedAt: started && inSeconds(started),
      completedAt: ended && inSeconds(ended),
    })),
    url: jobUrl(job, urls),
  };
}

function inSeconds(at: EpochMs): EpochMs {
  return Math.floor(at / 1_000) * 1_000;
}

// ---- Faults, in the words of the port

function limited(what: string, id: number, retryAt: EpochMs): GitHubError {
  const who = id === 0 ? 'the App' : `installation ${id}`;
  const message = `${what} was not done: ${who} is over GitHub's limit. Ask again at ${new Date(retryAt).toISOString()}.`;
  return new GitHubError('limited', message, retryAt);
}

function unavailable(what: string, why: string): GitHubError {
  return new GitHubError('unavailable', `${what} has no answer: ${why}. Whether GitHub did it is not known.`);
}

function suspended(what: string, id: number): GitHubError {
  const remedy = 'its owner can unsuspend it or install the App again';
  return new GitHubError(
    'suspended',
    `${what} was refused: installation ${id} is suspended or deleted: ${remedy}.`,
  );
}

function forbidden(what: string, { message, acceptedPermissions }: Refusal): GitHubError {
  const remedy = acceptedPermissions ? ` It needs ${acceptedPermissions}: grant it to the App.` : '';
  return new GitHubError('forbidden', `${what} was refused: 403 ${message}.${remedy}`);
}

function invalid(what: string, { status, message }: Refusal): GitHubError {
  return new GitHubError('invalid', `${what} was refused: ${status} ${message}.`);
}
