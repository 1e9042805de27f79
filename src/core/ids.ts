// Names of things. Every id is branded, so that a runner's name can not be handed where a pool's is wanted;
// the functions here are the only makers, and they check what they make.

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Lower-case host name of the GitHub that is served: `github.com`, or a GitHub Enterprise Server's. */
export type GitHubName = Brand<string, 'GitHubName'>;
/** `<github>#<id>`: one attempt of one workflow job. GitHub gives a re-run new job ids. */
export type JobKey = Brand<string, 'JobKey'>;
/** `<prefix>-<host>-<pool, cut>-<ulid>` in lower case, at most 57 of `[a-z0-9-]`. */
export type RunnerName = Brand<string, 'RunnerName'>;
export type PoolName = Brand<string, 'PoolName'>;
export type HostName = Brand<string, 'HostName'>;
/** `<pool>#<scope>#<group>`: jobs and runners that GitHub may combine freely. */
export type LaneKey = Brand<string, 'LaneKey'>;
/** What the host calls the machine, pod, task or process of a runner. */
export type MachineId = Brand<string, 'MachineId'>;
/** Four to six letters or digits, made at the first start: what carries it belongs to this deployment. */
export type DeploymentPrefix = Brand<string, 'DeploymentPrefix'>;

/** GitHub allows 64; a Kubernetes Job's name 63, of which its pods' suffix takes 6. */
const runnerNameLengthMax = 57;
const poolPartLengthMax = 12;
const hostNamePattern = /^[a-z0-9]{1,10}$/;
const poolNamePattern = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
const prefixPattern = /^[a-z0-9]{4,6}$/;
const runnerNamePattern =
  /^([a-z0-9]{4,6})-([a-z0-9]{1,10})-([a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?)-([0-9a-hjkmnp-tv-z]{26})$/;

export function gitHubName(text: string): GitHubName {
  return text.toLowerCase() as GitHubName;
}

export function jobKey(github: GitHubName, id: number): JobKey {
  return `${github}#${id}` as JobKey;
}

/** The key as it was stored or sent, or `null` where it is none. */
export function parseJobKey(text: string): { github: GitHubName; id: number } | null {
  const match = /^([^#]{1,255})#(\d{1,16})$/.exec(text);
  return match?.[1] && match[2] ? { github: match[1] as GitHubName, id: Number(match[2]) } : null;
}

export function isHostName(text: string): text is HostName {
  return hostNamePattern.test(text);
}

export function isPoolName(text: string): text is PoolName {
  return poolNamePattern.test(text);
}

export function isDeploymentPrefix(text: string): text is DeploymentPrefix {
  return prefixPattern.test(text);
}

/** What a person reads of a runner's name: the pool's part is cut, so the pool is read from the item. */
export interface RunnerNameParts {
  prefix: DeploymentPrefix;
  host: HostName;
  ulid: string;
}

export function runnerName(
  prefix: DeploymentPrefix,
  host: HostName,
  pool: PoolName,
  ulid: string,
): RunnerName {
  const cut = pool.slice(0, poolPartLengthMax).replace(/-+$/, '');
  const name = `${prefix}-${host}-${cut}-${ulid.toLowerCase()}`;
  if (!runnerNamePattern.test(name) || name.length > runnerNameLengthMax)
    throw new Error(`not a runner's name: ${name}`);
  return name as RunnerName;
}

/** `null` for a stranger's runner: a name that no deployment of this system would make. */
export function parseRunnerName(name: string): RunnerNameParts | null {
  if (name.length > runnerNameLengthMax) return null;
  const match = runnerNamePattern.exec(name);
  if (!match?.[1] || !match[2] || !match[4]) return null;
  return { prefix: match[1] as DeploymentPrefix, host: match[2] as HostName, ulid: match[4] };
}

/** The runner's name if it is one that the deployment `prefix` made, else `null`. */
export function ownRunnerName(prefix: DeploymentPrefix, name: string | null | undefined): RunnerName | null {
  if (!name) return null;
  return parseRunnerName(name)?.prefix === prefix ? (name as RunnerName) : null;
}

const crockford = '0123456789abcdefghjkmnpqrstvwxyz';

/** A ULID in lower case: 48 bits of time, 80 of chance. `random` gives numbers in [0, 1). */
export function ulid(nowMs: number, random: () => number): string {
  let time = '';
  for (let rest = nowMs, i = 0; i < 10; i += 1, rest = Math.floor(rest / 32))
    time = crockford.charAt(rest % 32) + time;
  let chance = '';
  for (let i = 0; i < 16; i += 1) chance += crockford.charAt(Math.floor(random() * 32));
  return time + chance;
}
