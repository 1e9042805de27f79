// Keeps the images of machines new: each hour, and after each deploy, since an image's first parameter is waited for.

import { env } from 'node:process';
import { ImagebuilderClient } from '@aws-sdk/client-imagebuilder';
import { SSMClient } from '@aws-sdk/client-ssm';
import { readMadeImages } from '../../../adapters/hosts/ec2/image-builder/made.ts';
import { newestRunner } from '../../../adapters/hosts/ec2/image-builder/newest-runner.ts';
import { createRenewal } from '../../../adapters/hosts/ec2/image-builder/renew.ts';
import { hostsThatBuildImages } from '../builds-images.ts';
import { readBundled } from '../bundled.ts';
import { readEnvironment, variables } from '../environment.ts';
import { invocation } from '../invocation.ts';
import { openWorld } from '../ports.ts';

const dayMs = 24 * 60 * 60_000;

/** Both answer within a second; the function is there for a minute, and comes again in an hour. */
const client = {
  maxAttempts: 3,
  retryMode: 'standard',
  requestHandler: { requestTimeout: 5_000, connectionTimeout: 3_000, throwOnRequestTimeout: true },
} as const;

const world = openWorld(readEnvironment(env, variables.images));
const images = hostsThatBuildImages(readBundled().configuration).flatMap(
  ({ settings, images: { rebuildDays } }) =>
    readMadeImages(env, settings.name).map((image) => ({ ...image, rebuildMs: rebuildDays * dayMs })),
);
const renew = createRenewal({
  ...world,
  imageBuilder: new ImagebuilderClient(client),
  ssm: new SSMClient(client),
  newestRunner: () => newestRunner(fetch),
});

export const handler = invocation(world, () => renew(images));
