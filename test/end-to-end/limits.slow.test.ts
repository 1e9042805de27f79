import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AnswerFault } from '../../src/adapters/github/simulated/api.ts';
import { quickHost, startSystem, until } from './harness.ts';

const labels = ['self-hosted', 'small'];
const pools = { small: { host: 'here', os: 'linux', labels, limit: 4 } } as const;
const workflow = {
  name: 'ci',
  jobs: [{ name: 'matrix', labels, matrix: 6, failFast: false, durationMs: 10 }],
};
/** GitHub's “wait a minute”, and what comes after it. */
const patienceMs = 150_000;

describe('a GitHub that is hard to reach', { concurrency: 2 }, () => {
  test('refuses by its secondary limit: nothing is asked before its time, and nothing is lost', async () => {
    let fault: AnswerFault | null = 'limited';
    let refused = 0;
    const answer = (route: string): AnswerFault | null => {
      if (!fault || !route.endsWith('generate-jitconfig')) return null;
      refused += 1;
      return fault;
    };
    const system = await startSystem({
      configuration: { hosts: { here: quickHost(4) }, pools },
      gitHub: { faults: { answer } },
    });
    try {
      const run = system.world.startRun('acme/app', workflow);
      await until('GitHub refused', () => refused > 0);
      fault = null;
      await until('all jobs end', () => run.status === 'completed', patienceMs);
      assert.equal(run.conclusion, 'success');
      // Those that were on their way when the first was refused.
      assert.ok(refused <= 4, `${refused} requests were refused`);
      await until('nothing is left', () => system.isEmpty(), patienceMs);
    } finally {
      await system.close();
    }
  });

  test('takes longer than anybody waits: nothing is lost', async () => {
    const system = await startSystem({
      configuration: { hosts: { here: quickHost(4, { configuration: 'handedOver' }) }, pools },
    });
    try {
      system.gitHub.setLatency(11_000);
      const run = system.world.startRun('acme/app', workflow);
      const unanswered = () => system.recorder.counted('github_requests_total', { status: '0' });
      await until('a request was given up', () => unanswered() > 0, patienceMs);
      system.gitHub.setLatency(0);
      await until('all jobs end', () => run.status === 'completed', patienceMs);
      assert.equal(run.conclusion, 'success');
      await until('nothing is left', () => system.isEmpty(), patienceMs);
    } finally {
      await system.close();
    }
  });
});
