// Rules over the whole configuration: what no single key can tell. A problem is what could not work, or would break
// a promise; a warning is what works, but probably not as it was meant.

import type { OperatingSystem } from '../core/configuration.ts';
import { isHostName, isPoolName, type PoolName } from '../core/ids.ts';
import { type Overlap, overlaps, type PoolReach, shadowed } from '../core/overlap.ts';
import { matchesPattern } from '../core/routing.ts';
import type { Draft, PoolDraft } from './draft.ts';
import { usualBootSeconds } from './host-types.ts';
import { nearest } from './nearest.ts';
import { oneOf, type Problem, placeOf, shown, type Warning } from './problem.ts';
import { gitHubRequestSecondsMax, timingOrder, timings } from './timing.ts';

type Rule<Finding> = (draft: Draft) => Finding[];

const problemRules: Rule<Problem>[] = [
  hostNames,
  hostTypesKnown,
  poolNames,
  hostsKnown,
  operatingSystems,
  oneMachine,
  labelsDiffer,
  sparesFit,
  jobsFitLives,
  groupsFit,
  commandOnce,
  ownersAllowed,
  poolsReachable,
  labelsOverlap,
  timingFits,
];

const warningRules: Rule<Warning>[] = [
  hostsUsed,
  sparesScheduled,
  limitsFit,
  labelsShared,
  labelsOfGitHub,
  repositoriesHeld,
  idleTimes,
  bootTimes,
  leaseTime,
  mints,
];

export function problemsOfAll(draft: Draft): Problem[] {
  return problemRules.flatMap((rule) => rule(draft));
}

/** For a configuration without problems. */
export function warningsOfAll(draft: Draft): Warning[] {
  return warningRules.flatMap((rule) => rule(draft));
}

// ---- Names and references

function hostNames({ hosts }: Draft): Problem[] {
  return [...hosts.keys()]
    .filter((name) => !isHostName(name))
    .map((name) => ({
      place: placeOf('hosts', name),
      what: `${shown(name)} can not be the name of a host, as it would not fit into the names of its runners`,
      allowed: '1 to 10 letters a to z and digits, without a hyphen',
      remedy: renamed(name.toLowerCase().replace(/[^a-z0-9]/g, ''), isHostName),
    }));
}

function poolNames(draft: Draft): Problem[] {
  return draft.pools.flatMap(({ name }) => {
    const place = placeOf('pools', name);
    if (/^\d+$/.test(name)) {
      return {
        place,
        what: `${shown(name)} can not be the name of a pool: JavaScript puts such keys first, and the order of pools counts`,
        allowed: 'a name with a letter in it',
        remedy: `rename it, for example to 'pool-${name}'`,
      };
    }
    if (isPoolName(name)) return [];
    return {
      place,
      what: `${shown(name)} can not be the name of a pool`,
      allowed: '1 to 40 letters a to z, digits and hyphens, without a hyphen at its ends',
      remedy: renamed(name.toLowerCase().replace(/[^a-z0-9]+/g, '-'), isPoolName),
    };
  });
}

function renamed(proposal: string, isName: (text: string) => boolean): string {
  return isName(proposal) ? `rename it, for example to '${proposal}'` : 'give it another name';
}

function hostTypesKnown({ hosts, hostTypes }: Draft): Problem[] {
  const types = Object.keys(hostTypes);
  return [...hosts.values()].flatMap(({ name, settings, type }) =>
    settings.type !== undefined && !type
      ? unknownName(
          placeOf('hosts', name, 'type'),
          settings.type,
          'a type of host',
          types,
          `take ${oneOf(types)}`,
        )
      : [],
  );
}

function hostsKnown({ hosts, pools }: Draft): Problem[] {
  const names = [...hosts.keys()];
  return pools.flatMap(({ name, settings, host }) => {
    if (host || settings.host === undefined) return [];
    const otherwise = `take ${oneOf(names)}, or add ${shown(settings.host)} to hosts`;
    return unknownName(placeOf('pools', name, 'host'), settings.host, 'the name of a host', names, otherwise);
  });
}

function unknownName(
  place: string,
  given: string,
  what: string,
  known: readonly string[],
  otherwise: string,
): Problem {
  const meant = nearest(given, known);
  return {
    place,
    what: `${shown(given)} is not ${what}`,
    allowed: oneOf(known),
    remedy: meant === null ? otherwise : `did you mean '${meant}'?`,
  };
}

