// What every GitHub promises, as tests that each adapter runs. The fixture gives an adapter and a GitHub of its own
// behind it, with ways to drive that world by another door: to start workflows, to be a runner, to break answers.
//
// The world, with the App installed twice:
// - the organisation `Acme`: the repositories `Acme/App` (private) and `Acme/Site` (public); the runner groups that
//   GitHub names `Default`, and `big`;
// - the user `Octocat`: `Octocat/Hello`, and `Octocat/Hidden`, which the installation does not cover.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import type { Scope } from '../core/scope.ts';
import type { EpochMs } from './clock.ts';
import {
  type Delivery,
  type GitHub,
  GitHubError,
  type GitHubErrorKind,
  type RepositoryRef,
  type RunnerRegistration,
} from './github.ts';

export interface GitHubFixture {
  github: GitHub;
  installations: { acme: number; octocat: number };
  now(): EpochMs;
  /** Lets so much time go by, and whatever runs meanwhile. */
  pass(ms: number): Promise<void>;
  /** Ids of the run and of its jobs, in their order; a matrix has as many as it says. */
  startRun(repository: string, jobs: readonly ContractJob[]): { run: number; jobs: readonly number[] };
  cancelJob(job: number): void;
  /** What a machine does with the configuration that it was given. */
  connect(jitConfig: string, version: string): ContractRunner;
  setInstallation(id: number, state: 'active' | 'suspended' | 'deleted'): void;
  /** Takes the permissions away that everything but reading needs. */
  withdrawPermissions(installation: number): void;
  /**
   * How requests of this kind are answered from now on. `lost`: done, but the caller never hears; `unavailable`: a
   * 5xx, nothing done; `limited`: refused by a secondary limit.
   */
  answers(of: 'mint' | 'rerun' | 'read', how: 'well' | 'lost' | 'unavailable' | 'limited'): void;
  /** The webhook's receiver answers so. */
  receiverAnswers(statusCode: number): void;
  /** GUIDs of the deliveries that came to the receiver. */
  received(): readonly string[];
  close(): Promise<void>;
}

interface ContractJob {
  name: string;
  labels: readonly string[];
  matrix?: number;
  /** It waits for a person before it is queued. */
  approval?: boolean;
  needs?: readonly string[];
}

interface ContractRunner {
  /** The id of the job that it runs from now on; it waits for one. */
  takeJob(): Promise<number>;
  finish(conclusion?: 'success' | 'failure'): void;
}

export function githubContract(name: string, makeFixture: () => Promise<GitHubFixture>): void {
  describe(`${name} keeps the contract of GitHub`, () => {
    for (const [says, run] of [
      ...runnerCases,
      ...jobCases,
      ...runCases,
      ...deliveryCases,
      ...accountCases,
      ...faultCases,
    ]) {
      test(says, async () => {
        const fixture = await makeFixture();
        try {
          await run(givenOf(fixture));
        } finally {
          await fixture.close();
        }
      });
    }
  });
}

type Cases = readonly [says: string, run: (given: Given) => Promise<void>][];

