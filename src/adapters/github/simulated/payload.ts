// JSON as GitHub writes it, for webhooks and for REST answers: the shapes of the published schemas and examples.
// A consumer that works with these fields works with GitHub's; what no consumer of ours could use is filler.

import type {
  Account,
  Installation,
  Job,
  JobRunner,
  Repository,
  Runner,
  StepReport,
  WorkflowRun,
} from './state.ts';

/** Where this GitHub lives: github.com has two, an Enterprise Server has one with a path. */
export interface Urls {
  /** `https://api.github.com`, `https://ghes.example/api/v3` */
  api: string;
  /** `https://github.com` */
  web: string;
  /** Where runners connect to. */
  runners: string;
}

type Json = Record<string, unknown>;

/** What of a job may have changed since; the rest is read from the job itself. */
export interface JobMoment {
  job: Job;
  status: Job['status'];
  conclusion: Job['conclusion'];
  startedAt: number;
  completedAt: number | null;
  steps: readonly StepReport[];
  runner: JobRunner | null;
  /** GitHub was seen to write 0 and "" for "no runner" where it mostly writes null. */
  noRunnerAsZero: boolean;
}

export function momentOf(job: Job, noRunnerAsZero = false): JobMoment {
  const { status, conclusion, startedAt, completedAt, steps, runner } = job;
  return { job, status, conclusion, startedAt, completedAt, steps, runner, noRunnerAsZero };
}

/** `workflow_job` of the webhook, and the job of the REST API. */
export function jobJson(moment: JobMoment, urls: Urls): Json {
  const { job, runner } = moment;
  const { run } = job;
  const repositoryUrl = `${urls.api}/repos/${run.repository.fullName}`;
  const none = moment.noRunnerAsZero ? { id: 0, name: '' } : { id: null, name: null };
  return {
    id: job.id,
    run_id: run.id,
    workflow_name: run.workflow.name,
    head_branch: run.workflow.branch ?? 'main',
    run_url: `${repositoryUrl}/actions/runs/${run.id}`,
    run_attempt: job.attempt,
    node_id: nodeId('CR', job.id),
    head_sha: run.headSha,
    url: `${repositoryUrl}/actions/jobs/${job.id}`,
    html_url: jobUrl(job, urls),
    status: moment.status,
    conclusion: moment.conclusion,
    created_at: iso(job.createdAt),
    started_at: iso(moment.startedAt),
    completed_at: moment.completedAt === null ? null : iso(moment.completedAt),
    name: job.name,
    steps: moment.steps.map(stepJson),
    check_run_url: `${repositoryUrl}/check-runs/${job.id}`,
    labels: job.labels,
    runner_id: runner?.id ?? none.id,
    runner_name: runner?.name ?? none.name,
    runner_group_id: runner?.groupId ?? none.id,
    runner_group_name: runner?.groupName ?? none.name,
  };
}

export function jobUrl(job: Job, urls: Urls): string {
  return `${urls.web}/${job.run.repository.fullName}/actions/runs/${job.run.id}/job/${job.id}`;
}

function stepJson(step: StepReport): Json {
  return {
    name: step.name,
    status: step.status,
    conclusion: step.conclusion,
    number: step.number,
    started_at: step.startedAt === null ? null : iso(step.startedAt),
    completed_at: step.completedAt === null ? null : iso(step.completedAt),
  };
}

export function runJson(run: WorkflowRun, urls: Urls): Json {
  const repositoryUrl = `${urls.api}/repos/${run.repository.fullName}`;
  const url = `${repositoryUrl}/actions/runs/${run.id}`;
  return {
    id: run.id,
    name: run.workflow.name,
    node_id: nodeId('WFR', run.id),
    head_branch: run.workflow.branch ?? 'main',
    head_sha: run.headSha,
    path: `.github/workflows/${slug(run.workflow.name)}.yml`,
    display_title: run.workflow.name,
    run_number: run.number,
    event: 'push',
    status: run.status,
    conclusion: run.conclusion,
    workflow_id: run.repository.id,
    url,
    html_url: `${urls.web}/${run.repository.fullName}/actions/runs/${run.id}`,
    pull_requests: [],
    created_at: iso(run.createdAt),
    updated_at: iso(run.updatedAt),
    run_attempt: run.attempt,
    run_started_at: iso(run.startedAt),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    workflow_url: `${repositoryUrl}/actions/workflows/${run.repository.id}`,
    repository: minimalRepositoryJson(run.repository, urls),
  };
}

