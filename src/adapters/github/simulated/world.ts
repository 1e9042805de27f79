// A stand-in for GitHub, for development, demonstrations and the simulator: no GitHub is behind it. It behaves as
// GitHub does where this project can tell the difference, refusals and unkept promises included: it gives a job to
// any runner that fits, drops idle runners, forgets to send a webhook if it is told to.
//
// The whole of it is a state and functions on it, on a clock and a random source that are handed in: the same
// seed replays the same story. It has no fault of its own: faults come from the hooks that are handed in.

import type { Clock, Random } from '../../../ports/clock.ts';
import { type Api, type ApiFaults, createApi } from './api.ts';
import { createAssignment } from './assignment.ts';
import { createDeliveries, type Deliver, type DeliveryFault, type OutgoingDelivery } from './deliveries.ts';
import { createLimits } from './limits.ts';
import { type JobMoment, momentOf, type Urls } from './payload.ts';
import { type Connected, createRunners } from './runners.ts';
import { createRuns } from './runs.ts';
import { gitHubSettings, type Settings } from './settings.ts';
import {
  type Account,
  createState,
  findRepository,
  type Installation,
  type Job,
  type Permissions,
  type Repository,
  type Runner,
  type RunnerGroup,
  type RunStatus,
  type State,
  type WorkflowRun,
} from './state.ts';
import type { WorkflowDescription } from './workflow.ts';

export interface Faults extends ApiFaults {
  /** Asked once for each delivery, redeliveries included. */
  delivery?(delivery: OutgoingDelivery): DeliveryFault | null;
}

interface SimulatedApp {
  id: number;
  slug: string;
  hookId: number;
  webhookSecret: string;
}

export interface WorldOptions {
  clock: Clock;
  random: Random;
  app?: Partial<SimulatedApp>;
  /** What differs from GitHub's own. */
  settings?: Partial<Settings>;
  urls?: Partial<Urls>;
  /** Takes webhooks to their receiver; without it they are lost, and listed as failed. */
  deliver?: Deliver;
  faults?: Faults;
  /** Told after each change of a job or runner; they only look. */
  watch?: {
    job?(job: Readonly<Job>): void;
    runner?(runner: Readonly<Runner>): void;
    /** An attempt has begun that the App asked for. */
    rerun?(run: Readonly<WorkflowRun>): void;
  };
}

interface GroupOptions {
  visibility?: RunnerGroup['visibility'];
  /** Names of repositories, for `selected`. */
  repositories?: readonly string[];
  allowsPublicRepositories?: boolean;
}

interface InstallOptions {
  permissions?: Permissions;
  /** Names of repositories; all where there are none. */
  repositories?: readonly string[];
}

interface Census {
  jobs: Record<RunStatus, number>;
  runners: Record<Runner['phase'], number>;
}

export interface World {
  readonly app: Readonly<SimulatedApp>;
  readonly urls: Readonly<Urls>;
  readonly settings: Readonly<Settings>;
  readonly clock: Clock;
  readonly random: Random;
  readonly state: Readonly<State>;
  readonly api: Api;
  addOrganisation(login: string): Account;
  addUser(login: string): Account;
  /** `acme/app`; the owner must be there. */
  addRepository(fullName: string, options?: { isPublic?: boolean }): Repository;
  addRunnerGroup(org: string, name: string, options?: GroupOptions): RunnerGroup;
  /** The group that every organisation has. */
  changeDefaultGroup(org: string, options: GroupOptions): RunnerGroup;
  /** Installs the App; the account must be there. */
  install(login: string, options?: InstallOptions): Installation;
  setInstallation(id: number, state: Installation['state']): void;
  startRun(repository: string, workflow: WorkflowDescription): WorkflowRun;
  cancelRun(runId: number): boolean;
  cancelJob(jobId: number): boolean;
  rerun(runId: number, which?: 'all' | 'failed'): boolean;
  /** Lets waiting jobs of the run into the queue; how many. */
  approve(runId: number, jobName?: string): number;
  runnerConnect(jitConfig: string, version: string, os?: string): Connected;
  /** Has the receiver's address changed? Deliveries go there from now on. */
  deliverTo(deliver: Deliver): void;
  /** What deliveries are signed with from now on, those that are sent again too. */
  signWith(webhookSecret: string): void;
  census(): Census;
}

