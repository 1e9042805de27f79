// Machines that their platform takes back: one that boots yet, then one with a job.

import assert from 'node:assert/strict';
import { slowHost } from '../landscape.ts';
import { buildJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const noticeMs = 120_000;
/** The notice on its way, one question to GitHub whether the job waits still, one launch. */
const replacedSeconds = 20;
/** GitHub waits ten minutes for a runner that says nothing; its run is over then, and is looked at by the next ticks. */
const runAgainSeconds = 15 * 60;

export const takenBack: Scenario = {
  name: 'taken-back',
  shows:
    'A machine that is taken back is replaced before it goes; a job that loses its machine is run again, once, on one that is not taken',
  async play({ run, until, rest, stage, world, born, runners, record, calls }) {
    const interrupt = (name: Parameters<NonNullable<ReturnType<typeof stage.host>>['interrupt']>[0]) =>
      assert.ok(stage.host(slowHost)?.interrupt(name, noticeMs));
    const [job] = run('acme/app', buildJob({ durationMs: 400_000 })).jobs;
    assert.ok(job);
    await until('its machine is there', 30, () => runners('build')[0]?.state === 'launched');
    const [first] = runners('build');
    assert.ok(first);
    interrupt(first.name);
    await until('another is launched', replacedSeconds, () => born('build').length === 2);
    await until('the first is gone, at our word and not at its platform’s', 90, () =>
      runners('build').some(
        ({ name, state, end }) => name === first.name && state === 'gone' && end?.code === 'interrupted',
      ),
    );
    await until('the job starts', 90, () => runners('build').some(({ state }) => state === 'busy'));

    const second = runners('build').find(({ state }) => state === 'busy');
    assert.ok(second);
    interrupt(second.name);
    await rest(60);
    assert.equal(job.status, 'in_progress', 'what runs goes on until then');
    assert.equal(born('build').length, 2, 'nobody else needs a machine');
    await until('GitHub gives it up', 14 * 60, () => job.conclusion === 'failure');
    await until('it is run again', runAgainSeconds, () => job.run.attempt === 2);
    const again = job.run.jobs.find(({ attempt }) => attempt === 2);
    assert.ok(again);
    await until('it is at work', 120, () => runners('build').some(({ state }) => state === 'busy'));
    const third = runners('build').find(({ state }) => state === 'busy');
    assert.deepEqual([third?.steady, second.steady], [true, false]);
    await until('it has succeeded', 500, () => job.run.conclusion === 'success');
    assert.deepEqual([calls('/rerun'), job.run.attempt, world.state.runs.size], [1, 2, 1]);
    const story = record(job)?.timeline.map(({ what }) => what) ?? [];
    assert.deepEqual(story.slice(-3), ['completed: failure', 'its machine was taken back', 'run again']);
    assert.ok(
      stage.truth.runners.get(second.name)?.timeline.some(({ what }) => what === 'interrupted'),
      'why it failed is told with the job',
    );
  },
};
