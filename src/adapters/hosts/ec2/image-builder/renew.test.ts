import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { SSMClient } from '@aws-sdk/client-ssm';
import type { HostName } from '../../../../core/ids.ts';
import { createVirtualClock } from '../../../clock/virtual/index.ts';
import { createRecorder } from '../../../telemetry/recorder/index.ts';
import { madeImagesVariable, readMadeImages } from './made.ts';
import { metrics } from './metrics.ts';
import { createRenewal } from './renew.ts';
import { type ImagesStandIn, startImagesStandIn } from './testing.ts';

const host = 'ec2' as HostName;
const hourMs = 60 * 60_000;
const weekMs = 7 * 24 * hourMs;
const arnOf = (name: string) => `arn:aws:imagebuilder:eu-west-1:123456789012:image-pipeline/ours-${name}`;
const told = {
  stack: 'ours',
  pipelines: { 'linux-x64': [arnOf('linux-x64'), 'r1'], 'windows-x64': [arnOf('windows-x64'), 'r1'] },
};
const images = readMadeImages({ [madeImagesVariable(host)]: JSON.stringify(told) }, host).map((image) => ({
  ...image,
  rebuildMs: weekMs,
}));
const plainOfLinux = '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id';
const plainOfWindows = '/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base';

describe('images are kept new', () => {
  let aws: ImagesStandIn;
  let imageBuilder: ImagebuilderClient;
  let ssm: SSMClient;
  const clock = createVirtualClock(Date.UTC(2026, 10, 25));
  const telemetry = createRecorder();
  let newest = '2.337.0';
  let renew: ReturnType<typeof createRenewal>;

  before(async () => {
    aws = await startImagesStandIn(() => clock.now());
    const config = {
      endpoint: aws.endpoint,
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      maxAttempts: 1,
    };
    imageBuilder = new ImagebuilderClient(config);
    ssm = new SSMClient(config);
    renew = createRenewal({
      imageBuilder,
      ssm,
      newestRunner: () => Promise.resolve(newest),
      clock,
      telemetry,
    });
  });

  after(async () => {
    imageBuilder.destroy();
    ssm.destroy();
    await aws.close();
  });

  beforeEach(() => {
    aws.reset();
    aws.parameters.set(plainOfLinux, 'ami-0000000000000001');
    aws.parameters.set(plainOfWindows, 'ami-0000000000000002');
    newest = '2.337.0';
  });

  const finish = (status: string) => {
    for (const image of aws.images) if (image.status === 'PENDING') image.status = status;
  };

  test('published is the plain one first, and each is built once, whoever asks how often', async () => {
    await Promise.all([renew(images), renew(images)]);
    await renew(images);
    assert.equal(aws.parameters.get('/imagebuilder/ours/ec2/linux-x64'), 'ami-0000000000000001');
    assert.equal(aws.parameters.get('/imagebuilder/ours/ec2/windows-x64'), 'ami-0000000000000002');
    assert.deepEqual(aws.images.map(({ pipeline }) => pipeline).sort(), [
      arnOf('linux-x64'),
      arnOf('windows-x64'),
    ]);
    assert.deepEqual(aws.images[0]?.tags, { 'runners:runner': '2.337.0', 'runners:recipe': 'r1' });
  });

  test('one that was built stays published', async () => {
    aws.parameters.set('/imagebuilder/ours/ec2/linux-x64', 'ami-0000000000000009');
    await renew(images);
    assert.equal(aws.parameters.get('/imagebuilder/ours/ec2/linux-x64'), 'ami-0000000000000009');
  });

  test('built again they are for a new runner, after a week, and for another recipe; each time once', async () => {
    const builds = () => aws.images.filter(({ pipeline }) => pipeline === arnOf('linux-x64')).length;
    await renew(images);
    finish('AVAILABLE');
    await clock.advance(hourMs);
    await renew(images);
    assert.equal(builds(), 1);
    newest = '2.338.0';
    await renew(images);
    await renew(images);
    finish('AVAILABLE');
    await clock.advance(hourMs);
    await renew(images);
    assert.equal(builds(), 2);
    await clock.advance(weekMs);
    await renew(images);
    finish('AVAILABLE');
    assert.equal(builds(), 3);
    await clock.advance(hourMs);
    await renew(images.map((image) => ({ ...image, recipe: 'r2' })));
    assert.equal(builds(), 4);
  });

  test('failures are told, and tried again', async () => {
    await renew(images);
    finish('FAILED');
    await renew(images);
    assert.equal(aws.images.length, 2);
    const labels = { host: 'ec2', image: 'linux-x64' };
    assert.equal(telemetry.gauged(metrics.failing, labels), 1);
    await clock.advance(hourMs);
    await renew(images);
    assert.equal(aws.images.length, 4);
    finish('AVAILABLE');
    await renew(images);
    assert.equal(telemetry.gauged(metrics.failing, labels), 0);
  });

  test('what fails for one, or cannot be asked, leaves the plain images published and is an error', async () => {
    aws.broken.add('ListImagePipelineImages');
    await assert.rejects(renew(images), /ec2 linux-x64: AccessDenied.*ec2 windows-x64: /);
    aws.parameters.delete('/imagebuilder/ours/ec2/linux-x64');
    const deps = { imageBuilder, ssm, clock, telemetry };
    const away = createRenewal({ ...deps, newestRunner: () => Promise.reject(new Error('GitHub is away')) });
    await assert.rejects(away(images), /GitHub is away/);
    assert.ok(aws.parameters.has('/imagebuilder/ours/ec2/linux-x64'));
    aws.broken.clear();
    aws.parameters.delete(plainOfLinux);
    aws.parameters.delete('/imagebuilder/ours/ec2/linux-x64');
    await assert.rejects(renew(images), /no parameter .*ubuntu/);
    assert.equal(aws.images.length > 0, true, 'the other one was looked after');
  });
});
