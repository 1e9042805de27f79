// Traces of jobs through a whole running system, as a receiver that decodes by OpenTelemetry's own schema gets them.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startOtlpReceiver } from '../../scripts/otlp-receiver.ts';
import { checkTrace } from '../fixtures/traces.ts';
import { quickHost, type System, type SystemOptions, startSystem, until } from './harness.ts';

const labels = ['self-hosted', 'small'];
const configuration = {
  hosts: { here: quickHost(4) },
  pools: { small: { host: 'here', os: 'linux', labels, limit: 4 } },
} as const;

async function withSystem(options: Partial<SystemOptions>, work: (system: System) => Promise<void>) {
  const system = await startSystem({ configuration, ...options });
  try {
    await work(system);
  } finally {
    await system.close();
  }
}

function startJobs(system: System, count: number) {
  return system.world.startRun('acme/app', {
    name: 'ci',
    jobs: [{ name: 'test', labels: [...labels], durationMs: 300, matrix: count, failFast: false }],
  });
}

/** Ended at GitHub, counted here, and nothing is left of their machines. */
const done = (system: System) => async () => {
  for (const { id, status } of system.world.state.jobs.values()) {
    const job = status === 'completed' ? await system.job(id) : null;
    if (job?.phase !== 'completed' || job.dirty !== null) return false;
  }
  return system.isEmpty();
};

test('a job is one trace, from its event to the end of its machine, and what joins traces is linked to them', async () => {
  const receiver = await startOtlpReceiver();
  try {
    const traces = { endpoint: receiver.endpoint, headers: { 'x-key': 'k' }, sampleRatio: 1 };
    await withSystem({ traces }, async (system) => {
      startJobs(system, 3);
      await until('all jobs are done', done(system), 30_000);
    });
    // A system that stops has sent what it had.
    const spans = await receiver.spans();
    const byTrace = Map.groupBy(spans, ({ traceId }) => traceId);
    const jobs = [...byTrace.values()].filter((trace) => trace.some(({ name }) => name === 'run'));
    assert.equal(jobs.length, 3);
    const ofRunner = ['runner small', 'launch', 'boot', 'register'];
    for (const trace of jobs) checkTrace(trace, ofRunner);
    const plans = spans.filter(({ name }) => name === 'plan here');
    assert.ok(plans.length > 0);
    const linked = new Set(plans.flatMap(({ links }) => links.map(({ traceId }) => traceId)));
    for (const [traceId] of jobs.map((trace) => [trace[0]?.traceId]))
      assert.ok(linked.has(traceId ?? ''), 'each job was joined by a plan');
  } finally {
    await receiver.stop();
  }
});

test('half of the traces are kept where half are asked for, each whole', async () => {
  const receiver = await startOtlpReceiver();
  try {
    const traces = { endpoint: receiver.endpoint, headers: {}, sampleRatio: 0.5 };
    await withSystem({ traces }, async (system) => {
      startJobs(system, 40);
      await until('all jobs are done', done(system), 40_000);
    });
    const spans = await receiver.spans();
    const kept = new Set(spans.filter(({ name }) => name === 'run').map(({ traceId }) => traceId));
    assert.ok(kept.size > 5 && kept.size < 35, `${kept.size} of 40`);
    for (const traceId of kept) checkTrace(spans.filter((span) => span.traceId === traceId));
  } finally {
    await receiver.stop();
  }
});

test('a collector that never answers, or is not there, delays no job', async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  try {
    for (const endpoint of [`http://127.0.0.1:${port}`, 'http://127.0.0.1:1']) {
      await withSystem({ traces: { endpoint, headers: {}, sampleRatio: 1 } }, async (system) => {
        startJobs(system, 3);
        await until('all jobs are done', done(system), 20_000);
      });
    }
  } finally {
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  }
});