// ---- Pools and their hosts

const allSystems: readonly OperatingSystem[] = ['linux', 'windows', 'macos'];

function operatingSystems({ pools }: Draft): Problem[] {
  return pools.flatMap(({ name, settings: { os }, host }) => {
    const supported: readonly OperatingSystem[] = host?.type?.operatingSystems ?? allSystems;
    if (os === undefined || supported.includes(os)) return [];
    return {
      place: placeOf('pools', name, 'os'),
      what: `'${os}' does not run on ${host?.name}, which is a host of type ${host?.settings.type}`,
      allowed: oneOf(supported),
      remedy: 'take a host of another type for this pool',
    };
  });
}

function oneMachine({ pools }: Draft): Problem[] {
  const onOneMachine = pools.filter(({ host }) => host?.type?.isOneMachine === true);
  return onOneMachine.flatMap(({ name, settings: { os }, host }) => {
    const first = onOneMachine.find((pool) => pool.host === host);
    if (os === undefined || !first?.settings.os || first.settings.os === os) return [];
    return {
      place: placeOf('pools', name, 'os'),
      what: `'${os}' and '${first.settings.os}' (pool ${first.name}) can not both run on ${host?.name}, which is one machine`,
      allowed: 'the same operating system for all pools of such a host',
      remedy: "give both the machine's own",
    };
  });
}

function labelsDiffer({ pools }: Draft): Problem[] {
  return pools.flatMap(({ name, settings: { labels = [] } }) => {
    const lower = labels.map((label) => label.toLowerCase());
    const at = lower.findIndex((label, index) => lower.indexOf(label) < index);
    if (at < 0) return [];
    return {
      place: placeOf('pools', name, 'labels', at),
      what: `${shown(labels[at])} is listed twice; GitHub compares labels without case`,
      allowed: 'each label once',
      remedy: 'take one of the two out',
    };
  });
}

function sparesFit({ pools }: Draft): Problem[] {
  return pools.flatMap((pool) => sparesWritten(pool).flatMap((written) => sparesWrong(pool, written)));
}

interface SparesWritten {
  place: string;
  spares: number;
}

/** Those of every day, and those of each moment of the schedule. */
function sparesWritten({ name, settings: { spares = 0, spareSchedule = [] } }: PoolDraft): SparesWritten[] {
  const scheduled = spareSchedule.map((change, at) => ({
    place: placeOf('pools', name, 'spareSchedule', at, 'spares'),
    spares: change.spares,
  }));
  return [{ place: placeOf('pools', name, 'spares'), spares }, ...scheduled];
}

function sparesWrong({ settings: { limit }, host }: PoolDraft, { place, spares }: SparesWritten): Problem[] {
  if (spares > 0 && host?.type?.standby === false) {
    return [
      {
        place,
        what: `${spares} is not allowed, as machines of ${host.name} (type ${host.settings.type}) can not stand by`,
        allowed: '0',
        remedy: 'take it out, or take a host of a type whose machines can',
      },
    ];
  }
  if (limit === undefined || spares <= limit) return [];
  return [
    {
      place,
      what: `${spares} is more than the pool's limit, ${limit}`,
      allowed: `a whole number from 0 to ${limit}`,
      remedy: 'lower spares or raise limit',
    },
  ];
}

/** A machine that boots and idles for as long as it may still has all of its pool's job time before it. */
function jobsFitLives({ timing, pools }: Draft): Problem[] {
  return pools.flatMap(({ name, settings, host }) => {
    const life = host?.type?.life;
    const { jobMinutesMax } = settings;
    if (!host?.type || !life || jobMinutesMax === undefined) return [];
    const boot = settings.bootSeconds ?? timing.bootSeconds ?? usualBootSeconds(host.type, settings.os);
    const idle = settings.idleSeconds ?? timing.idleSeconds ?? 0;
    const most = Math.floor(((life.seconds - life.stopSeconds - boot - idle) / 60) * 100) / 100;
    if (jobMinutesMax <= most) return [];
    const type = host?.settings.type;
    const ends = `${host?.name} (type ${type}) ends every machine after ${life.seconds / 60} minutes`;
    return {
      place: placeOf('pools', name, 'jobMinutesMax'),
      what: `${jobMinutesMax} is too long, as ${ends}`,
      allowed:
        `at most ${Math.max(most, 0)}: the rest is for the boot (bootSeconds, ${boot}), waiting for a job (idleSeconds, ` +
        `${idle}) and stopping one (${life.stopSeconds} s)`,
      remedy: `set it to what the pool's jobs take; for longer jobs take a host of another type: ${life.instead}`,
    };
  });
}

