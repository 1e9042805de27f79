// Plain images, by the public parameters of those who make them: the newest one at each launch.
// [Canonical: Finding images with SSM; EC2: Windows AMIs by Systems Manager; EC2: macOS AMIs by Systems Manager]

import type { OperatingSystem } from '../../../core/configuration.ts';
import type { Ec2Machine } from './options.ts';

const plain: Record<OperatingSystem, Partial<Record<Ec2Machine['architecture'], string>>> = {
  linux: {
    x64: '/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id',
    arm64: '/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id',
  },
  // There is no Windows Server for ARM.
  windows: { x64: '/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base' },
  macos: {
    x64: '/aws/service/ec2-macos/sequoia/x86_64_mac/latest/image_id',
    arm64: '/aws/service/ec2-macos/sequoia/arm64_mac/latest/image_id',
  },
};

/** The parameter that holds the newest; `null`: its maker has none. */
export function plainImage(os: OperatingSystem, architecture: Ec2Machine['architecture']): string | null {
  return plain[os][architecture] ?? null;
}

/** The id of an image, or the name of the parameter that holds it: the pool's own, one that is built, or a plain one. */
export function imageOf(
  os: OperatingSystem,
  { image, architecture }: Pick<Ec2Machine, 'image' | 'architecture'>,
  built: string | null = null,
): string {
  const found = image ?? built ?? plain[os][architecture];
  if (found === undefined)
    throw new Error(`there is no plain image for ${os} on ${architecture}: give the pool's machine an image`);
  return found;
}

export function isParameter(image: string): boolean {
  return image.startsWith('/');
}