/** What this system's App asks for; “Actions: write” besides, where it has jobs run again. */
export const fullPermissions: Permissions = {
  actions: 'read',
  administration: 'write',
  metadata: 'read',
  organization_self_hosted_runners: 'write',
};

const publicUrls: Urls = {
  api: 'https://api.github.com',
  web: 'https://github.com',
  runners: 'https://pipelines.actions.githubusercontent.com',
};

export function createWorld(options: WorldOptions): World {
  const { clock, random, watch = {}, faults = {} } = options;
  const settings = { ...gitHubSettings, ...options.settings };
  const urls = { ...publicUrls, ...options.urls };
  const app = { id: 1, slug: 'simulated', hookId: 1, webhookSecret: 'simulated-secret', ...options.app };
  const state = createState();
  const earlier = new WeakMap<Job, { last: JobMoment; before: JobMoment | null }>();
  let deliver: Deliver = options.deliver ?? (() => Promise.reject(new Error('no receiver')));

  const watchJob = (job: Job): void => {
    if (faults.isStale) earlier.set(job, { last: momentOf(job), before: earlier.get(job)?.last ?? null });
    watch.job?.(job);
  };
  const watchRunner = (runner: Runner): void => watch.runner?.(runner);

  // Jobs and runners know of each other only through these four, which are bound late.
  const assignment = createAssignment({ random, assign: (job, runner) => runners.assign(job, runner) });
  const deliveries = createDeliveries({
    clock,
    random,
    settings,
    urls,
    app,
    deliver: (delivery) => deliver(delivery),
    fault: faults.delivery,
  });
  const runs = createRuns({
    state,
    clock,
    random,
    settings,
    deliveries,
    assignment,
    revoke: (runner) => runners.revoke(runner),
    tellCancel: (runner) => runners.tellCancel(runner),
    watchJob,
  });
  const runners = createRunners({ state, clock, random, settings, urls, assignment, runs, watchRunner });
  const api = createApi({
    state,
    limits: createLimits(clock, settings),
    deliveries,
    runners,
    runs: {
      rerun(run, which) {
        const isBegun = runs.rerun(run, which);
        if (isBegun) watch.rerun?.(run);
        return isBegun;
      },
    },
    faults,
    earlierMoment: (job) => earlier.get(job)?.before ?? null,
  });

  const addAccount = (login: string, kind: Account['kind']): Account => {
    const key = login.toLowerCase();
    if (state.accounts.has(key)) throw new Error(`account "${login}" is there already`);
    const account: Account = {
      id: state.nextId('account'),
      login,
      kind,
      repositories: new Map(),
      groups: new Map(),
      runners: new Map(),
      runnersByName: new Map(),
      installation: null,
    };
    state.accounts.set(key, account);
    if (kind === 'Organization') addGroup(account, 1, 'Default', { visibility: 'all' });
    return account;
  };

  const addGroup = (account: Account, id: number, name: string, terms: GroupOptions): RunnerGroup => {
    const group: RunnerGroup = {
      id,
      name,
      isDefault: id === 1,
      visibility: terms.visibility ?? (terms.repositories ? 'selected' : 'all'),
      repositories: repositoriesNamed(account, terms.repositories ?? []),
      allowsPublicRepositories: terms.allowsPublicRepositories ?? false,
    };
    account.groups.set(id, group);
    return group;
  };

  const accountNamed = (login: string): Account => {
    const account = state.accounts.get(login.toLowerCase());
    if (!account) throw new Error(`no account "${login}": add it first`);
    return account;
  };

  const repositoriesNamed = (account: Account, names: readonly string[]): Set<Repository> =>
    new Set(names.map((name) => repositoryNamed(name.includes('/') ? name : `${account.login}/${name}`)));

  const repositoryNamed = (fullName: string): Repository => {
    const repository = findRepository(state, fullName);
    if (!repository) throw new Error(`no repository "${fullName}": add it first`);
    return repository;
  };

  const runOf = (runId: number): WorkflowRun => {
    const run = state.runs.get(runId);
    if (!run) throw new Error(`no workflow run ${runId}`);
    return run;
  };

  return {
    app,
    urls,
    settings,
    clock,
    random,
    state,
    api,
    addOrganisation: (login) => addAccount(login, 'Organization'),
    addUser: (login) => addAccount(login, 'User'),

    addRepository(fullName, { isPublic = false } = {}) {
      const [login = '', name = ''] = fullName.split('/');
      const owner = accountNamed(login);
      if (findRepository(state, fullName)) throw new Error(`repository "${fullName}" is there already`);
      const repository: Repository = {
        id: state.nextId('repository'),
        owner,
        name,
        fullName: `${owner.login}/${name}`,
        isPublic,
        runners: new Map(),
        runnersByName: new Map(),
        runs: new Map(),
        activeRuns: new Map(),
      };
      owner.repositories.set(name.toLowerCase(), repository);
      return repository;
    },

    addRunnerGroup: (org, name, terms = {}) =>
      addGroup(accountNamed(org), state.nextId('group'), name, terms),

    changeDefaultGroup(org, terms) {
      const account = accountNamed(org);
      const group = account.groups.get(1);
      if (!group) throw new Error(`"${org}" is no organisation: only those have runner groups`);
      group.visibility = terms.visibility ?? group.visibility;
      group.allowsPublicRepositories = terms.allowsPublicRepositories ?? group.allowsPublicRepositories;
      if (terms.repositories) group.repositories = repositoriesNamed(account, terms.repositories);
      return group;
    },

    install(login, { permissions = fullPermissions, repositories } = {}) {
      const account = accountNamed(login);
      const installation: Installation = {
        id: state.nextId('installation'),
        account,
        permissions,
        repositories: repositories ? repositoriesNamed(account, repositories) : 'all',
        state: 'active',
        createdAt: clock.now(),
        suspendedAt: null,
      };
      state.installations.set(installation.id, installation);
      account.installation = installation;
      deliveries.installationChanged();
      return installation;
    },

    setInstallation(id, next) {
      const installation = state.installations.get(id);
      if (!installation) throw new Error(`no installation ${id}`);
      installation.state = next;
      installation.suspendedAt = next === 'suspended' ? clock.now() : null;
    },

    startRun: (repository, workflow) => runs.start(repositoryNamed(repository), workflow),
    cancelRun: (runId) => runs.cancelRun(runOf(runId)),
    cancelJob(jobId) {
      const job = state.jobs.get(jobId);
      if (!job) throw new Error(`no job ${jobId}`);
      return runs.cancelJob(job);
    },
    rerun: (runId, which = 'all') => runs.rerun(runOf(runId), which),
    approve: (runId, jobName) => runs.approve(runOf(runId), jobName),
    runnerConnect: runners.connect,
    deliverTo(next) {
      deliver = next;
    },
    signWith(webhookSecret) {
      app.webhookSecret = webhookSecret;
    },
    census: () => censusOf(state),
  };
}

function censusOf(state: State): Census {
  const jobs: Census['jobs'] = { queued: 0, waiting: 0, in_progress: 0, completed: 0 };
  const runners: Census['runners'] = { registered: 0, idle: 0, assigned: 0, busy: 0, offline: 0, gone: 0 };
  for (const job of state.jobs.values()) jobs[job.status] += 1;
  for (const runner of state.runners.values()) runners[runner.phase] += 1;
  return { jobs, runners };
}
