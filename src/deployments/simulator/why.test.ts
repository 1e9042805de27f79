// Every reason for which a job may wait, brought about on the stage of the simulation, and asked for as an operator
// does: the sentence, its numbers, and what to do. What was in the way is told afterwards too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job as GitHubJob } from '../../adapters/github/simulated/state.ts';
import type { Configuration } from '../../core/configuration.ts';
import { jobKey } from '../../core/ids.ts';
import { createOperator, type Operator } from '../../flow/operator/operator.ts';
import type { WhyView } from '../../flow/operator/views.ts';
import { configuration, gitHub } from './landscape.ts';
import { bigJob, buildJob, lintJob, linuxJob, specialJob } from './scenarios/jobs.ts';
import { type Play, playScenario } from './scenarios/play.ts';
import { times } from './scenarios/plot.ts';

interface Told extends Play {
  operator: Operator;
  why(job: GitHubJob | undefined): Promise<WhyView>;
  /** Lets time pass until the job waits for this. */
  waitsFor(job: GitHubJob | undefined, code: string, withinSeconds: number): Promise<WhyView>;
}

interface Case {
  shows: string;
  configuration?: Configuration;
  play(told: Told): Promise<void>;
}

const aMinuteMs = 60_000;
const runnerOf = (pool: string) => `simu-\\w+-${pool}-\\w{26}`;
const wait = ({ job }: WhyView) => job.wait ?? assert.fail('it does not wait');
const entry = ({ story }: WhyView, what: string) =>
  story.find((one) => one.what === what) ?? assert.fail(`${what} is not in ${JSON.stringify(story)}`);

