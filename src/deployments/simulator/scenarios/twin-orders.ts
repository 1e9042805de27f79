// One order is delivered twice, at once and late. The second launcher must not call the host, nor free the name.

import assert from 'node:assert/strict';
import { buildJob, lintJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

export const twinOrders: Scenario = {
  name: 'twin-orders',
  shows:
    'An order that comes three times more, at once, while the first works, and after its machine died, launches one machine',
  async play({ plot, run, until, rest, born }) {
    for (const queue of ['launch-pods', 'launch-ec2'])
      plot.onMessage(queue, () => [{ delayMs: 0 }, { delayMs: 1 }, { delayMs: 400 }, { delayMs: 90_000 }]);
    await rest(1);
    const spares = plot.launchCalls.get('ec2') ?? 0;
    const lints = run('acme/app', lintJob({ matrix: 5, failFast: false }));
    const builds = run('acme/app', buildJob({ matrix: 5, failFast: false }));
    await until('all is done', 300, () => lints.status === 'completed' && builds.status === 'completed');
    await rest(200);
    assert.equal(born('lint').length, 5);
    assert.equal(born('build').length, 5);
    assert.equal(plot.launchCalls.get('pods'), 5, 'the host was called once for each');
    assert.equal((plot.launchCalls.get('ec2') ?? 0) - spares, 5);
  },
};
