import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, HostName, PoolName, RunnerName } from '../../../core/ids.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createEc2Host } from './index.ts';
import { type Fate, startEc2StandIn } from './testing/server.ts';
import { contextFor, launchRequest, subnets, template } from './testing.ts';

const names = {
  deployment: 'own1' as DeploymentPrefix,
  host: 'ec2' as HostName,
  pool: 'build' as PoolName,
};
const parameter = '/ours/image';
const minuteMs = 60_000;

async function inWorld(
  run: (world: {
    outdated(): Promise<boolean[]>;
    publish(image: string): void;
    deploy(version: number): void;
    asked(): number;
    breakLookUps(): void;
    pass(ms: number): Promise<unknown>;
  }) => Promise<void>,
): Promise<void> {
  const clock = createVirtualClock(0);
  const random = createSeededRandom(1);
  const parameters = new Map([[parameter, 'ami-00000000000000aaa']]);
  let lookUps: Fate = 'pass';
  const standIn = await startEc2StandIn({
    clock,
    subnets,
    templates: [{ ...template, image: `resolve:ssm:${parameter}` }],
    parameters,
    fate: ({ action }) => (action === 'DescribeLaunchTemplateVersions' ? lookUps : 'pass'),
  });
  const context = contextFor(standIn, { ...names, clock, random });
  let host = createEc2Host(context);
  try {
    const name = 'own1-ec2-build-00000000000000000000000001' as RunnerName;
    await host.launch(launchRequest({ ...names, name, attempt: 1, now: clock.now() }));
    await run({
      outdated: async () => {
        const listed = await host.list();
        assert.ok(listed !== 'unknown');
        return listed.map(({ outdated = false }) => outdated);
      },
      publish: (image) => void parameters.set(parameter, image),
      deploy: (version) => {
        const templates = { [names.pool]: `${template.id}:${version}` };
        host = createEc2Host({ ...context, made: { ...context.made, templates } });
      },
      asked: () => standIn.countOf('DescribeLaunchTemplateVersions'),
      breakLookUps: () => {
        lookUps = { code: 'UnauthorizedOperation', status: 403 };
      },
      pass: (ms) => clock.advance(ms),
    });
  } finally {
    await standIn.close();
  }
}

describe('a listed machine', () => {
  test('is outdated once its image is not the one that its parameter holds, asked for every ten minutes', () =>
    inWorld(async ({ outdated, publish, asked, pass }) => {
      assert.deepEqual(await outdated(), [false]);
      publish('ami-00000000000000bbb');
      assert.deepEqual(await outdated(), [false]);
      assert.equal(asked(), 1);
      await pass(10 * minuteMs);
      assert.deepEqual(await outdated(), [true]);
      assert.equal(asked(), 2);
    }));

  test('is outdated at once after the deploy of another template', () =>
    inWorld(async ({ outdated, deploy }) => {
      deploy(2);
      assert.deepEqual(await outdated(), [true]);
      deploy(3);
      assert.deepEqual(await outdated(), [false]);
    }));

  test('is taken to be as it was where the image can not be asked for', () =>
    inWorld(async ({ outdated, publish, breakLookUps, pass }) => {
      breakLookUps();
      publish('ami-00000000000000bbb');
      await pass(20 * minuteMs);
      assert.deepEqual(await outdated(), [false]);
    }));
});
