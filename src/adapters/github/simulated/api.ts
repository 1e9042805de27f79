// The REST API as operations: who calls, what it costs, what is refused. The HTTP server and the in-process
// adapter both stand on these, so that the two refuse the same things.

import type { Deliveries, DeliveryRow } from './deliveries.ts';
import { type Limits, type RateView, secondaryLimit } from './limits.ts';
import { type JobMoment, momentOf } from './payload.ts';
import { type Answer, done, forbidden, notFound, type Refusal } from './refusal.ts';
import type { createRunners, Place, RegistrationRequest } from './runners.ts';
import type { Runs } from './runs.ts';
import {
  type Account,
  findRepository,
  groupAdmits,
  type Installation,
  installationCovers,
  type Job,
  type Repository,
  type Runner,
  type RunnerGroup,
  type State,
  type WorkflowRun,
} from './state.ts';

/** What goes wrong with one request. `lost`: it takes effect, and the caller never hears. */
export type AnswerFault = 'lost' | 'unavailable' | 'limited';

export interface ApiFaults {
  /** Asked once for each request, by its route: `POST /orgs/{org}/actions/runners/generate-jitconfig`. */
  answer?(route: Route): AnswerFault | null;
  /** True leaves the runner out of one page: an entry that moved between two pages. */
  hidesRunner?(runner: Runner): boolean;
  /** True answers with the job's state before its last change: GitHub's reads lag behind its webhooks. */
  isStale?(job: Job): boolean;
}

/** Every route that is modelled, as GitHub's documentation writes it, with the permission that it wants. */
const routes = {
  'GET /app': null,
  'GET /app/installations': null,
  'GET /app/installations/{installation_id}': null,
  'POST /app/installations/{installation_id}/access_tokens': null,
  'GET /repos/{owner}/{repo}/installation': null,
  'GET /orgs/{org}/installation': null,
  'GET /users/{username}/installation': null,
  'GET /app/hook/config': null,
  'PATCH /app/hook/config': null,
  'GET /app/hook/deliveries': null,
  'POST /app/hook/deliveries/{delivery_id}/attempts': null,
  'GET /installation/repositories': 'metadata=read',
  'POST /orgs/{org}/actions/runners/generate-jitconfig': 'organization_self_hosted_runners=write',
  'POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig': 'administration=write',
  'GET /orgs/{org}/actions/runners': 'organization_self_hosted_runners=read',
  'GET /repos/{owner}/{repo}/actions/runners': 'administration=read',
  'GET /orgs/{org}/actions/runners/{runner_id}': 'organization_self_hosted_runners=read',
  'GET /repos/{owner}/{repo}/actions/runners/{runner_id}': 'administration=read',
  'DELETE /orgs/{org}/actions/runners/{runner_id}': 'organization_self_hosted_runners=write',
  'DELETE /repos/{owner}/{repo}/actions/runners/{runner_id}': 'administration=write',
  'GET /orgs/{org}/actions/runners/downloads': 'organization_self_hosted_runners=read',
  'GET /repos/{owner}/{repo}/actions/runners/downloads': 'administration=read',
  'GET /orgs/{org}/actions/runner-groups': 'organization_self_hosted_runners=read',
  'GET /repos/{owner}/{repo}/actions/jobs/{job_id}': 'actions=read',
  'GET /repos/{owner}/{repo}/actions/runs': 'actions=read',
  'GET /repos/{owner}/{repo}/actions/runs/{run_id}': 'actions=read',
  'GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs': 'actions=read',
  'POST /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun': 'actions=write',
  'POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs': 'actions=write',
  'GET /repos/{owner}/{repo}': 'metadata=read',
  'GET /rate_limit': null,
  'GET /meta': null,
} as const;

/** Where webhooks come from: this machine. */
export const hookAddresses: readonly string[] = ['127.0.0.0/8', '::1/128'];

export type Route = keyof typeof routes;

/** The App itself, by its JWT, or an installation, by its token. */
export type Caller = 'app' | Installation;

export interface Page {
  /** From 1. */
  page: number;
  perPage: number;
}

export interface Paged<Item> {
  items: Item[];
  total: number;
}

