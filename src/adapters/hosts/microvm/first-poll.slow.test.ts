// From the launch to a runner that listens: the host's call through the SDK to the stand-in, which runs its hook against
// the programs of the image, which claim, and start the stand-in runner, which asks the simulated GitHub for a job. What
// the platform itself takes is not in it.

import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, HostName, PoolName, RunnerName } from '../../../core/ids.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { startTestGitHub } from '../../github/simulated/testing.ts';
import { makeImageMachine } from './image/testing-machine.ts';
import { createMicrovmHost } from './index.ts';
import { contextFor, launchRequest, startStandIn } from './testing.ts';

const standInRunner = resolve(import.meta.dirname, '../../github/simulated/runner.ts');
const clock = createSystemClock();
const own = { stackName: 'own', host: 'vm' as HostName, pool: 'build' as PoolName };
const name = `own1-vm-build-${'1'.padStart(26, '0')}` as RunnerName;

describe('a MicroVM that is launched', () => {
  test('claims by what its launch told it, and its runner asks for a job', async (t) => {
    const { gitHub, acme } = await startTestGitHub(clock, createSeededRandom(1), {});
    const machine = await makeImageMachine({
      runner: `#!/bin/sh\nexec '${process.execPath}' '${standInRunner}'\n`,
      claim: () => {
        const minted = gitHub.world.api.mint(acme, 'acme', {
          ...{ name, groupId: 1, labels: ['build'], workFolder: '_work' },
        });
        assert.ok(minted.outcome === 'done');
        return { status: 200, body: { jitConfig: minted.value.jitConfig } };
      },
    });
    const standIn = await startStandIn([own], {
      clock,
      pendingMs: 0,
      onRun: async ({ id, payload }) => {
        const status = await machine.hook('run', { microvmId: id, runHookPayload: payload });
        return status === 200 ? 'ok' : 'failed';
      },
    });
    try {
      const host = createMicrovmHost(contextFor(standIn, { ...own, clock, random: createSeededRandom(1) }));
      const asked = launchRequest({
        ...{ name, attempt: 1, deployment: 'own1' as DeploymentPrefix, pool: own.pool, now: clock.now() },
      });
      const configuration = { kind: 'claimed', url: machine.claimUrl, token: 'its-token' } as const;
      const orderedAt = clock.now();
      const answer = await host.launch({ ...asked, configuration });
      const answeredAt = clock.now();
      assert.ok(answer.outcome === 'launched');
      const isOnline = () => [...gitHub.world.state.runners.values()].some(({ phase }) => phase === 'idle');
      while (!isOnline()) {
        assert.ok(clock.now() - orderedAt < 30_000, machine.output());
        await clock.sleep(5);
      }
      const ms = (from: number, to: number) => `${Math.round(to - from)} ms`;
      t.diagnostic(`launch calls: ${standIn.calls.length}, answered after ${ms(orderedAt, answeredAt)}`);
      t.diagnostic(`from the launch to the first poll: ${ms(orderedAt, clock.now())}`);
      assert.equal(standIn.countOf('RunMicrovm'), 1);
      assert.equal(standIn.calls.length, 1);
      assert.deepEqual(machine.claims, [{ runner: name, token: 'its-token' }]);
    } finally {
      await machine.close();
      await standIn.close();
      await gitHub.close();
    }
  });
});
