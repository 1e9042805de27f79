// What a machine costs while it has a job, by host: the machine's price for a minute, and two jobs with all that is paid
// around them. Prices of us-east-1 in US$ with where they are from; nothing is asked of AWS or GitHub. The system itself
// (make price, above) comes on top of all but GitHub's own runners: some US$ 0.0001 a job.

interface Price {
  usd: number;
  /** `recalled`: written down without its page at hand. */
  from: string;
}

const perHour = {
  m7iLarge: { usd: 0.1008, from: 'AWS price list, by karpenter 2026-07' },
  m7gLarge: { usd: 0.0816, from: 'AWS price list, by karpenter 2026-07' },
  /** Of a gp3 volume of 40 GB, and a public address: what a machine in a public subnet has. */
  disk: { usd: (0.08 * 40) / 730, from: 'recalled' },
  address: { usd: 0.005, from: 'recalled' },
  fargateVcpu: { usd: 0.04048, from: 'wring.co, fortem.dev 2026' },
  fargateGb: { usd: 0.004445, from: 'wring.co, fortem.dev 2026' },
  microvmVcpu: { usd: 0.0000276944 * 3600, from: 'northflank.com, murraycole.com 2026-06' },
  microvmGb: { usd: 0.0000036667 * 3600, from: 'northflank.com, murraycole.com 2026-06' },
  lambdaGbX64: { usd: 0.0000166667 * 3600, from: 'AWS: Lambda pricing' },
  lambdaGbArm: { usd: 0.0000133334 * 3600, from: 'recalled' },
  gitHubLinux: { usd: 0.006 * 60, from: 'GitHub: Actions runner pricing, 2026' },
  gitHubArm: { usd: 0.005 * 60, from: 'GitHub: Actions runner pricing, 2026' },
} as const satisfies Readonly<Record<string, Price>>;

type Part = keyof typeof perHour;

export interface Machine {
  host: string;
  says: string;
  vcpus: number;
  memoryGb: number;
  /** What it is made of, and how much of each. */
  parts: Partial<Readonly<Record<Part, number>>>;
  /** Of the list's price, where it is less; a share of a node that is not full is more. */
  factor?: number;
  /** Paid around a job: from the start of the machine to the job, and from its end to the machine's. */
  aroundSeconds: number;
  /** What is paid for at least, and to what it is rounded up. */
  secondsLeast?: number;
  roundSeconds?: number;
  /** Its platform ends it at this age. */
  secondsMost?: number;
}

/** Spot is up to 90 % off, changes from hour to hour, and is mostly about this. */
const spotFactor = 0.4;
/** A cluster keeps some room, and a pod's processors are seldom all of a node's. */
const nodeFull = 0.7;

const ec2 = { vcpus: 2, memoryGb: 8, aroundSeconds: 75, secondsLeast: 60 };
const standing = { disk: 1, address: 1 };

const lambda = { host: 'lambda', aroundSeconds: 20, secondsMost: 900 };
const microvm = { host: 'microvm', aroundSeconds: 25, secondsMost: 28_800 };

/** Around two processors each, as GitHub's own standard runner of private repositories has them. */
export const machines: readonly Machine[] = [
  { ...lambda, says: '2 GB, x64', vcpus: 1.2, memoryGb: 2, parts: { lambdaGbX64: 2 } },
  { ...lambda, says: '2 GB, arm64', vcpus: 1.2, memoryGb: 2, parts: { lambdaGbArm: 2 } },
  { ...lambda, says: '4 GB, x64', vcpus: 2.3, memoryGb: 4, parts: { lambdaGbX64: 4 } },
  { ...lambda, says: '4 GB, arm64', vcpus: 2.3, memoryGb: 4, parts: { lambdaGbArm: 4 } },
  {
    ...{ ...microvm, says: '2 GB, arm64, without bursts', vcpus: 1, memoryGb: 2 },
    parts: { microvmVcpu: 1, microvmGb: 2 },
  },
  {
    ...{ ...microvm, says: '4 GB, arm64, without bursts', vcpus: 2, memoryGb: 4 },
    parts: { microvmVcpu: 2, microvmGb: 4 },
  },
  { host: 'ec2', says: 'm7i.large on demand', ...ec2, parts: { m7iLarge: 1, ...standing } },
  { host: 'ec2', says: 'm7g.large on demand', ...ec2, parts: { m7gLarge: 1, ...standing } },
  { host: 'ec2', says: 'm7i.large spot', ...ec2, parts: { m7iLarge: spotFactor, ...standing } },
  {
    ...{ host: 'kubernetes', says: 'half of an m7i.xlarge node', vcpus: 2, memoryGb: 8, aroundSeconds: 25 },
    parts: { m7iLarge: 1, ...standing },
    factor: 1 / nodeFull,
  },
  {
    ...{ host: 'kubernetes', says: 'Fargate, 2 vCPU and 4 GB', vcpus: 2, memoryGb: 4, aroundSeconds: 60 },
    parts: { fargateVcpu: 2, fargateGb: 4 },
    secondsLeast: 60,
  },
  {
    ...{ host: 'GitHub', says: 'Linux, 2 cores', vcpus: 2, memoryGb: 8, aroundSeconds: 0, roundSeconds: 60 },
    parts: { gitHubLinux: 1 },
  },
  {
    ...{
      host: 'GitHub',
      says: 'Linux, 2 cores, arm64',
      vcpus: 2,
      memoryGb: 8,
      aroundSeconds: 0,
      roundSeconds: 60,
    },
    parts: { gitHubArm: 1 },
  },
];

export function usdPerMinute({ parts, factor = 1 }: Machine): number {
  const usd = (Object.entries(parts) as [Part, number][]).map(([part, many]) => perHour[part].usd * many);
  return (usd.reduce((sum, one) => sum + one, 0) * factor) / 60;
}

/** With what is paid around it. `null`: it takes longer than such a machine may live. */
export function usdOfJob(machine: Machine, jobSeconds: number): number | null {
  const { aroundSeconds, secondsLeast = 0, roundSeconds = 1, secondsMost } = machine;
  const seconds = Math.max(secondsLeast, jobSeconds + aroundSeconds);
  if (secondsMost !== undefined && seconds > secondsMost) return null;
  return usdPerMinute(machine) * ((Math.ceil(seconds / roundSeconds) * roundSeconds) / 60);
}

export function sourcesOf({ parts }: Machine): string {
  return [...new Set((Object.keys(parts) as Part[]).map((part) => perHour[part].from))].join('; ');
}

const shortJobSeconds = 90;
const longJobSeconds = 30 * 60;

export function jobMinutesTable(): string {
  const lines = machines.map((machine) =>
    [
      machine.host,
      machine.says,
      machine.vcpus,
      machine.memoryGb,
      usdPerMinute(machine).toFixed(4),
      usdOfJob(machine, shortJobSeconds)?.toFixed(4) ?? '–',
      usdOfJob(machine, longJobSeconds)?.toFixed(3) ?? '–',
      sourcesOf(machine),
    ].join(' | '),
  );
  return [
    '| host | machine | vCPU | GB | US$ a minute | a job of 90 s | a job of 30 min | prices from |',
    '|---|---|--:|--:|--:|--:|--:|---|',
    ...lines.map((line) => `| ${line} |`),
  ].join('\n');
}
