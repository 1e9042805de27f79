// Which pool, and which lane, a job belongs to: the first pool whose labels contain all of the job's (compared
// without case), if its owner and its repository may use it.

import type { Configuration, PoolSettings } from './configuration.ts';
import type { JobRoute } from './job.ts';
import { readable } from './reason.ts';
import { laneKey, type Scope } from './scope.ts';

/** What routing has to know of a job. `repository` is `owner/name` in lower case. */
export interface JobWishes {
  labels: readonly string[];
  repository: string;
  isPublic: boolean;
  ownedByOrganisation: boolean;
  installation: number;
}

/** `ignored`: none of our business (`ubuntu-latest`): counted, never stored. */
export type Routing = JobRoute | { kind: 'ignored' };

export function route(job: JobWishes, configuration: Configuration): Routing {
  const wanted = job.labels.map((label) => label.toLowerCase());
  const fitting = configuration.pools.filter((pool) => fits(wanted, pool));
  if (fitting.length === 0) return noPool(wanted, configuration);

  const owner = ownerOf(job.repository);
  if (configuration.allow.kind === 'owners' && !configuration.allow.owners.includes(owner)) {
    return refuse('ownerNotAllowed', `${owner} may not use these runners: it is not in allow.owners`);
  }
  const admitting = fitting.filter((pool) => admitsRepository(pool, job.repository));
  if (admitting.length === 0) {
    const names = fitting.map((pool) => pool.name).join(', ');
    return refuse(
      'repositoryNotAllowed',
      `${job.repository} may not use the pool that fits (${names}): its repositories do not name it`,
    );
  }
  const pool = admitting.find((candidate) => !job.isPublic || candidate.publicRepositories === 'allow');
  if (!pool) {
    const names = admitting.map((candidate) => candidate.name).join(', ');
    return refuse(
      'publicRepository',
      `${job.repository} is public, and the pool that fits (${names}) refuses public repositories`,
    );
  }
  const scope = scopeOf(job, pool);
  return {
    kind: 'lane',
    lane: laneKey(pool.name, scope, pool.group),
    host: pool.host,
    scope,
    group: pool.group,
  };
}

/** Does GitHub give such a job to a runner with this pool's labels? A job that asks for nothing fits nothing. */
export function fits(jobLabels: readonly string[], pool: Pick<PoolSettings, 'labels'>): boolean {
  return jobLabels.length > 0 && jobLabels.every((label) => pool.labels.includes(label));
}

/** `*` stands for any characters within the owner or the name. */
export function matchesPattern(pattern: string, repository: string): boolean {
  const [patternOwner = '', patternName = '*'] = pattern.toLowerCase().split('/');
  const [owner = '', name = ''] = repository.split('/');
  return matchesPart(patternOwner, owner) && matchesPart(patternName, name);
}

function matchesPart(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return first === text;
  if (!text.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let from = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, from);
    if (found < 0) return false;
    from = found + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}

function admitsRepository(pool: PoolSettings, repository: string): boolean {
  return (
    pool.repositories === null || pool.repositories.some((pattern) => matchesPattern(pattern, repository))
  );
}

function ownerOf(repository: string): string {
  return repository.slice(0, repository.indexOf('/'));
}

/** A user's repositories can only register runners of their own: there is no organisation to register at. */
function scopeOf(job: JobWishes, pool: PoolSettings): Scope {
  const ofRepository = pool.register === 'repository' || !job.ownedByOrganisation;
  return {
    owner: ownerOf(job.repository),
    repository: ofRepository ? job.repository.slice(job.repository.indexOf('/') + 1) : null,
    installation: job.installation,
  };
}

/** Labels shown in a reason: enough to recognise the job by. */
const labelsShownMax = 6;

function noPool(wanted: readonly string[], configuration: Configuration): Routing {
  const known = new Set(configuration.pools.flatMap((pool) => pool.labels));
  const ours = wanted.includes('self-hosted') || wanted.some((label) => known.has(label));
  if (!ours) return { kind: 'ignored' };
  const unknown = wanted.filter((label) => !known.has(label));
  const what =
    unknown.length > 0
      ? `no pool has the label ${unknown
          .slice(0, labelsShownMax)
          .map((label) => `"${label}"`)
          .join(', ')}`
      : `no one pool has all of the labels ${wanted
          .slice(0, labelsShownMax)
          .map((label) => `"${label}"`)
          .join(', ')}`;
  return refuse('noPool', `${what}${nearest(wanted, unknown, configuration)}`);
}

/** The pool that lacks the fewest of the job's labels, if it has any: most often it is the one that was meant. */
function nearest(wanted: readonly string[], unknown: readonly string[], { pools }: Configuration): string {
  const [first] = pools
    .map(({ name, labels }) => ({ name, lacks: wanted.filter((label) => !labels.includes(label)) }))
    .filter(({ lacks }) => lacks.length < wanted.length)
    .sort((a, b) => a.lacks.length - b.lacks.length);
  if (first === undefined) return '';
  const named = `; nearest is pool ${first.name}`;
  if (first.lacks.length === unknown.length) return named;
  const lacks = first.lacks.slice(0, labelsShownMax).map((label) => `"${label}"`);
  return `${named}, which lacks ${lacks.join(', ')}`;
}

function refuse(code: Extract<JobRoute, { kind: 'refused' }>['code'], text: string): JobRoute {
  return { kind: 'refused', code, text: readable(text) };
}
