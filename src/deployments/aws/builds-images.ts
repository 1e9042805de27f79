// Whether some host has its images built: only then there is a function that keeps them new.

import { type Ec2HostOptions, ec2HostOptions } from '../../adapters/hosts/ec2/options.ts';
import type { Configuration, HostSettings } from '../../core/configuration.ts';

interface BuildsImages {
  settings: HostSettings;
  images: NonNullable<Ec2HostOptions['images']>;
}

export function hostsThatBuildImages({ hosts }: Pick<Configuration, 'hosts'>): BuildsImages[] {
  return hosts.flatMap((settings) => {
    if (settings.type !== 'ec2') return [];
    const { images } = ec2HostOptions.parse(settings.options);
    return images ? [{ settings, images }] : [];
  });
}
