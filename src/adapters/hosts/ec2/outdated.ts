// Whether a launch would be made from another template or image by now. The version of its template stands on each
// machine; which image a template means is asked of EC2, since a parameter may hold another one than yesterday.

import { DescribeLaunchTemplateVersionsCommand } from '@aws-sdk/client-ec2';
import type { EpochMs } from '../../../ports/clock.ts';
import type { HostContext } from './context.ts';
import { type DescribedMachine, isDead } from './instances.ts';

/** New images come once in days. */
const askAgainMs = 10 * 60_000;

type IsOutdated = (machine: DescribedMachine) => boolean;

/** Told for the machines of one list. What can not be asked is taken to be as it was: nothing is renewed for a guess. */
export function createOutdated(
  context: HostContext,
): (machines: readonly DescribedMachine[]) => Promise<IsOutdated> {
  const images = new Map<string, { image: string | null; askedAt: EpochMs }>();

  async function imageOf(template: string): Promise<string | null> {
    const now = context.clock.now();
    const known = images.get(template);
    if (known && now - known.askedAt < askAgainMs) return known.image;
    const image = await ask(context, template).catch(() => null);
    images.set(template, { image, askedAt: now });
    return image;
  }

  return async (machines) => {
    const { templates } = context.made;
    const newest = new Map<string, { template: string; image: string | null }>();
    for (const pool of new Set(machines.filter((one) => !isDead(one)).map(({ tags }) => tags.pool))) {
      const template = templates[pool];
      if (template !== undefined) newest.set(pool, { template, image: await imageOf(template) });
    }
    return ({ tags, template, image }) => {
      const now = newest.get(tags.pool);
      if (!now) return false;
      return (template !== null && template !== now.template) || (now.image !== null && image !== now.image);
    };
  };
}

async function ask({ clients }: HostContext, template: string): Promise<string | null> {
  const [LaunchTemplateId, version = ''] = template.split(':');
  const answer = await clients.repeating.send(
    new DescribeLaunchTemplateVersionsCommand({ LaunchTemplateId, Versions: [version], ResolveAlias: true }),
  );
  const image = answer.LaunchTemplateVersions?.[0]?.LaunchTemplateData?.ImageId;
  return image?.startsWith('ami-') ? image : null;
}