const runnerCases: Cases = [
  [
    'a runner is minted, found by its name, listed and removed',
    async ({ github, acme, within, registration }) => {
      assert.equal(await within(github.findRunner(acme, 'one')), null);
      const minted = await within(github.mintRunner(acme, registration('one')));
      assert.ok(minted.outcome === 'minted', inspect(minted));
      assert.ok(minted.jitConfig.length > 0);
      const entry = { id: minted.runnerId, name: 'one', status: 'offline', busy: false, version: null };
      assert.deepEqual(await within(github.findRunner(acme, 'one')), entry);
      assert.equal(await within(github.findRunner(acme, 'on')), null, 'a part of a name is no name');
      assert.deepEqual(await within(github.listRunners(acme)), [entry]);
      assert.equal(await within(github.removeRunner(acme, minted.runnerId)), 'removed');
      assert.deepEqual(await within(github.listRunners(acme)), []);
      assert.equal(await within(github.findRunner(acme, 'one')), null);
      assert.equal(await within(github.removeRunner(acme, minted.runnerId)), 'absent');
    },
  ],
  [
    'a name is taken until its runner is removed, in its own scope alone',
    async ({ github, acme, app, within, mint, registration }) => {
      const first = await mint(acme, 'one');
      assert.deepEqual(await within(github.mintRunner(acme, registration('one'))), { outcome: 'nameTaken' });
      await mint(app, 'one');
      assert.equal(await within(github.removeRunner(acme, first.runnerId)), 'removed');
      const again = await mint(acme, 'one');
      assert.notEqual(again.runnerId, first.runnerId);
    },
  ],
  [
    'scopes do not see the runners of one another',
    async ({ github, acme, app, hello, within, mint }) => {
      const ofRepository = await mint(app, 'one');
      await mint(hello, 'two');
      assert.deepEqual(await within(github.listRunners(acme)), []);
      assert.deepEqual(
        (await within(github.listRunners(app))).map((runner) => runner.name),
        ['one'],
      );
      assert.equal(await within(github.removeRunner(acme, ofRepository.runnerId)), 'absent');
      assert.notEqual(await within(github.findRunner(app, 'one')), null);
    },
  ],
  [
    'a runner group is meant by its name, and an unknown one is refused with the names there are',
    async ({ github, acme, app, within, registration }) => {
      const inBig = await within(github.mintRunner(acme, { ...registration('one'), group: 'big' }));
      assert.equal(inBig.outcome, 'minted');
      const refused = await within(github.mintRunner(acme, { ...registration('two'), group: 'huge' }));
      assert.ok(refused.outcome === 'refused', inspect(refused));
      assert.match(refused.reason, /huge/);
      assert.match(refused.reason, /Default/);
      assert.match(refused.reason, /big/);
      const ofRepository = await within(github.mintRunner(app, { ...registration('three'), group: 'big' }));
      assert.equal(ofRepository.outcome, 'refused', 'repositories have no groups of their own');
    },
  ],
  [
    'labels that GitHub does not take are refused, and nothing is registered',
    async ({ github, acme, within, registration }) => {
      for (const labels of [
        [],
        ['x'.repeat(257)],
        Array.from({ length: 101 }, (_, index) => `label${index}`),
      ]) {
        const refused = await within(github.mintRunner(acme, { ...registration('one'), labels }));
        assert.ok(refused.outcome === 'refused', inspect(refused));
        assert.notEqual(refused.reason, '');
      }
      assert.deepEqual(await within(github.listRunners(acme)), []);
    },
  ],
  [
    'a scope that the App can not see is refused to a mint, and its runners are not called absent',
    async ({ github, hidden, within, registration, failure }) => {
      const refused = await within(github.mintRunner(hidden, registration('one')));
      assert.ok(refused.outcome === 'refused', inspect(refused));
      await failure('invalid', github.removeRunner(hidden, 1));
      await failure('invalid', github.findRunner(hidden, 'one'));
      await failure('invalid', github.listRunners(hidden));
    },
  ],
  [
    'a runner that runs a job is busy, and is not removed',
    async ({ fixture, github, acme, within, mint, idle }) => {
      const { runnerId, jitConfig } = await mint(acme, 'one');
      const runner = fixture.connect(jitConfig, '2.336.0');
      await idle(acme, 'one');
      const { jobs } = fixture.startRun('acme/app', [{ name: 'build', labels: ['LINUX'] }]);
      assert.equal(await within(runner.takeJob()), jobs[0]);
      assert.equal(await within(github.removeRunner(acme, runnerId)), 'busy');
      const entry = { id: runnerId, name: 'one', status: 'online', busy: true, version: '2.336.0' };
      assert.deepEqual(await within(github.findRunner(acme, 'one')), entry);
      runner.finish();
      assert.equal(
        await within(github.findRunner(acme, 'one')),
        null,
        'an ephemeral runner is gone with its job',
      );
      assert.equal(await within(github.removeRunner(acme, runnerId)), 'absent');
    },
  ],
  [
    'a list has all runners, however many pages they take',
    async ({ github, acme, within, mint }) => {
      const names = Array.from({ length: 130 }, (_, index) => `runner-${index}`);
      for (const name of names) await mint(acme, name);
      const listed = await within(github.listRunners(acme));
      assert.deepEqual(listed.map((runner) => runner.name).sort(), [...names].sort());
    },
  ],
];