function groupsFit({ pools }: Draft): Problem[] {
  return pools.flatMap(({ name, settings: { register, group = 'default' } }) =>
    register !== 'repository' || group === 'default'
      ? []
      : {
          place: placeOf('pools', name, 'group'),
          what: `${shown(group)} is not allowed with register: 'repository', as only organisations have runner groups`,
          allowed: "'default'",
          remedy: "take group out, or set register: 'organisation'",
        },
  );
}

function commandOnce({ pools }: Draft): Problem[] {
  return pools.flatMap(({ name, settings: { command, machine } }) =>
    command === undefined || machine?.['command'] === undefined
      ? []
      : {
          place: placeOf('pools', name, 'command'),
          what: 'it is short for machine.command, which is given too',
          allowed: 'one of the two',
          remedy: 'take one of them out',
        },
  );
}

// ---- Who may use what

function ownersAllowed({ owners, pools }: Draft): Problem[] {
  if (owners === null) return [];
  return pools.flatMap(({ name, settings: { repositories } }) =>
    (repositories ?? []).flatMap((pattern, at) => {
      const owner = pattern.split('/')[0] ?? '';
      if (owners.some((allowed) => matchesPattern(`${owner}/*`, `${allowed.toLowerCase()}/x`))) return [];
      const meant = nearest(owner, owners);
      return {
        place: placeOf('pools', name, 'repositories', at),
        what: `${shown(pattern)} matches nothing, as ${shown(owner)} is not in allow.owners`,
        allowed: `repositories of ${oneOf(owners)}`,
        remedy: meant === null ? `add ${shown(owner)} to allow.owners` : `did you mean '${meant}'?`,
      };
    }),
  );
}

function poolsReachable({ pools }: Draft): Problem[] {
  return shadowed(reachOf(pools)).map(({ pool, by }) => ({
    place: placeOf('pools', pool, 'labels'),
    what: `it never gets a job: whatever fits it belongs to ${by}, which comes first`,
    allowed: 'labels or repositories of which the pools before it have not all',
    remedy: `put ${pool} before ${by}, give it a label of its own, or take it out`,
  }));
}

function labelsOverlap({ pools }: Draft): Problem[] {
  const unreachable = shadowed(reachOf(pools));
  return notMeant(pools).flatMap((overlap) => {
    if (overlap.kind !== 'contained') return [];
    const { smaller, bigger } = overlap;
    if (unreachable.some(({ pool, by }) => [pool, by].includes(smaller) && [pool, by].includes(bigger)))
      return [];
    const silent = pools.filter(
      ({ name, settings }) => [smaller, bigger].includes(name as PoolName) && !settings.overlap,
    );
    const where = silent.length === 2 ? 'both' : `${silent[0]?.name} too`;
    return {
      place: placeOf('pools', bigger, 'labels'),
      what: `they contain all labels of ${smaller}, so GitHub may give the jobs of ${smaller} to the runners of ${bigger}`,
      allowed: 'labels of which neither pool has all of the other, or overlap: true on both',
      remedy: `give ${smaller} a label that ${bigger} has not, and its jobs too; if it is meant, set overlap: true on ${where}`,
    };
  });
}

/** Every self-hosted runner is expected to have it, and hardly a job asks for it alone. */
const conventionalLabel = 'self-hosted';

function labelsShared({ pools }: Draft): Warning[] {
  const groups = new Map<string, { first: PoolName; pools: Set<PoolName> }>();
  for (const overlap of notMeant(pools)) {
    if (overlap.kind !== 'shared') continue;
    if (overlap.labels.every((label) => label === conventionalLabel)) continue;
    const labels = overlap.labels.map((label) => `'${label}'`).join(' and ');
    const group = groups.get(labels) ?? { first: overlap.first, pools: new Set() };
    groups.set(labels, { ...group, pools: group.pools.add(overlap.first).add(overlap.other) });
  }
  return [...groups].map(([labels, group]) => ({
    place: placeOf('pools', group.first, 'labels'),
    what: `a job that asks only for ${labels} belongs to ${group.first}, but may be given a runner of any of ${[...group.pools].join(', ')}`,
    remedy:
      'let each job ask for a label that only its pool has; if it is meant, set overlap: true on these pools',
  }));
}

