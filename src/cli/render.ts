// Answers as text for people. What comes from outside (names of jobs, reasons) was made readable when it was stored.

import { inTime, lasting } from '../core/duration.ts';
import type { JobView, PoolView, StatusView, WhyView } from '../flow/operator/views.ts';
import type { Redriven } from './source.ts';
import { columns, type Paint, timeOf } from './text.ts';

export function renderStatus({ at, hosts, pools }: StatusView, paint: Paint): string {
  const hostRows = hosts.map(({ name, type, alive, limit, throttledUntil, upToDate }) => [
    name,
    type,
    `${alive} of ${limit}`,
    [
      throttledUntil !== null && throttledUntil > at
        ? paint.bad(`takes no launches for ${lasting(throttledUntil - at)}`)
        : '',
      upToDate ? '' : paint.faint('not counted for this configuration yet'),
    ]
      .filter((note) => note !== '')
      .join('; '),
  ]);
  return [
    columns([heads(paint, 'HOST', 'TYPE', 'ALIVE', ''), ...hostRows]),
    '',
    renderPools(pools, at, paint),
  ].join('\n');
}

export function renderPools(pools: readonly PoolView[], now: number, paint: Paint): string {
  const rows = pools.map((pool) => [
    pool.name,
    pool.host,
    pool.os,
    limitText(pool),
    String(pool.runners.coming),
    String(pool.runners.busy),
    String(pool.runners.ending),
    pool.spares > 0 ? `${pool.runners.standby} of ${pool.spares}` : String(pool.runners.standby),
    pool.jobs.held > 0 ? `${pool.jobs.waiting} + ${pool.jobs.held} held` : String(pool.jobs.waiting),
    pool.oldestAt === null ? '-' : lasting(now - pool.oldestAt),
    poolNotes(pool, now, paint),
  ]);
  return columns([
    heads(paint, 'POOL', 'HOST', 'OS', 'LIMIT', 'COMING', 'BUSY', 'ENDING', 'STANDBY', 'JOBS', 'OLDEST', ''),
    ...rows,
  ]);
}

export function renderJobs(jobs: readonly JobView[], now: number, paint: Paint): string {
  if (jobs.length === 0) return 'No job waits, and none runs on a runner of this system.';
  const rows = jobs.map((job) => [
    String(job.id),
    job.repository,
    job.name,
    job.pool ?? '-',
    lasting(now - (job.startedAt ?? job.createdAt)),
    job.wait ? job.wait.text : paint.good(`runs on ${job.runner ?? 'a runner'}`),
  ]);
  return columns([heads(paint, 'JOB', 'REPOSITORY', 'NAME', 'POOL', 'SINCE', 'WHY'), ...rows]);
}

export function renderWhy(why: WhyView, now: number, paint: Paint): string {
  const { job } = why;
  const labels = job.labels.join(', ');
  const lines = [
    `${paint.strong(job.name)} of ${job.repository}${job.workflow ? `, ${job.workflow}` : ''}`,
    job.url,
    `labels ${labels}; ${job.pool === null ? 'no pool' : `pool ${job.pool}`}`,
    '',
    headline(why, now, paint),
  ];
  if (job.wait?.remedy) lines.push(`${paint.strong('To do')}: ${job.wait.remedy}.`);
  if (why.heldBy.length > 0) {
    const held = why.heldBy.slice(0, 5).map(({ repository, runners }) => `${runners} of ${repository}`);
    lines.push(`The places are held by jobs of: ${held.join(', ')}.`);
  }
  if (why.expectedAt !== null && why.expectedAt > now)
    lines.push(`At this pace, its turn comes about ${inTime(why.expectedAt - now)}.`);
  if (why.spent.length > 0) lines.push('', renderSpent(why, paint));
  lines.push('', renderStory(why, paint));
  return lines.join('\n');
}

export function renderRedriven(redriven: readonly Redriven[]): string {
  const moved = redriven.filter((one) => one.moved > 0);
  if (moved.length === 0) return 'No queue has dead letters.';
  return moved
    .map(({ queue, moved: count, recounted }) =>
      recounted.length > 0
        ? `${queue}: ${recounted.join(', ')} told to count again, ${count} ${count === 1 ? 'pointer' : 'pointers'} removed`
        : `${queue}: ${count} ${count === 1 ? 'message' : 'messages'} sent back`,
    )
    .join('\n');
}

function headline({ job }: WhyView, now: number, paint: Paint): string {
  if (job.wait) return `${paint.bad('It waits')} since ${lasting(now - job.createdAt)}: ${job.wait.text}.`;
  const runner = job.runner ?? 'no runner';
  if (job.phase === 'completed')
    return `It ended with ${job.conclusion ?? 'no conclusion'} on ${runner}${endOf(job)}.`;
  return `${paint.good('It runs')} on ${runner} since ${lasting(now - (job.startedAt ?? now))}.`;
}

function endOf({ startedAt, completedAt }: JobView): string {
  if (completedAt === null) return '';
  const took = startedAt === null ? '' : `, after ${lasting(completedAt - startedAt)}`;
  return `${took}, at ${timeOf(completedAt)}`;
}

function renderSpent({ job, spent }: WhyView, paint: Paint): string {
  const until = job.startedAt === null ? '' : ', until it started';
  return [
    paint.strong(`Where its time went${until}`),
    columns(spent.map(({ what, forMs }) => [`  ${lasting(forMs)}`, what])),
  ].join('\n');
}

function renderStory({ story }: WhyView, paint: Paint): string {
  const first = story[0]?.at ?? 0;
  const rows = story.map(({ at, of, what, why, forMs }) => [
    paint.faint(timeOf(at)),
    `+${((at - first) / 1000).toFixed(1)} s`,
    of,
    [what, forMs === null ? '' : ` ${lasting(forMs)}`, why === null ? '' : `: ${why}`].join(''),
  ]);
  return columns([heads(paint, 'TIME', '', 'WHO', 'WHAT'), ...rows]);
}

function limitText({ limit, limitNow }: PoolView): string {
  return limitNow === null || limitNow >= limit ? String(limit) : `${limitNow} (of ${limit})`;
}

function poolNotes({ paused, breaker }: PoolView, now: number, paint: Paint): string {
  const notes: string[] = [];
  if (paused) notes.push(paint.bad('paused'));
  if (breaker && breaker.failures > 0) {
    const open =
      breaker.until !== null && breaker.until > now ? `, nothing for ${lasting(breaker.until - now)}` : '';
    notes.push(paint.bad(`${breaker.failures} failures in a row${open}: ${breaker.why}`));
  }
  return notes.join('; ');
}

function heads(paint: Paint, ...names: string[]): string[] {
  return names.map((name) => (name === '' ? '' : paint.strong(name)));
}
