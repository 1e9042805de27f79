// GitHub has registered a runner, and its answer is lost: the name is taken when it is asked again (409).

import assert from 'node:assert/strict';
import type { JobDescription } from '../../../adapters/github/simulated/workflow.ts';
import { buildJob, lintJob } from './jobs.ts';
import type { Play } from './play.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

async function loseFirstAnswer(
  play: Play,
  pool: string,
  job: JobDescription,
  withinSeconds: number,
): Promise<void> {
  const { plot, run, until, born, calls } = play;
  plot.onAnswer(times(1, (route) => (route.endsWith('/generate-jitconfig') ? 'lost' : null)));
  const [only] = run('acme/app', job).jobs;
  assert.ok(only);
  await until('it starts', withinSeconds, () => only.status === 'in_progress');
  await until('it ends', 120, () => only.status === 'completed');
  assert.equal(born(pool).length, 1, 'the same machine goes on');
  assert.ok(calls('generate-jitconfig') >= 2);
  assert.equal(
    calls('DELETE /orgs/{org}/actions/runners'),
    1,
    'the entry that nobody heard of is removed by its name',
  );
}

export const lostConfigurationClaimed: Scenario = {
  name: 'lost-configuration-claimed',
  shows: 'A machine whose registration was made, and its answer lost, claims it anew under its own name',
  play: (play) => loseFirstAnswer(play, 'build', buildJob(), 60 + 30),
};

export const lostConfigurationHandedOver: Scenario = {
  name: 'lost-configuration-handed-over',
  shows:
    'A launcher whose registration was made, and its answer lost, makes it anew before it calls the host',
  play: (play) => loseFirstAnswer(play, 'lint', lintJob(), 60),
};