/** GitHub lists no more than this many runs where a filter is given. */
const filteredRunsMax = 1_000;
/** After a refusal by a fault: GitHub's "wait at least one minute". */
const limitedByFaultMs = 60_000;

export interface ApiDeps {
  state: State;
  limits: Limits;
  deliveries: Deliveries;
  runners: ReturnType<typeof createRunners>;
  /** Its attempts that the App asks for are told to whoever watches. */
  runs: Pick<Runs, 'rerun'>;
  faults: ApiFaults;
  /** The job before its last change, where it had one. */
  earlierMoment(job: Job): JobMoment | null;
}

export function createApi(deps: ApiDeps) {
  const { state, limits, deliveries, runners, runs, faults } = deps;

  /** Everything that is asked before an operation, in GitHub's order. */
  const call = <Value>(caller: Caller, route: Route, work: () => Answer<Value>): Answer<Value> => {
    const unusable = caller === 'app' ? null : unusableInstallation(caller);
    if (unusable) return unusable;
    const fault = faults.answer?.(route) ?? null;
    if (fault === 'unavailable') return { outcome: 'refused', status: 502, message: 'Server Error' };
    if (fault === 'limited') return secondaryLimit(limitedByFaultMs);
    const method = route.slice(0, route.indexOf(' '));
    const overLimit = limits.take(caller === 'app' ? 0 : caller.id, method, route);
    if (overLimit) return overLimit;
    const answer = (caller === 'app' ? null : missingPermission(caller, route)) ?? work();
    return fault === 'lost' ? { outcome: 'lost' } : answer;
  };

  const organisation = (caller: Caller, login: string): Place | null => {
    const account = state.accounts.get(login.toLowerCase());
    if (account?.kind !== 'Organization' || (caller !== 'app' && caller.account !== account)) return null;
    return { account, repository: null };
  };

  const repositoryPlace = (caller: Caller, fullName: string): (Place & { repository: Repository }) | null => {
    const repository = findRepository(state, fullName);
    if (!repository || (caller !== 'app' && !installationCovers(caller, repository))) return null;
    return { account: repository.owner, repository };
  };

  /** `acme` or `acme/app`. */
  const placeOf = (caller: Caller, scope: string): Place | null =>
    scope.includes('/') ? repositoryPlace(caller, scope) : organisation(caller, scope);

  const runnerAt = (caller: Caller, scope: string, id: number): Runner | null => {
    const place = placeOf(caller, scope);
    return (place?.repository ? place.repository.runners : place?.account.runners)?.get(id) ?? null;
  };

  const jobMoment = (job: Job): JobMoment =>
    (faults.isStale?.(job) ? deps.earlierMoment(job) : null) ?? momentOf(job);

  return {
    call,
    rate: (caller: Caller): RateView => limits.view(caller === 'app' ? 0 : caller.id),

    installations: (): Answer<Installation[]> =>
      call('app', 'GET /app/installations', () => {
        const all = [...state.installations.values()];
        return done(all.filter((installation) => installation.state !== 'deleted'));
      }),

    installation: (id: number): Answer<Installation> =>
      call('app', 'GET /app/installations/{installation_id}', () => {
        const found = state.installations.get(id);
        return found && found.state !== 'deleted' ? done(found) : notFound();
      }),

    /** Of `acme` or `acme/app`. */
    installationFor: (scope: string): Answer<Installation> => {
      const route = scope.includes('/')
        ? 'GET /repos/{owner}/{repo}/installation'
        : 'GET /orgs/{org}/installation';
      return call('app', route, () => {
        const repository = scope.includes('/') ? findRepository(state, scope) : null;
        const account: Account | undefined = repository?.owner ?? state.accounts.get(scope.toLowerCase());
        const installation = account?.installation;
        if (!installation || installation.state === 'deleted') return notFound();
        if (scope.includes('/') && (!repository || !installationCovers(installation, repository)))
          return notFound();
        return done(installation);
      });
    },

    /** Whether a token may be made; the caller makes it. */
    authoriseToken: (id: number): Answer<Installation> =>
      call('app', 'POST /app/installations/{installation_id}/access_tokens', () => {
        const installation = state.installations.get(id);
        if (!installation) return notFound();
        return unusableInstallation(installation) ?? done(installation);
      }),

    repositories: (caller: Installation, page: Page): Answer<Paged<Repository>> =>
      call(caller, 'GET /installation/repositories', () => {
        const all = [...caller.account.repositories.values()];
        return done(
          pageOf(
            all.filter((repository) => installationCovers(caller, repository)),
            page,
          ),
        );
      }),

    hookAddresses: (caller: Installation): Answer<readonly string[]> =>
      call(caller, 'GET /meta', () => done(hookAddresses)),

    repository: (caller: Installation, fullName: string): Answer<Repository> =>
      call(caller, 'GET /repos/{owner}/{repo}', () => {
        const place = repositoryPlace(caller, fullName);
        return place ? done(place.repository) : notFound();
      }),

    mint: (caller: Installation, scope: string, request: RegistrationRequest) => {
      const route = scope.includes('/')
        ? 'POST /repos/{owner}/{repo}/actions/runners/generate-jitconfig'
        : 'POST /orgs/{org}/actions/runners/generate-jitconfig';
      return call(caller, route, () => {
        const place = placeOf(caller, scope);
        return place ? runners.register(place, request) : notFound();
      });
    },

    removeRunner: (caller: Installation, scope: string, id: number): Answer<null> => {
      const route = scope.includes('/')
        ? 'DELETE /repos/{owner}/{repo}/actions/runners/{runner_id}'
        : 'DELETE /orgs/{org}/actions/runners/{runner_id}';
      return call(caller, route, () => {
        const runner = runnerAt(caller, scope, id);
        return runner ? runners.remove(runner) : notFound();
      });
    },

    runner: (caller: Installation, scope: string, id: number): Answer<Runner> => {
      const route = scope.includes('/')
        ? 'GET /repos/{owner}/{repo}/actions/runners/{runner_id}'
        : 'GET /orgs/{org}/actions/runners/{runner_id}';
      return call(caller, route, () => {
        const runner = runnerAt(caller, scope, id);
        return runner ? done(runner) : notFound();
      });
    },

    /** All, or the one of this exact name. */
    runners: (caller: Installation, scope: string, page: Page, name?: string): Answer<Paged<Runner>> => {
      const route = scope.includes('/')
        ? 'GET /repos/{owner}/{repo}/actions/runners'
        : 'GET /orgs/{org}/actions/runners';
      return call(caller, route, () => {
        const place = placeOf(caller, scope);
        if (!place) return notFound();
        const at = place.repository ?? place.account;
        const named = name === undefined ? null : at.runnersByName.get(name);
        const all = name === undefined ? [...at.runners.values()] : named ? [named] : [];
        const found = pageOf(all, page);
        return done({
          ...found,
          items: found.items.filter((runner) => name !== undefined || !faults.hidesRunner?.(runner)),
        });
      });
    },

    /** All of the organisation, or those that admit this repository of it. */
    runnerGroups: (
      caller: Installation,
      org: string,
      page: Page,
      visibleTo?: string,
    ): Answer<Paged<RunnerGroup>> =>
      call(caller, 'GET /orgs/{org}/actions/runner-groups', () => {
        const place = organisation(caller, org);
        if (!place) return notFound();
        const groups = [...place.account.groups.values()];
        if (visibleTo === undefined) return done(pageOf(groups, page));
        const repository = place.account.repositories.get(visibleTo.toLowerCase());
        return done(
          pageOf(
            groups.filter((group) => repository && groupAdmits(group, repository)),
            page,
          ),
        );
      }),

    job: (caller: Installation, repository: string, id: number): Answer<JobMoment> =>
      call(caller, 'GET /repos/{owner}/{repo}/actions/jobs/{job_id}', () => {
        const place = repositoryPlace(caller, repository);
        const job = state.jobs.get(id);
        return place && job?.run.repository === place.repository ? done(jobMoment(job)) : notFound();
      }),

    /** Newest first. */
    runs: (
      caller: Installation,
      repository: string,
      page: Page,
      status?: string,
    ): Answer<Paged<WorkflowRun>> =>
      call(caller, 'GET /repos/{owner}/{repo}/actions/runs', () => {
        const place = repositoryPlace(caller, repository);
        if (!place) return notFound();
        if (status === undefined) return done(pageOf([...place.repository.runs.values()].reverse(), page));
        const isOpen = status === 'queued' || status === 'in_progress' || status === 'waiting';
        const runs = [...place.repository[isOpen ? 'activeRuns' : 'runs'].values()].reverse();
        const matching = runs.filter((run) => run.status === status || run.conclusion === status);
        return done(pageOf(matching.slice(0, filteredRunsMax), page));
      }),

    run: (caller: Installation, repository: string, id: number): Answer<WorkflowRun> =>
      call(caller, 'GET /repos/{owner}/{repo}/actions/runs/{run_id}', () => {
        const run = state.runs.get(id);
        const place = repositoryPlace(caller, repository);
        return run && place?.repository === run.repository ? done(run) : notFound();
      }),

    runJobs: (
      caller: Installation,
      repository: string,
      runId: number,
      page: Page,
      filter: 'latest' | 'all',
    ): Answer<Paged<JobMoment>> =>
      call(caller, 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs', () => {
        const run = state.runs.get(runId);
        const place = repositoryPlace(caller, repository);
        if (!run || place?.repository !== run.repository) return notFound();
        const jobs = filter === 'all' ? run.jobs : run.jobs.filter((job) => job.attempt === run.attempt);
        const { items, total } = pageOf(jobs, page);
        return done({ items: items.map(jobMoment), total });
      }),

    rerunJob: (caller: Installation, repository: string, id: number): Answer<null> =>
      call(caller, 'POST /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun', () => {
        const place = repositoryPlace(caller, repository);
        const job = state.jobs.get(id);
        if (!job || job.run.repository !== place?.repository) return notFound();
        if (job.attempt !== job.run.attempt)
          return forbidden('Only jobs from the current attempt can be re-run');
        return runs.rerun(job.run, job) ? done(null) : alreadyRunning();
      }),

    rerunFailedJobs: (caller: Installation, repository: string, runId: number): Answer<null> =>
      call(caller, 'POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs', () => {
        const run = state.runs.get(runId);
        const place = repositoryPlace(caller, repository);
        if (!run || place?.repository !== run.repository) return notFound();
        if (run.conclusion === 'success') return forbidden('This workflow run cannot be retried');
        return runs.rerun(run, 'failed') ? done(null) : alreadyRunning();
      }),

    deliveries: (
      cursor: number | null,
      perPage: number,
    ): Answer<{ rows: DeliveryRow[]; next: number | null }> =>
      call('app', 'GET /app/hook/deliveries', () => done(deliveries.list(cursor, perPage))),

    redeliver: (id: string): Answer<null> =>
      call('app', 'POST /app/hook/deliveries/{delivery_id}/attempts', () => deliveries.redeliver(id)),
  };
}

export type Api = ReturnType<typeof createApi>;

function alreadyRunning(): Refusal {
  return forbidden('This workflow is already running');
}

function unusableInstallation(installation: Installation): Refusal | null {
  switch (installation.state) {
    case 'active':
      return null;
    case 'suspended':
      return {
        outcome: 'refused',
        status: 403,
        message: 'This installation has been suspended',
        installationUnusable: true,
      };
    case 'deleted':
      return { ...notFound(), installationUnusable: true };
    default:
      return installation.state satisfies never;
  }
}

function missingPermission(installation: Installation, route: Route): Refusal | null {
  const wanted = routes[route];
  if (wanted === null) return null;
  const [name = '', level] = wanted.split('=');
  const granted = installation.permissions[name];
  if (name === 'metadata' || granted === 'write' || (granted !== undefined && granted === level)) return null;
  return {
    outcome: 'refused',
    status: 403,
    message: 'Resource not accessible by integration',
    acceptedPermissions: wanted,
  };
}

function pageOf<Item>(all: readonly Item[], { page, perPage }: Page): Paged<Item> {
  return { items: all.slice((page - 1) * perPage, page * perPage), total: all.length };
}
