// Which images can be built, and under which name of Systems Manager's parameter store each is published. Pools that
// name no image of their own take these, where their host builds them.

import type { OperatingSystem } from '../../../../core/configuration.ts';
import type { Ec2Machine } from '../options.ts';

export type BuiltName = 'linux-x64' | 'linux-arm64' | 'windows-x64';

export interface BuiltImage {
  name: BuiltName;
  os: 'linux' | 'windows';
  architecture: Ec2Machine['architecture'];
  /** For the machine that it is made of: the first that has room. */
  instanceTypes: readonly string[];
  /** The image with what is in it, and room for the build. No machine of it has a smaller disk. */
  diskGb: number;
}

const linux = { os: 'linux', diskGb: 16 } as const;

const builtImages: Readonly<Record<BuiltName, BuiltImage>> = {
  'linux-x64': {
    ...{ name: 'linux-x64', architecture: 'x64', instanceTypes: ['m7i.large', 'm6i.large'] },
    ...linux,
  },
  'linux-arm64': {
    ...{ name: 'linux-arm64', architecture: 'arm64', instanceTypes: ['m7g.large', 'm6g.large'] },
    ...linux,
  },
  // Windows itself takes 30 GB.
  'windows-x64': {
    ...{ name: 'windows-x64', architecture: 'x64', instanceTypes: ['m7i.xlarge', 'm6i.xlarge'] },
    ...{ os: 'windows', diskGb: 50 },
  },
};

export const builtNames = Object.keys(builtImages) as BuiltName[];

export function builtImage(name: BuiltName): BuiltImage {
  return builtImages[name];
}

/** `null`: none is built for such machines. */
export function builtImageFor(os: OperatingSystem, { architecture }: Pick<Ec2Machine, 'architecture'>) {
  return builtNames.map(builtImage).find((one) => one.os === os && one.architecture === architecture) ?? null;
}

/** Image Builder's own role may write below this alone. [EC2 Image Builder: AWSServiceRoleForImageBuilder] */
const publishedBelow = '/imagebuilder';

export function parameterOf(stackName: string, host: string, name: BuiltName): string {
  return `${publishedBelow}/${stackName}/${host}/${name}`;
}
