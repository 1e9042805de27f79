import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { WebhookDefinition } from '@octokit/webhooks-examples';
import type { RepositoryRef } from './github.ts';
import { jobOfRest, jobOfWebhook, type ParsedJob } from './job-report.ts';

/** CommonJS with JSON as its main file, which an import can't name by the package alone. */
const examples: WebhookDefinition[] = createRequire(import.meta.url)('@octokit/webhooks-examples');

const repository: RepositoryRef = {
  repository: 'acme/app',
  isPublic: false,
  ownedByOrganisation: true,
  installation: 7,
};

const job = {
  id: 11,
  run_id: 22,
  run_attempt: 2,
  name: 'build',
  workflow_name: 'CI',
  labels: ['Linux', 'small'],
  status: 'in_progress',
  conclusion: null,
  runner_id: 33,
  runner_name: 'ab12-local-linux-01',
  created_at: '2026-11-01T10:00:00Z',
  started_at: '2026-11-01T10:00:05Z',
  completed_at: null,
  html_url: 'https://github.com/acme/app/actions/runs/22/job/11',
};

const event = {
  action: 'in_progress',
  workflow_job: job,
  repository: { full_name: 'Acme/App', private: true, owner: { login: 'Acme', type: 'Organization' } },
  organization: { login: 'Acme' },
  installation: { id: 7 },
};

test('a job reads the same from a webhook and from REST', () => {
  const expected = {
    id: 11,
    runId: 22,
    runAttempt: 2,
    name: 'build',
    workflow: 'CI',
    repository: 'acme/app',
    isPublic: false,
    ownedByOrganisation: true,
    installation: 7,
    labels: ['Linux', 'small'],
    status: 'in_progress',
    conclusion: null,
    runner: { id: 33, name: 'ab12-local-linux-01' },
    createdAt: Date.UTC(2026, 10, 1, 10, 0, 0),
    startedAt: Date.UTC(2026, 10, 1, 10, 0, 5),
    completedAt: null,
    steps: [],
    url: 'https://github.com/acme/app/actions/runs/22/job/11',
  };
  assert.deepEqual(jobOfWebhook(event), { report: expected, problem: null });
  assert.deepEqual(jobOfRest(job, repository), { report: expected, problem: null });
});

test('its steps are read as far as they can be, cut to what a person reads, and never cost the job', () => {
  const times = { started_at: '2026-11-01T10:00:05Z', completed_at: '2026-11-01T10:00:07Z' };
  const steps = [
    { name: 'x'.repeat(200), status: 'completed', conclusion: 'success', number: 1, ...times },
    { name: 'Test', status: 'queued', conclusion: null, number: 2, started_at: null, completed_at: null },
    { name: 7 },
    null,
  ];
  const { report } = jobOfWebhook({ ...event, workflow_job: { ...job, steps } });
  assert.deepEqual(report?.steps, [
    {
      name: 'x'.repeat(80),
      conclusion: 'success',
      startedAt: Date.UTC(2026, 10, 1, 10, 0, 5),
      completedAt: Date.UTC(2026, 10, 1, 10, 0, 7),
    },
    { name: 'Test', conclusion: null, startedAt: null, completedAt: null },
  ]);
  const many = Array.from({ length: 1_000 }, (_, index) => ({ name: `step ${index}` }));
  assert.equal(jobOfWebhook({ ...event, workflow_job: { ...job, steps: many } }).report?.steps.length, 60);
  assert.deepEqual(jobOfWebhook({ ...event, workflow_job: { ...job, steps: 'none' } }).report?.steps, []);
});

test('every workflow_job example that GitHub publishes can be read', () => {
  const published = examples.find((entry) => entry.name === 'workflow_job');
  assert.ok(published && published.examples.length >= 5);
  for (const example of published.examples) {
    const { report, problem } = jobOfWebhook({ installation: { id: 7 }, ...example });
    assert.equal(problem, null);
    assert.equal(report?.id, (example as { workflow_job: { id: number } }).workflow_job.id);
  }
});

