import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quickHost, startSystem, until } from './harness.ts';

test('a job of a signed webhook gets a runner, runs and leaves nothing behind', async () => {
  const system = await startSystem({
    configuration: {
      hosts: { here: quickHost(2) },
      pools: { small: { host: 'here', os: 'linux', labels: ['self-hosted', 'small'], limit: 2 } },
    },
  });
  try {
    const run = system.world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'build', labels: ['self-hosted', 'small'], durationMs: 20 }],
    });
    await until('the run ends', () => run.status === 'completed');
    assert.equal(run.conclusion, 'success');
    const [job] = run.jobs;
    assert.ok(job);
    await until('the table knows', async () => (await system.job(job.id))?.phase === 'completed');
    await until('nothing is left', () => system.isEmpty());
    assert.ok(system.recorder.counted('publisher_runs_total') > 0);
    const troubles = system.recorder.logs().filter(({ level }) => level !== 'info');
    assert.deepEqual(troubles, []);
  } finally {
    await system.close();
  }
});
