// What a deployment makes at work, and no stack holds: `make destroy` ends none of it, and it goes on costing. Told by what
// the stacks had, before they are deleted.

const madeBy: readonly [resourceType: string, left: string][] = [
  [
    'AWS::EC2::LaunchTemplate',
    'dedicated hosts for macOS, if a pool had `dedicatedHostsMax`; they are paid for by the hour: `aws ec2 describe-hosts ' +
      '--filter Name=tag-key,Values=runners:prefix`, then `aws ec2 release-hosts` once their 24 hours are over',
  ],
  [
    'AWS::ImageBuilder::ImagePipeline',
    'images that were built, their snapshots, and the parameters that name them: `aws ec2 describe-images --owners self ' +
      '--filters Name=tag-key,Values=runners:image`',
  ],
];

export function leftOutside(resourceTypes: Iterable<string>): string[] {
  const types = new Set(resourceTypes);
  return madeBy.filter(([type]) => types.has(type)).map(([, left]) => left);
}