const jobCases: Cases = [
  [
    'a job is read in each of its phases',
    async ({ fixture, github, acme, acmeApp, within, mint }) => {
      const startedAfter = fixture.now();
      const { run, jobs } = fixture.startRun('acme/app', [{ name: 'build', labels: ['linux', 'X64'] }]);
      const id = jobs[0] ?? 0;
      const queued = await within(github.readJob(acmeApp, id));
      assert.ok(queued);
      const { createdAt, workflow, url, ...rest } = queued;
      assert.deepEqual(rest, {
        id,
        runId: run,
        runAttempt: 1,
        name: 'build',
        repository: 'acme/app',
        isPublic: false,
        ownedByOrganisation: true,
        installation: acme.installation,
        labels: ['linux', 'X64'],
        status: 'queued',
        conclusion: null,
        runner: null,
        startedAt: null,
        completedAt: null,
        steps: [],
      });
      assert.ok(workflow);
      assert.match(url, /^https?:\/\//);
      assert.ok(Math.abs(createdAt - startedAfter) <= 1000, 'times are told in whole seconds');

      const { runnerId, jitConfig } = await mint(acme, 'one', ['Linux', 'x64', 'more']);
      const runner = fixture.connect(jitConfig, '2.336.0');
      await within(runner.takeJob());
      const running = await within(github.readJob(acmeApp, id));
      assert.equal(running?.status, 'in_progress');
      assert.deepEqual(running.runner, { id: runnerId, name: 'one' });
      assert.notEqual(running.startedAt, null);

      runner.finish();
      const completed = await within(github.readJob(acmeApp, id));
      assert.deepEqual([completed?.status, completed?.conclusion], ['completed', 'success']);
      assert.deepEqual(completed?.runner, { id: runnerId, name: 'one' }, 'though its entry is gone');
      assert.notEqual(completed?.completedAt, null);
      for (const { name, startedAt, completedAt } of completed?.steps ?? [])
        assert.ok(name && startedAt !== null && completedAt !== null && startedAt <= completedAt);
    },
  ],
  [
    'a job that was cancelled in the queue never had a runner nor a start',
    async ({ fixture, github, acmeApp, within }) => {
      for (const name of ['one', 'two']) {
        const { jobs } = fixture.startRun('acme/app', [{ name, labels: ['linux'] }]);
        fixture.cancelJob(jobs[0] ?? 0);
        const job = await within(github.readJob(acmeApp, jobs[0] ?? 0));
        assert.deepEqual([job?.status, job?.conclusion], ['completed', 'cancelled']);
        assert.deepEqual([job?.runner, job?.startedAt], [null, null]);
      }
    },
  ],
  [
    'a job that waits for a person is neither queued nor among those that are',
    async ({ fixture, github, acmeApp, within }) => {
      const { jobs } = fixture.startRun('acme/app', [{ name: 'deploy', labels: ['linux'], approval: true }]);
      assert.equal((await within(github.readJob(acmeApp, jobs[0] ?? 0)))?.status, 'waiting');
      assert.deepEqual(await within(github.queuedJobs(acmeApp)), []);
    },
  ],
  [
    'a job that is not there is null, and so is one of another repository',
    async ({ fixture, github, acmeApp, helloRepository, within }) => {
      assert.equal(await within(github.readJob(acmeApp, 12_345)), null);
      const { jobs } = fixture.startRun('acme/app', [{ name: 'build', labels: ['linux'] }]);
      assert.equal(await within(github.readJob(helloRepository, jobs[0] ?? 0)), null);
    },
  ],
  [
    'all queued jobs of a repository are found, in runs that wait and in runs that have begun',
    async ({ fixture, github, acme, acmeApp, within, mint }) => {
      const matrix = fixture.startRun('acme/app', [{ name: 'test', labels: ['linux'], matrix: 120 }]);
      const { jitConfig } = await mint(acme, 'one');
      const taken = await within(fixture.connect(jitConfig, '2.336.0').takeJob());
      const lone = fixture.startRun('acme/app', [{ name: 'lint', labels: ['small'] }]);
      fixture.startRun('acme/site', [{ name: 'elsewhere', labels: ['small'] }]);
      const queued = await within(github.queuedJobs(acmeApp));
      const expected = [...matrix.jobs, ...lone.jobs].filter((id) => id !== taken);
      assert.deepEqual(
        queued.map((job) => job.id).sort((a, b) => a - b),
        expected.sort((a, b) => a - b),
      );
      assert.ok(queued.every((job) => job.status === 'queued' && job.repository === 'acme/app'));
    },
  ],
];

const runCases: Cases = [
  [
    'a run tells its attempt, and its jobs once it is over',
    async ({ fixture, github, acmeApp, helloRepository, within, work }) => {
      assert.equal(await within(github.readRun(acmeApp, 12_345)), null);
      const { run, jobs } = fixture.startRun('acme/app', [
        { name: 'build', labels: ['linux'] },
        { name: 'test', labels: ['linux'] },
      ]);
      const waiting = { attempt: 1, isOver: false, conclusion: null, jobs: [] };
      assert.deepEqual(await within(github.readRun(acmeApp, run)), waiting);
      assert.equal(await within(github.readRun(helloRepository, run)), null, 'of another repository');
      await work(1);
      assert.deepEqual(await within(github.readRun(acmeApp, run)), waiting, 'it goes on');
      await work(1, () => 'failure');
      const over = await within(github.readRun(acmeApp, run));
      assert.deepEqual([over?.attempt, over?.isOver, over?.conclusion], [1, true, 'failure']);
      assert.deepEqual(over?.jobs.map(({ id }) => id).sort(), [...jobs].sort());
      assert.deepEqual(over?.jobs.map(({ conclusion }) => conclusion).sort(), ['failure', 'success']);
      assert.ok(over?.jobs.every(({ runner }) => runner?.name.startsWith('worker-')));
    },
  ],
  [
    'a job is run again with what needs it, once its run is over, under new ids',
    async ({ fixture, github, acmeApp, within, work }) => {
      const { run, jobs } = fixture.startRun('acme/app', [
        { name: 'build', labels: ['linux'] },
        { name: 'lint', labels: ['linux'] },
        { name: 'deploy', labels: ['linux'], needs: ['build'] },
      ]);
      const [build = 0] = jobs;
      const again = () => within(github.rerun(acmeApp, { what: 'job', jobId: build }));
      assert.deepEqual(await again(), { outcome: 'running' });
      await work(1, (job) => (job === build ? 'failure' : 'success'));
      assert.deepEqual(await again(), { outcome: 'running' }, 'though the job has ended');
      await work(1, (job) => (job === build ? 'failure' : 'success'));
      assert.deepEqual(await again(), { outcome: 'accepted' });
      const [next, ...others] = await within(github.queuedJobs(acmeApp));
      assert.deepEqual([next?.name, next?.runId, next?.runAttempt, others.length], ['build', run, 2, 0]);
      assert.notEqual(next?.id, build);
      assert.equal((await within(github.readRun(acmeApp, run)))?.attempt, 2);
      await work(2);
      const over = await within(github.readRun(acmeApp, run));
      assert.deepEqual([over?.attempt, over?.conclusion], [2, 'success']);
      const refused = await again();
      assert.ok(refused.outcome === 'refused', 'it is of an earlier attempt by now');
      assert.match(refused.reason, /^403 .*current attempt/);
    },
  ],
  [
    'the failed jobs of a run are run again together, and those that succeeded are not',
    async ({ fixture, github, acmeApp, within, work }) => {
      const { run, jobs } = fixture.startRun('acme/app', [
        { name: 'one', labels: ['linux'] },
        { name: 'two', labels: ['linux'] },
        { name: 'three', labels: ['linux'] },
      ]);
      const again = () => within(github.rerun(acmeApp, { what: 'failedJobs', runId: run }));
      assert.deepEqual(await again(), { outcome: 'running' });
      await work(3, (job) => (job === jobs[1] ? 'success' : 'failure'));
      assert.deepEqual(await again(), { outcome: 'accepted' });
      const queued = await within(github.queuedJobs(acmeApp));
      assert.deepEqual(queued.map(({ name }) => name).sort(), ['one', 'three']);
      assert.deepEqual(await again(), { outcome: 'running' }, 'asked twice, it is run again once');
      await work(2);
      assert.equal((await again()).outcome, 'refused', 'none has failed any more');
    },
  ],
  [
    'what is not there is not run again, and a missing permission is said',
    async ({ fixture, github, acme, acmeApp, within, failure, work }) => {
      const gone = await within(github.rerun(acmeApp, { what: 'job', jobId: 12_345 }));
      assert.ok(gone.outcome === 'refused');
      assert.match(gone.reason, /^404/);
      const { run, jobs } = fixture.startRun('acme/app', [{ name: 'one', labels: ['linux'] }]);
      await work(1, () => 'failure');
      fixture.withdrawPermissions(acme.installation);
      const error = await failure('forbidden', github.rerun(acmeApp, { what: 'job', jobId: jobs[0] ?? 0 }));
      assert.match(error.message, /actions/i);
      assert.equal((await within(github.readRun(acmeApp, run)))?.attempt, 1);
    },
  ],
  [
    'a run that was run again by a request whose answer was lost tells so by its attempt',
    async ({ fixture, github, acmeApp, within, failure, work }) => {
      const { run, jobs } = fixture.startRun('acme/app', [{ name: 'one', labels: ['linux'] }]);
      await work(1, () => 'failure');
      fixture.answers('rerun', 'lost');
      await failure('unavailable', github.rerun(acmeApp, { what: 'job', jobId: jobs[0] ?? 0 }));
      fixture.answers('rerun', 'well');
      assert.equal((await within(github.readRun(acmeApp, run)))?.attempt, 2);
      assert.equal((await within(github.queuedJobs(acmeApp))).length, 1, 'it was sent once');
    },
  ],
];

const deliveryCases: Cases = [
  [
    'a delivery that failed is told, and is sent again under its GUID',
    async ({ fixture, github, within, until }) => {
      fixture.receiverAnswers(500);
      fixture.startRun('acme/app', [{ name: 'build', labels: ['linux'] }]);
      const list = () => within(github.deliveriesSince(0, 100));
      await until('the failure is listed', async () => (await list()).length === 1);
      const [failed] = await list();
      assert.ok(failed);
      assert.deepEqual([failed.ok, failed.event, failed.action], [false, 'workflow_job', 'queued']);
      assert.match(failed.id, /^\d+$/);

      fixture.receiverAnswers(202);
      await within(github.redeliver(failed.id));
      await until('it came again', async () => fixture.received().length === 2);
      assert.equal(new Set(fixture.received()).size, 1);
      await until('the success is listed', async () => (await list()).length === 2);
      const [again] = await list();
      assert.deepEqual([again?.guid, again?.ok], [failed.guid, true]);
      assert.notEqual(again?.id, failed.id);
    },
  ],
  [
    'deliveries come newest first, back to a time and up to a number, over all pages',
    async ({ fixture, github, within, until }) => {
      fixture.startRun('acme/app', [{ name: 'test', labels: ['linux'], matrix: 110 }]);
      const all = (): Promise<Delivery[]> => within(github.deliveriesSince(0, 1000));
      await until('all are listed', async () => (await all()).length === 110);
      await fixture.pass(60_000);
      const since = fixture.now() - 30_000;
      fixture.startRun('acme/app', [{ name: 'test', labels: ['linux'], matrix: 5 }]);
      await until('the later ones too', async () => (await all()).length === 115);
      const deliveries = await all();
      for (const [index, { deliveredAt }] of deliveries.entries()) {
        assert.ok(deliveredAt <= (deliveries[index - 1]?.deliveredAt ?? Number.POSITIVE_INFINITY));
      }
      assert.equal((await within(github.deliveriesSince(since, 1000))).length, 5);
      assert.deepEqual(
        (await within(github.deliveriesSince(0, 107))).map(({ id }) => id),
        deliveries.slice(0, 107).map(({ id }) => id),
      );
    },
  ],
  [
    'a delivery that is not known can not be sent again',
    async ({ github, failure }) => {
      await failure('invalid', github.redeliver('3804004623172239366'));
    },
  ],
];

const accountCases: Cases = [
  [
    'installations are told with their accounts and whether they are suspended',
    async ({ fixture, github, within }) => {
      const { acme, octocat } = fixture.installations;
      fixture.setInstallation(octocat, 'suspended');
      const listed = await within(github.installations());
      assert.deepEqual(
        listed.sort((a, b) => a.account.localeCompare(b.account)),
        [
          { id: acme, account: 'acme', suspended: false },
          { id: octocat, account: 'octocat', suspended: true },
        ],
      );
    },
  ],
  [
    'an installation names the repositories that it may read, in lower case',
    async ({ fixture, github, acmeApp, helloRepository, within }) => {
      const { acme, octocat } = fixture.installations;
      const ofAcme = await within(github.repositories(acme));
      assert.deepEqual(
        ofAcme.sort((a, b) => a.repository.localeCompare(b.repository)),
        [acmeApp, { ...acmeApp, repository: 'acme/site', isPublic: true }],
      );
      assert.deepEqual(await within(github.repositories(octocat)), [helloRepository]);
    },
  ],
  [
    'the addresses that webhooks come from are ranges',
    async ({ fixture, github, within }) => {
      const ranges = await within(github.hookAddresses(fixture.installations.acme));
      assert.ok(ranges.length > 0);
      for (const range of ranges) {
        const [address = '', bits = ''] = range.split('/');
        assert.ok(isIP(address) > 0 && /^\d{1,3}$/.test(bits), range);
      }
    },
  ],
  [
    'a suspended installation says so, until it is no longer suspended; others go on',
    async ({ fixture, github, acme, hello, within, mint, registration, failure }) => {
      await mint(acme, 'one');
      fixture.setInstallation(acme.installation, 'suspended');
      await failure('suspended', github.mintRunner(acme, registration('two')));
      await failure('suspended', github.listRunners(acme));
      await mint(hello, 'other');
      fixture.setInstallation(acme.installation, 'active');
      await mint(acme, 'two');
      assert.equal((await within(github.listRunners(acme))).length, 2);
    },
  ],
  [
    'a deleted installation says so, whether it was used before or not',
    async ({ fixture, github, acme, hello, mint, failure }) => {
      await mint(acme, 'one');
      fixture.setInstallation(acme.installation, 'deleted');
      fixture.setInstallation(hello.installation, 'deleted');
      await failure('suspended', github.listRunners(acme));
      await failure('suspended', github.listRunners(hello));
    },
  ],
  [
    'an installation that was never there is no different from a deleted one',
    async ({ github, acme, failure }) => {
      await failure('suspended', github.listRunners({ ...acme, installation: 1 }));
    },
  ],
  [
    'a missing permission is named',
    async ({ fixture, github, app, registration, failure }) => {
      fixture.withdrawPermissions(app.installation);
      const error = await failure('forbidden', github.mintRunner(app, registration('one')));
      assert.match(error.message, /administration/);
      await failure('forbidden', github.removeRunner(app, 1));
    },
  ],
  [
    'what is left of the hour is known after the first answer, by installation',
    async ({ fixture, github, acme, within, mint }) => {
      assert.equal(github.rateLeft(acme.installation), null);
      await mint(acme, 'one');
      const before = github.rateLeft(acme.installation);
      assert.ok(before && before.resetsAt > fixture.now() && before.remaining < before.limit);
      await within(github.listRunners(acme));
      assert.equal(github.rateLeft(acme.installation)?.remaining, before.remaining - 1);
      assert.equal(github.rateLeft(fixture.installations.octocat), null);
    },
  ],
];

const faultCases: Cases = [
  [
    'a limit refuses with the time to come back, and then it is over',
    async ({ fixture, github, acme, within, registration, mint, failure }) => {
      fixture.answers('mint', 'limited');
      const error = await failure('limited', github.mintRunner(acme, registration('one')));
      assert.ok(error.retryAt !== null && error.retryAt > fixture.now());
      assert.ok(error.retryAt <= fixture.now() + 3_600_000);
      fixture.answers('mint', 'well');
      await fixture.pass(error.retryAt - fixture.now());
      assert.deepEqual(await within(github.listRunners(acme)), [], 'nothing was done');
      await mint(acme, 'one');
    },
  ],
  [
    'a mint that GitHub could not serve is unavailable, and was not done',
    async ({ fixture, github, acme, within, registration, failure }) => {
      fixture.answers('mint', 'unavailable');
      const error = await failure('unavailable', github.mintRunner(acme, registration('one')));
      assert.equal(error.retryAt, null);
      fixture.answers('mint', 'well');
      assert.deepEqual(await within(github.listRunners(acme)), []);
    },
  ],
  [
    'a mint whose answer is lost is unavailable too, and its name tells that it was done',
    async ({ fixture, github, acme, within, registration, mint, failure }) => {
      fixture.answers('mint', 'lost');
      await failure('unavailable', github.mintRunner(acme, registration('one')));
      fixture.answers('mint', 'well');
      assert.deepEqual(await within(github.mintRunner(acme, registration('one'))), { outcome: 'nameTaken' });
      const left = await within(github.findRunner(acme, 'one'));
      assert.ok(left);
      assert.equal(await within(github.removeRunner(acme, left.id)), 'removed');
      await mint(acme, 'one');
      assert.equal((await within(github.listRunners(acme))).length, 1);
    },
  ],
  [
    'what can not be read is unavailable, not empty',
    async ({ fixture, github, acme, acmeApp, within, failure }) => {
      fixture.answers('read', 'unavailable');
      await failure('unavailable', github.listRunners(acme));
      await failure('unavailable', github.findRunner(acme, 'one'));
      await failure('unavailable', github.readJob(acmeApp, 1));
      await failure('unavailable', github.queuedJobs(acmeApp));
      fixture.answers('read', 'well');
      assert.deepEqual(await within(github.listRunners(acme)), []);
    },
  ],
];

/** A fixture, and what the cases do with it again and again. */
interface Given {
  fixture: GitHubFixture;
  github: GitHub;
  acme: Scope;
  app: Scope;
  hello: Scope;
  hidden: Scope;
  acmeApp: RepositoryRef;
  helloRepository: RepositoryRef;
  /** Lets time go by until the work is done. */
  within<T>(work: Promise<T>): Promise<T>;
  until(says: string, condition: () => Promise<boolean>): Promise<void>;
  failure(kind: GitHubErrorKind, work: Promise<unknown>): Promise<GitHubError>;
  registration(name: string): RunnerRegistration;
  /** Runs every job that waits, one after another, and says how each ends. */
  work(count: number, endOf?: (job: number) => 'success' | 'failure'): Promise<void>;
  /** Minted, or the test fails. */
  mint(scope: Scope, name: string, labels?: string[]): Promise<{ runnerId: number; jitConfig: string }>;
  /** The runner is connected and has no job. */
  idle(scope: Scope, name: string): Promise<void>;
}

/** Of a millisecond or more each: far longer than any answer takes. */
const passesMax = 20_000;

function givenOf(fixture: GitHubFixture): Given {
  const { github, installations } = fixture;
  const scopeOf = (owner: string, repository: string | null, installation: number): Scope => ({
    owner,
    repository,
    installation,
  });

  async function within<T>(work: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    work.then(settle, settle);
    for (let i = 0; !isSettled && i < passesMax; i += 1) await fixture.pass(1);
    assert.ok(isSettled, 'a call was not answered');
    return work;
  }

  async function until(says: string, condition: () => Promise<boolean>): Promise<void> {
    for (let i = 0; i < passesMax; i += 1) {
      if (await condition()) return;
      await fixture.pass(1);
    }
    assert.fail(`waited for long, in vain: ${says}`);
  }

  let runners = 0;
  const acme = scopeOf('acme', null, installations.acme);

  const registration = (name: string): RunnerRegistration => ({
    name,
    labels: ['linux'],
    group: 'default',
    workFolder: '_work',
  });

  const mint: Given['mint'] = async (scope, name, labels = ['linux']) => {
    const minted = await within(github.mintRunner(scope, { ...registration(name), labels }));
    assert.ok(minted.outcome === 'minted', inspect(minted));
    return minted;
  };

  return {
    fixture,
    github,
    acme,
    app: scopeOf('acme', 'app', installations.acme),
    hello: scopeOf('octocat', 'hello', installations.octocat),
    hidden: scopeOf('octocat', 'hidden', installations.octocat),
    acmeApp: {
      repository: 'acme/app',
      isPublic: false,
      ownedByOrganisation: true,
      installation: installations.acme,
    },
    helloRepository: {
      repository: 'octocat/hello',
      isPublic: false,
      ownedByOrganisation: false,
      installation: installations.octocat,
    },
    within,
    until,
    registration,
    mint,

    async failure(kind, work) {
      const error: unknown = await within(work).then(
        (value) => value,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof GitHubError, `no GitHubError: ${inspect(error)}`);
      assert.equal(error.kind, kind, error.message);
      assert.ok(error.message.length > 20 && error.message.length < 2_000, error.message);
      return error;
    },

    async work(count, endOf = () => 'success') {
      for (let i = 0; i < count; i += 1) {
        runners += 1;
        const { jitConfig } = await mint(acme, `worker-${runners}`);
        const runner = fixture.connect(jitConfig, '2.336.0');
        runner.finish(endOf(await within(runner.takeJob())));
      }
    },

    async idle(scope, name) {
      const entry = await within(github.findRunner(scope, name));
      assert.deepEqual([entry?.status, entry?.busy], ['online', false]);
    },
  };
}