test('no runner is null, 0, an empty name or no field at all', () => {
  for (const none of [
    { runner_id: null, runner_name: null },
    { runner_id: 0, runner_name: '' },
    { runner_id: undefined, runner_name: undefined },
  ]) {
    const report = read(
      jobOfRest({ ...job, status: 'completed', conclusion: 'cancelled', ...none }, repository),
    );
    assert.equal(report.runner, null);
    assert.equal(report.startedAt, null, 'a job without a runner never started, whatever started_at says');
  }
  assert.deepEqual(read(jobOfRest({ ...job, runner_id: 0 }, repository)).runner, {
    id: null,
    name: 'ab12-local-linux-01',
  });
});

test('a job that waits has neither runner nor start, even where GitHub names them', () => {
  for (const status of ['queued', 'waiting', 'requested', 'pending']) {
    const report = read(jobOfRest({ ...job, status }, repository));
    assert.deepEqual([report.status, report.runner, report.startedAt], [status, null, null]);
  }
});

test('statuses and conclusions that are new to us are passed on', () => {
  const report = read(jobOfRest({ ...job, status: 'paused', conclusion: 'stale' }, repository));
  assert.deepEqual([report.status, report.conclusion], ['paused', 'stale']);
});

test('labels that are null or empty are left out', () => {
  const report = read(jobOfRest({ ...job, labels: ['linux', null, ''] }, repository));
  assert.deepEqual(report.labels, ['linux']);
});

test('names beyond the bound are cut, never in the middle of a character', () => {
  const report = read(jobOfRest({ ...job, name: `${'a'.repeat(255)}🚀 and more` }, repository));
  assert.equal(report.name.length, 256);
  assert.ok(report.name.isWellFormed());
});

test('an attempt that REST leaves out is the first', () => {
  assert.equal(read(jobOfRest({ ...job, run_attempt: undefined }, repository)).runAttempt, 1);
});

test('a link that is not http(s) or far too long is left out', () => {
  for (const html_url of ['javascript:alert(1)', `https://github.com/${'a'.repeat(2000)}`, null, undefined]) {
    assert.equal(read(jobOfRest({ ...job, html_url }, repository)).url, '');
  }
});

test("a user's repository is not owned by an organisation, and an internal one is not public", () => {
  const mine = { full_name: 'octocat/hello', private: false, owner: { type: 'User' } };
  const ofUser = read(jobOfWebhook({ ...event, organization: undefined, repository: mine }));
  assert.deepEqual([ofUser.ownedByOrganisation, ofUser.isPublic], [false, true]);
  const internal = { ...event.repository, visibility: 'internal' };
  assert.equal(read(jobOfWebhook({ ...event, repository: internal })).isPublic, false);
});

test('what can not be read is a problem that names the field', () => {
  const cases: [unknown, RegExp][] = [
    [null, /\(all of it\)/],
    ['{}', /\(all of it\)/],
    [{ ...event, installation: undefined }, /installation/],
    [{ ...event, workflow_job: { ...job, id: '11' } }, /workflow_job\.id: expected number, received string/],
    [{ ...event, workflow_job: { ...job, id: 2 ** 60 } }, /workflow_job\.id/],
    [{ ...event, workflow_job: { ...job, labels: 'linux' } }, /workflow_job\.labels: expected array/],
    [{ ...event, workflow_job: { ...job, labels: [1] } }, /workflow_job\.labels\.0/],
    [{ ...event, workflow_job: { ...job, labels: Array(101).fill('x') } }, /workflow_job\.labels/],
    [{ ...event, workflow_job: { ...job, labels: ['x'.repeat(257)] } }, /workflow_job\.labels\.0/],
    [{ ...event, workflow_job: { ...job, status: {} } }, /workflow_job\.status/],
    [{ ...event, workflow_job: { ...job, created_at: 'yesterday' } }, /workflow_job\.created_at/],
    [{ ...event, workflow_job: { ...job, name: 5 } }, /workflow_job\.name/],
    [{ ...event, repository: { ...event.repository, full_name: '../..' } }, /repository\.full_name/],
    [{ ...event, repository: { ...event.repository, full_name: 'acme/..' } }, /repository\.full_name/],
    [{ ...event, repository: { ...event.repository, private: 'no' } }, /repository\.private/],
  ];
  for (const [payload, field] of cases) {
    const { report, problem } = jobOfWebhook(payload);
    assert.equal(report, null);
    assert.match(problem ?? '', field);
    assert.ok((problem ?? '').length < 300);
  }
});

function read({ report, problem }: ParsedJob) {
  assert.equal(problem, null);
  assert.ok(report);
  return report;
}
