// GitHub's clock and ours are ten minutes apart, in either direction.

import assert from 'node:assert/strict';
import { buildJob, lintJob } from './jobs.ts';
import type { Play } from './play.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

const skewMs = 10 * 60_000;
/** As where the clocks agree: looks each minute, a tick, a boot. */
const healedSeconds = 60 + 30 + 60;

async function liveApart({
  plot,
  run,
  until,
  rest,
  world,
  born,
  alive,
  count,
  longestDeficit,
}: Play): Promise<void> {
  await rest(300);
  const plain = run('acme/app', buildJob({ matrix: 4 }), lintJob({ matrix: 8, failFast: false }));
  await until('work is done as ever', 200, () => plain.status === 'completed');
  assert.equal(born('build').length + born('lint').length, 12);

  plot.onDelivery(
    times(1, ({ action, redelivery }) => (action === 'queued' && !redelivery ? { lose: 'failed' } : null)),
  );
  const failed = run('acme/app', lintJob());
  await until(
    'a delivery that failed is sent again',
    healedSeconds,
    () => count('reconciler_redeliveries_total') === 1,
  );
  await until('its job is done', 90, () => failed.status === 'completed');

  plot.onDelivery(times(1, ({ action }) => (action === 'queued' ? { lose: 'forever' } : null)));
  const lost = run('acme/app', lintJob());
  await until('a job that nobody told of is done', healedSeconds + 60, () => lost.status === 'completed');

  plot.onDelivery(times(1, ({ action }) => (action === 'completed' ? { lose: 'forever' } : null)));
  const [gone] = run('acme/app', buildJob()).jobs;
  assert.ok(gone);
  await rest(5);
  world.cancelJob(gone.id);
  await until(
    'the runner whose job was cancelled unheard is released',
    10 * 60,
    () => alive('build').length === 0,
  );

  plot.onBirth(
    times(1, ({ pool }) => (pool === 'build' ? { vanishes: { afterMs: 5_000, silently: true } } : null)),
  );
  const replaced = run('acme/app', buildJob());
  await until('a machine that died unheard is replaced', 240, () => replaced.status === 'completed');
  await rest(600);
  // The sweeps do not begin anew with each look.
  assert.ok(
    count('reconciler_redeliveries_total') === 1,
    `${count('reconciler_redeliveries_total')} redeliveries`,
  );
  assert.ok(longestDeficit() <= 150, `${longestDeficit()} s without a runner coming`);
}

export const gitHubAhead: Scenario = {
  name: 'github-ahead',
  shows: "Everything heals as ever while GitHub's clock is ten minutes ahead of ours",
  gitHubAheadMs: skewMs,
  play: liveApart,
};

export const gitHubBehind: Scenario = {
  name: 'github-behind',
  shows: "Everything heals as ever while GitHub's clock is ten minutes behind ours",
  gitHubAheadMs: -skewMs,
  play: liveApart,
};