/** Overlaps of which not both pools say that they are meant. */
function notMeant(pools: readonly PoolDraft[]): Overlap[] {
  const meant = new Set(pools.filter(({ settings }) => settings.overlap).map(({ name }) => name));
  return overlaps(reachOf(pools)).filter((overlap) => {
    const [a, b] =
      overlap.kind === 'contained' ? [overlap.smaller, overlap.bigger] : [overlap.first, overlap.other];
    return !meant.has(a) || !meant.has(b);
  });
}

/** Of the pools that are wholly readable: half a pool would seem to overlap with what it does not. */
function reachOf(pools: readonly PoolDraft[]): PoolReach[] {
  return pools.flatMap(({ name, whole }) =>
    whole
      ? {
          name: name as PoolName,
          labels: [...new Set(whole.labels.map((label) => label.toLowerCase()))].sort(),
          register: whole.register,
          repositories: whole.repositories?.map((pattern) => pattern.toLowerCase()) ?? null,
          publicRepositories: whole.publicRepositories,
        }
      : [],
  );
}

/** `ubuntu-latest`, `windows-2025`, `macos-15-xlarge` … */
const gitHubsLabel = /^(?:ubuntu|windows|macos)-(?:latest|slim|\d)/;

function labelsOfGitHub({ pools }: Draft): Warning[] {
  return pools.flatMap(({ name, settings: { labels = [] } }) =>
    labels.flatMap((label, at) =>
      gitHubsLabel.test(label.toLowerCase())
        ? {
            place: placeOf('pools', name, 'labels', at),
            what: `${shown(label)} is a label of GitHub's own runners, which may take each such job while a runner is started here`,
            remedy: 'take a label of your own',
          }
        : [],
    ),
  );
}

/** Patterns decide for which jobs runners are started; which jobs GitHub gives them is the runner group's business. */
function repositoriesHeld({ pools }: Draft): Warning[] {
  return pools.flatMap(({ name, settings: { repositories, register, group } }) => {
    const narrow = repositories?.find((pattern) => !pattern.endsWith('/*'));
    if (narrow === undefined || register === 'repository' || group !== 'default') return [];
    return {
      place: placeOf('pools', name, 'repositories'),
      what: `a runner started for ${shown(narrow)} may be given a job of any repository of its organisation that asks for its labels`,
      remedy: "set register: 'repository', or name a runner group that admits only these repositories",
    };
  });
}

// ---- Limits and times

function hostsUsed({ hosts, pools }: Draft): Warning[] {
  return [...hosts.values()].flatMap((host) =>
    pools.some((pool) => pool.host === host)
      ? []
      : {
          place: placeOf('hosts', host.name),
          what: 'no pool uses it',
          remedy: 'take it out, or give it a pool',
        },
  );
}

function limitsFit({ hosts, pools }: Draft): Warning[] {
  const ofPools = pools.flatMap(({ name, settings: { limit = 0 }, host }): Warning[] => {
    const place = placeOf('pools', name, 'limit');
    const hostLimit = host?.settings.limit ?? limit;
    if (limit === 0)
      return [{ place, what: '0 launches nothing: its jobs wait', remedy: 'raise it to go on' }];
    if (limit <= hostLimit || hostLimit === 0) return [];
    return [
      {
        place,
        what: `${limit} can not be reached, as the limit of host ${host?.name} is ${hostLimit}`,
        remedy: 'lower it, or raise the limit of the host',
      },
    ];
  });
  const ofHosts = [...hosts.values()].flatMap((host): Warning[] => {
    const place = placeOf('hosts', host.name, 'limit');
    const limit = host.settings.limit ?? 0;
    if (limit === 0)
      return [{ place, what: '0 launches nothing: the jobs of its pools wait', remedy: 'raise it to go on' }];
    const spares = pools
      .filter((pool) => pool.host === host)
      .reduce((sum, pool) => sum + Math.max(...sparesWritten(pool).map(({ spares }) => spares)), 0);
    if (spares <= limit) return [];
    return [
      {
        place,
        what: `${limit} has no room for the ${spares} spares of its pools`,
        remedy: 'lower their spares, or raise it',
      },
    ];
  });
  return [...ofPools, ...ofHosts];
}

