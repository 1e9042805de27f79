// A `workflow_job` webhook as GitHub sends it, for jobs that the simulated GitHub does not know.

export interface JobWish {
  id: number;
  action?: string;
  status?: string;
  name?: unknown;
  labels?: unknown;
  repository?: string;
  createdAt?: string;
  runner?: { id: number; name: string } | null;
  conclusion?: string | null;
  private?: boolean;
}

export function workflowJob(wish: JobWish) {
  const { id, action = 'queued', status = action, name = 'build', labels = ['self-hosted', 'small'] } = wish;
  const repository = wish.repository ?? 'acme/app';
  const [owner = ''] = repository.split('/');
  return {
    action,
    workflow_job: {
      id,
      run_id: 1_000 + id,
      run_attempt: 1,
      name,
      workflow_name: 'ci',
      labels,
      status,
      conclusion: wish.conclusion ?? null,
      runner_id: wish.runner?.id ?? null,
      runner_name: wish.runner?.name ?? null,
      created_at: wish.createdAt ?? new Date().toISOString(),
      started_at: new Date().toISOString(),
      completed_at: null,
      html_url: `https://github.com/${repository}/actions/runs/1/job/${id}`,
    },
    repository: {
      full_name: repository,
      private: wish.private ?? true,
      owner: { login: owner, type: 'Organization' },
    },
    organization: { login: owner },
    installation: { id: 50_000_001 },
  };
}