export function runnerJson(runner: Runner): Json {
  return {
    id: runner.id,
    runner_group_id: runner.group.id,
    name: runner.name,
    os: runner.os,
    status: isOnline(runner) ? 'online' : 'offline',
    busy: isBusy(runner),
    ephemeral: true,
    version: runner.version,
    labels: runner.labels.map((name, index) => ({ id: index + 1, name, type: 'custom' })),
  };
}

/** Also one whose job GitHub has ended, until it stops working on it. */
export function isBusy(runner: Runner): boolean {
  return runner.job !== null || runner.phase === 'busy';
}

export function isOnline(runner: Runner): boolean {
  return runner.phase === 'idle' || runner.phase === 'assigned' || runner.phase === 'busy';
}

export function installationJson(
  installation: Installation,
  appId: number,
  appSlug: string,
  urls: Urls,
): Json {
  const { account } = installation;
  return {
    id: installation.id,
    account: accountJson(account, urls),
    repository_selection: installation.repositories === 'all' ? 'all' : 'selected',
    access_tokens_url: `${urls.api}/app/installations/${installation.id}/access_tokens`,
    repositories_url: `${urls.api}/installation/repositories`,
    html_url: `${urls.web}/organizations/${account.login}/settings/installations/${installation.id}`,
    app_id: appId,
    app_slug: appSlug,
    target_id: account.id,
    target_type: account.kind,
    permissions: installation.permissions,
    events: ['workflow_job'],
    created_at: iso(installation.createdAt),
    updated_at: iso(installation.createdAt),
    single_file_name: null,
    suspended_by: null,
    suspended_at: installation.suspendedAt === null ? null : iso(installation.suspendedAt),
  };
}

export function accountJson(account: Account, urls: Urls): Json {
  const url = `${urls.api}/users/${account.login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId(account.kind === 'User' ? 'U' : 'O', account.id),
    avatar_url: `${urls.web}/${account.login}.png`,
    gravatar_id: '',
    url,
    html_url: `${urls.web}/${account.login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: account.kind,
    site_admin: false,
  };
}

export function organizationJson(account: Account, urls: Urls): Json {
  const url = `${urls.api}/orgs/${account.login}`;
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('O', account.id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${urls.web}/${account.login}.png`,
    description: null,
  };
}

function minimalRepositoryJson(repository: Repository, urls: Urls): Json {
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: repository.fullName,
    private: !repository.isPublic,
    owner: accountJson(repository.owner, urls),
    html_url: `${urls.web}/${repository.fullName}`,
    description: null,
    fork: false,
    url: `${urls.api}/repos/${repository.fullName}`,
  };
}

/** Links of a repository, by the name of their field: the address below the repository's own. */
const repositoryLinks = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}',
};

export function repositoryJson(repository: Repository, urls: Urls): Json {
  const url = `${urls.api}/repos/${repository.fullName}`;
  const webUrl = `${urls.web}/${repository.fullName}`;
  const links = Object.entries(repositoryLinks).map(([field, below]) => [field, `${url}${below}`]);
  return {
    ...minimalRepositoryJson(repository, urls),
    ...Object.fromEntries(links),
    created_at: '2021-06-11T13:29:13Z',
    updated_at: '2021-06-11T13:33:01Z',
    pushed_at: '2021-06-11T13:32:58Z',
    git_url: `${webUrl.replace(/^https?/, 'git')}.git`,
    ssh_url: `git@${new URL(urls.web).hostname}:${repository.fullName}.git`,
    clone_url: `${webUrl}.git`,
    svn_url: webUrl,
    homepage: null,
    size: 1,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: true,
    has_downloads: true,
    has_wiki: true,
    has_pages: false,
    has_discussions: false,
    forks_count: 0,
    mirror_url: null,
    archived: false,
    disabled: false,
    open_issues_count: 0,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repository.isPublic ? 'public' : 'private',
    forks: 0,
    open_issues: 0,
    watchers: 0,
    default_branch: 'main',
    custom_properties: {},
  };
}

export function iso(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`;
}

function nodeId(kind: string, id: number): string {
  return `${kind}_kwDO${Buffer.from(String(id)).toString('base64url')}`;
}

function slug(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