/** A moment of a crontab has always passed before. */
function sparesScheduled({ pools }: Draft): Warning[] {
  return pools.flatMap(({ name, settings: { spares = 0, spareSchedule = [] } }) =>
    spares === 0 || spareSchedule.length === 0
      ? []
      : {
          place: placeOf('pools', name, 'spares'),
          what: `${spares} never counts, as some moment of spareSchedule has always passed`,
          remedy: `take it out; where there are to be ${spares} from a time on, write that moment into spareSchedule`,
        },
  );
}

function timingFits({ timing }: Draft): Problem[] {
  return timingOrder.flatMap(({ less, more, why }) => {
    const [small, great] = [timing[less], timing[more]];
    if (small === undefined || great === undefined || small <= great) return [];
    return {
      place: placeOf('timing', less),
      what: `${small} is more than ${more}, ${great}: ${why}`,
      allowed: `a number up to ${more}`,
      remedy: `lower ${less} or raise ${more}`,
    };
  });
}

/** GitHub drops an idle runner after two to six minutes. */
const idleSecondsUseful = 120;

function idleTimes({ timing, pools }: Draft): Warning[] {
  const times = [
    { place: 'timing.idleSeconds', seconds: timing.idleSeconds },
    ...pools.map(({ name, settings }) => ({
      place: placeOf('pools', name, 'idleSeconds'),
      seconds: settings.idleSeconds,
    })),
  ];
  return times.flatMap(({ place, seconds }) =>
    seconds === undefined || seconds <= idleSecondsUseful
      ? []
      : {
          place,
          what: `${seconds} is longer than GitHub lets a runner idle: it drops them after ${idleSecondsUseful} s or a little more`,
          remedy: `take at most ${idleSecondsUseful}, unless this is an Enterprise Server that drops none`,
        },
  );
}

function bootTimes({ timing, pools }: Draft): Warning[] {
  return pools.flatMap(({ name, settings, host }) => {
    const seconds = settings.bootSeconds ?? timing.bootSeconds;
    const usual = host?.type ? usualBootSeconds(host.type, settings.os) : undefined;
    if (seconds === undefined || usual === undefined || seconds >= usual) return [];
    return {
      place:
        settings.bootSeconds === undefined ? 'timing.bootSeconds' : placeOf('pools', name, 'bootSeconds'),
      what: `a runner of ${name} that boots in more than ${seconds} s is ended before it can work, and on a host of type ${host?.settings.type} that may well happen`,
      remedy: `take it out for the default, ${usual}, or measure the boots: three times the slowest of a hundred`,
    };
  });
}

/** A request to GitHub, a launch call, and the writes between them. */
const leaseSecondsUseful = gitHubRequestSecondsMax + 5;

function leaseTime({ timing }: Draft): Warning[] {
  const { leaseSeconds = leaseSecondsUseful } = timing;
  if (leaseSeconds >= leaseSecondsUseful) return [];
  return [
    {
      place: 'timing.leaseSeconds',
      what: `${leaseSeconds} is over before a slow answer of GitHub (up to ${gitHubRequestSecondsMax} s) and a launch call: while GitHub is slow, no launch succeeds`,
      remedy: `take at least ${leaseSecondsUseful}; the default is ${timings.leaseMs.default}`,
    },
  ];
}

/** 900 points a minute, of which a registration costs five. */
const mintsPerMinuteMost = 180;

function mints({ github }: Draft): Warning[] {
  const { mintBurst = 0, mintsPerMinute = 0 } = github;
  if (mintBurst + mintsPerMinute <= mintsPerMinuteMost) return [];
  return [
    {
      place: 'github.mintBurst',
      what: `${mintBurst} at once and ${mintsPerMinute} a minute are more than the ${mintsPerMinuteMost} registrations that GitHub takes in a minute: it then refuses all for a minute or more`,
      remedy: `lower mintBurst or mintsPerMinute, unless this is an Enterprise Server without that limit`,
    },
  ];
}