const cases: readonly Case[] = [
  {
    shows: 'an approval',
    async play({ run, waitsFor, world }) {
      const [job] = run('acme/app', lintJob({ name: 'deploy', approval: true })).jobs;
      const told = wait(await waitsFor(job, 'gated', 10));
      assert.match(told.text, /needs an approval/);
      assert.match(told.remedy ?? '', /approve it on the page of its run/);
      world.approve(job?.run.id ?? 0);
    },
  },
  {
    shows: 'labels that no pool has, with the nearest pool',
    async play({ run, waitsFor, world }) {
      const [job] = run('acme/app', lintJob({ labels: ['self-hosted', 'lint', 'gpu'] })).jobs;
      const told = wait(await waitsFor(job, 'refused', 10));
      assert.equal(told.text, 'no pool has the label "gpu"; nearest is pool lint');
      assert.match(told.remedy ?? '', /change runs-on/);
      world.cancelJob(job?.id ?? 0);
    },
  },
  {
    shows:
      'a pool at its limit: whose jobs hold it, the place in the queue, an estimate, and afterwards how long',
    async play({ run, until, rest, waitsFor, why }) {
      const site = run('acme/site', lintJob({ matrix: 6, durationMs: 3 * aMinuteMs }));
      await until('six run', 60, () => site.jobs.every(({ status }) => status === 'in_progress'));
      const { jobs } = run('acme/app', lintJob({ matrix: 3 }));
      const [, , last] = jobs;
      // Their events come in any order.
      await rest(2);
      const told = await waitsFor(last, 'poolLimit', 10);
      assert.equal(wait(told).text, 'pool lint is at its limit, 6 of 6 alive: 6 busy; 2 jobs wait before it');
      assert.equal(
        wait(told).remedy,
        'wait for a place, or raise the limit of pool lint in the configuration',
      );
      assert.deepEqual(told.heldBy, [{ repository: 'acme/site', runners: 6 }]);
      assert.equal(told.ahead, 2);
      assert.ok(told.expectedAt !== null);
      assert.match(
        entry(told, 'waits').why ?? '',
        /pool lint is at its limit, 6 of 6 alive: 6 busy; \d jobs? of its lane before it$/,
      );
      await until('all are done', 400, () => jobs.every(({ status }) => status === 'completed'));
      const over = await why(last);
      const waited = entry(over, 'waited');
      assert.match(waited.why ?? '', /^pool lint is at its limit, 6 of 6 alive: /);
      assert.ok((waited.forMs ?? 0) > 2 * aMinuteMs && (waited.forMs ?? 0) < 4 * aMinuteMs);
      const [first] = over.spent.filter(({ what }) => what.startsWith('pool lint is at its limit'));
      assert.equal(first?.forMs, waited.forMs);
      const { startedAt, createdAt } = over.job;
      const spent = over.spent.reduce((sum, { forMs }) => sum + forMs, 0);
      const whole = (startedAt ?? 0) - createdAt;
      assert.ok(spent <= whole && spent > whole - 5_000, `${spent} of ${whole} ms`);
    },
  },
  {
    shows: 'a host at its limit, and which pools have its places',
    async play({ run, until, rest, waitsFor }) {
      const lint = run('acme/app', lintJob({ matrix: 6, durationMs: 2 * aMinuteMs }));
      const priv = { labels: ['self-hosted', 'private'], durationMs: 2 * aMinuteMs };
      const others = run('acme/site', lintJob({ ...priv, name: 'private', matrix: 4 }));
      const all = [...lint.jobs, ...others.jobs];
      await until('ten run', 90, () => all.every(({ status }) => status === 'in_progress'));
      await rest(5);
      const [job] = run('acme/tools', lintJob(priv)).jobs;
      const told = await waitsFor(job, 'hostLimit', 10);
      assert.equal(
        wait(told).text,
        'host pods is at its limit, 10 of 10 machines alive over all its pools: 6 of pool lint, 4 of pool private',
      );
      assert.match(wait(told).remedy ?? '', /raise the limit of host pods/);
      assert.deepEqual(told.heldBy, [
        { repository: 'acme/app', runners: 6 },
        { repository: 'acme/site', runners: 4 },
      ]);
    },
  },
  {
    shows: 'a limit that an operator lowered, and a pause',
    async play({ run, operator, waitsFor, rest, until, why }) {
      await operator.changePool('lint', { limitNow: 0 });
      await rest(5);
      const [job] = run('acme/app', lintJob()).jobs;
      const lowered = wait(await waitsFor(job, 'poolLimit', 10));
      assert.equal(lowered.text, 'pool lint is at its limit, 0 of 0 (lowered from 6) alive: none');
      assert.match(lowered.remedy ?? '', /runners pools limit lint none/);
      await rest(20);
      await operator.changePool('lint', { limitNow: null });
      await operator.changePool('lint', { paused: true });
      const paused = await waitsFor(job, 'paused', 10);
      assert.deepEqual(
        [wait(paused).text, wait(paused).remedy],
        ['pool lint is paused', 'runners pools resume lint'],
      );
      await rest(300);
      await operator.changePool('lint', { paused: false });
      await until('it starts', 120, () => job?.status === 'in_progress');
      const { spent } = await why(job);
      assert.ok(spent.some(({ what, forMs }) => what === 'pool lint is paused' && forMs > 290_000));
    },
  },
  {
    shows: "registrations used up for the moment, with the time of the next, and the job's share of that",
    configuration: { ...configuration, github: { ...configuration.github, mintBurst: 1, mintsPerMinute: 6 } },
    async play({ run, until, rest, waitsFor, why }) {
      const { jobs } = run('acme/app', lintJob({ matrix: 4, failFast: false }));
      await rest(2);
      const told = await waitsFor(jobs[3], 'registrations', 10);
      assert.match(
        wait(told).text,
        /^the registrations that GitHub grants at once are used up, the next in \d+ s; 3 jobs wait before it$/,
      );
      assert.match(wait(told).remedy ?? '', /mintsPerMinute/);
      assert.ok(told.expectedAt !== null && told.expectedAt > told.job.createdAt + 20_000);
      await until('all are done', 300, () => jobs.every(({ status }) => status === 'completed'));
      const waits = await Promise.all(jobs.map(async (job) => (await why(job)).spent));
      const longest = Math.max(
        ...waits.flat().map(({ what, forMs }) => (what.startsWith('the registrations') ? forMs : 0)),
      );
      assert.ok(longest > 15_000 && longest < 45_000, `${longest} ms`);
    },
  },
  {
    shows: 'launches used up for the moment, with the time of the next',
    configuration: {
      ...configuration,
      hosts: configuration.hosts.map((host) => ({ ...host, launchBurst: 1, launchesPerSecond: 0.1 })),
    },
    async play({ run, rest, waitsFor }) {
      const { jobs } = run('acme/app', lintJob({ matrix: 3, failFast: false }));
      await rest(2);
      const told = wait(await waitsFor(jobs[2], 'launches', 10));
      assert.match(
        told.text,
        /^the launches that host pods takes at once are used up, the next in \d+ s; 2 jobs/,
      );
      assert.match(told.remedy ?? '', /raise launchBurst or launchesPerSecond of host pods/);
    },
  },
  {
    shows:
      'no capacity, in what and until when: first of its runner, then of its pool, whose breaker is open',
    async play({ plot, run, waitsFor, until, why }) {
      const reason = 'no capacity in m7g.large/eu-west-1a/onDemand until 2026-11-02T09:00:00Z';
      const refused = { kind: 'refused', refusal: 'noCapacity', reason, retryAfterMs: null } as const;
      plot.onLaunch(
        'ec2',
        times(3, ({ pool }) => (pool === 'build' ? refused : null)),
      );
      const [job] = run('acme/app', buildJob()).jobs;
      const asked = wait(await waitsFor(job, 'asking', 60));
      assert.match(
        asked.text,
        new RegExp(`^${runnerOf('build')} no longer comes for it \\(${reason}\\), and GitHub is asked`),
      );
      const open = wait(await waitsFor(job, 'breakerOpen', 120));
      assert.match(
        open.text,
        new RegExp(
          `^pool build orders nothing after 3 failures in a row \\(${reason}\\); one more try in \\d+ s$`,
        ),
      );
      assert.match(open.remedy ?? '', /mend what the last failure says/);
      await until('it starts', 300, () => job?.status === 'in_progress');
      const over = await why(job);
      const lost = over.story.filter(({ what }) => what === 'its runner no longer comes');
      assert.equal(lost.length, 3);
      assert.equal(over.runners.length, 4, 'all that were ordered for it are told of');
      assert.ok(over.spent.some(({ what }) => what.startsWith('pool build orders nothing after 3 failures')));
    },
  },
  {
    shows: 'a host that takes no launches, and until when',
    async play({ plot, run, until, waitsFor }) {
      const refused = { kind: 'refused', refusal: 'throttled', reason: '429', retryAfterMs: null } as const;
      plot.onLaunch(
        'pods',
        times(1, () => refused),
      );
      const [first] = run('acme/app', lintJob()).jobs;
      assert.ok(first);
      await until('its launch is refused', 10, () => plot.launchCalls.get('pods') === 1);
      const [job] = run('acme/site', lintJob({ labels: ['self-hosted', 'private'] })).jobs;
      const told = await waitsFor(job, 'throttled', 5);
      assert.match(wait(told).text, /^host pods takes no launches just now; again in \d+ s/);
      assert.match(wait(told).remedy ?? '', /lower launchesPerSecond of host pods/);
    },
  },
  {
    shows: 'a runner that boots, and how long it may',
    async play({ run, waitsFor }) {
      const [job] = run('acme/app', buildJob()).jobs;
      const told = wait(await waitsFor(job, 'booting', 30));
      assert.match(
        told.text,
        new RegExp(`^${runnerOf('build')} boots since \\d+ s, and has \\d+ min to come online$`),
      );
      assert.match(told.remedy ?? '', new RegExp(`runners logs ${runnerOf('build')}`));
    },
  },
  {
    shows: 'an idle runner that GitHub gives no job, and then the likely cause: max-parallel',
    async play({ run, until, waitsFor }) {
      const { jobs } = run(
        'acme/app',
        lintJob({ matrix: 3, maxParallel: 1, durationMs: 10 * aMinuteMs, failFast: false }),
      );
      await until('one starts', 60, () => jobs.some(({ status }) => status === 'in_progress'));
      const job = jobs.find(({ status }) => status === 'queued');
      const idle = wait(await waitsFor(job, 'online', 200));
      assert.match(idle.text, new RegExp(`^${runnerOf('lint')} is online`));
      const held = wait(await waitsFor(job, 'held', 300));
      assert.match(
        held.text,
        /: max-parallel or concurrency in its workflow, or runner group "default" does not/,
      );
      assert.match(held.text, /; looked at again in \d+ s$/);
      assert.match(
        held.remedy ?? '',
        /neither max-parallel nor concurrency.*runner group "default" admit acme\/app/,
      );
    },
  },
  {
    shows: 'a runner group that does not admit the repository, by its name and where to change it',
    async play({ run, waitsFor, world }) {
      const [job] = run('acme/site', specialJob()).jobs;
      const held = wait(await waitsFor(job, 'held', 400));
      assert.match(held.text, /runner group "special" does not admit acme\/site/);
      assert.match(
        held.remedy ?? '',
        /let runner group "special" admit acme\/site \(settings of the organisation, Actions, Runner groups\)/,
      );
      world.cancelJob(job?.id ?? 0);
    },
  },
  {
    shows: 'another job that took the runner, and whose runner the job took itself',
    async play({ plot, run, until, why }) {
      plot.onBirth(times(1, ({ pool }) => (pool === 'small' ? { boots: 'never' } : null)));
      const [thief] = run('acme/app', linuxJob({ durationMs: 2 * aMinuteMs })).jobs;
      const [robbed] = run('acme/app', bigJob()).jobs;
      await until('the robbed one starts', 240, () => robbed?.status === 'in_progress');
      const ofRobbed = await why(robbed);
      assert.match(
        entry(ofRobbed, 'its runner no longer comes').why ?? '',
        new RegExp(`^${runnerOf('big')}: GitHub gave it job ${thief?.id}$`),
      );
      const ofThief = await why(thief);
      assert.match(
        entry(ofThief, 'taken by another runner').why ?? '',
        new RegExp(`^${runnerOf('big')}, which was ordered for job ${robbed?.id}`),
      );
    },
  },
  {
    shows: 'a webhook that never came, and how late its job was found',
    async play({ plot, run, until, rest, why }) {
      const [earlier] = run('acme/app', lintJob()).jobs;
      await until('the earlier job ends', 300, () => earlier?.status === 'completed');
      await rest(60);
      plot.onDelivery(times(1, ({ action }) => (action === 'queued' ? { lose: 'forever' } : null)));
      const [job] = run('acme/app', lintJob()).jobs;
      await until('it starts', 120, () => job?.status === 'in_progress');
      const told = await why(job);
      assert.match(
        entry(told, 'queued').why ?? '',
        /; found by asking GitHub, \d+ s after it was made: no event had come$/,
      );
      assert.ok(told.spent.some(({ what, forMs }) => what === 'delivery of its event' && forMs > 10_000));
    },
  },
  {
    shows: 'a webhook that was sent again, and how late it came',
    async play({ plot, run, until, rest, why }) {
      await rest(600);
      plot.onDelivery(
        times(1, ({ action, redelivery }) =>
          action === 'queued' && !redelivery ? { lose: 'failed' } : null,
        ),
      );
      const [job] = run('globex/docs', lintJob()).jobs;
      await until('it starts', 120, () => job?.status === 'in_progress');
      const told = await why(job);
      assert.match(entry(told, 'queued').why ?? '', /; its event came \d+ s after it was made$|on pods$/);
      assert.ok(told.spent.some(({ what }) => what === 'delivery of its event'));
    },
  },
];

for (const { shows, play, ...rest } of cases) {
  test(`runners why tells of ${shows}`, async () => {
    await playScenario({
      name: 'why',
      shows,
      ...rest,
      async play(stagePlay) {
        const { clock, scene } = stagePlay.stage;
        const { table } = scene;
        const operator = createOperator({
          clock,
          table,
          configuration: scene.configuration,
          gitHubName: gitHub,
        });
        const why = async (job: GitHubJob | undefined): Promise<WhyView> => {
          const told = job && (await operator.why(jobKey(gitHub, job.id)));
          return told ?? assert.fail(`job ${job?.id} is not known`);
        };
        await play({
          ...stagePlay,
          operator,
          why,
          async waitsFor(job, code, withinSeconds) {
            const until = clock.now() + withinSeconds * 1_000;
            for (;;) {
              const told = job && (await operator.why(jobKey(gitHub, job.id)));
              if (told?.job.wait?.code === code) return told;
              assert.ok(clock.now() < until, `it waits for ${told?.job.wait?.code}, not ${code}`);
              await stagePlay.rest(0.25);
            }
          },
        });
      },
    });
  });
}
