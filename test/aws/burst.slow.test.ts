// 500 jobs at once on three hosts, through the deployed system on the emulator. Two processors that are busy with nothing
// else need some minutes for it: each call of AWS is a call of one process.

import { after, before, describe, it } from 'node:test';
import { startTrial, type Trial } from './harness.ts';
import { serveBurst } from './serve.ts';

const withinMs = 10 * 60_000;
const testMs = 14 * 60_000;

describe('the deployed system under a burst', { timeout: 2 * testMs }, () => {
  let trial: Trial;

  before(
    async () => {
      trial = await startTrial();
    },
    { timeout: testMs },
  );
  after(() => trial?.stop(), { timeout: testMs });

  it('serves 500 jobs on three hosts, with exact limits and few calls', { timeout: testMs }, (t) =>
    serveBurst(trial, [200, 120, 180], { withinMs, tell: (text) => t.diagnostic(text) }),
  );
});
