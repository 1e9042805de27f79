// Runner groups have names for people and ids for GitHub's routes. The groups of an organisation are read once.
// They are read again when a name is not among them, or when GitHub no longer knows an id: a group that was
// deleted and made again under its name has a new one.

import { z } from 'zod';
import type { Scope } from '../../../core/scope.ts';
import type { Clock, EpochMs } from '../../../ports/clock.ts';
import { allPages, pageLength } from './pages.ts';
import type { Requests } from './requests.ts';

export interface RunnerGroups {
  /** The group's id, or the names that there are. */
  idOf(scope: Scope, name: string): Promise<{ id: number } | { names: readonly string[] }>;
  forget(scope: Scope): void;
}

const defaultGroup = 'default';

/** Of repositories, where GitHub takes no other, and of organisations that show no groups. */
const groupIdWhereNone = 1;

/** A wrong name in the configuration must not cost a list for each runner. */
const rereadAfterMs = 60_000;
/** 1,000 groups; an organisation with more needs another way to find one. */
const groupPagesMax = 10;

export function createRunnerGroups(clock: Clock, requests: Requests): RunnerGroups {
  const known = new Map<string, Promise<Groups>>();

  function groupsOf(scope: Scope, isGoodEnough: (groups: Groups) => boolean): Promise<Groups> {
    const key = keyOf(scope);
    const before = known.get(key);
    const read =
      before === undefined
        ? readGroups(scope)
        : before.then((groups) => (isGoodEnough(groups) ? groups : readGroups(scope)));
    known.set(key, read);
    read.catch(() => {
      if (known.get(key) === read) known.delete(key);
    });
    return read;
  }

  async function readGroups(scope: Scope): Promise<Groups> {
    const groups = await allPages(`runner groups of ${scope.owner}`, groupPagesMax, async (page) => {
      const answer = await requests.ask({
        caller: scope.installation,
        route: 'GET /orgs/{org}/actions/runner-groups',
        parameters: { org: scope.owner, per_page: pageLength, page },
        reads: groupsSchema,
        // No such organisation, or one whose plan or server has no groups: the mint itself tells them apart.
        expects: [404],
      });
      if (!answer.done) return { items: [], total: 0 };
      return { items: answer.data.runner_groups, total: answer.data.total_count };
    });
    return { groups, readAt: clock.now() };
  }

  return {
    async idOf(scope, name) {
      if (scope.repository !== null) {
        return name === defaultGroup ? { id: groupIdWhereNone } : { names: [defaultGroup] };
      }
      const { groups } = await groupsOf(scope, (read) => {
        return find(read.groups, name) !== undefined || clock.now() < read.readAt + rereadAfterMs;
      });
      if (groups.length === 0 && name === defaultGroup) return { id: groupIdWhereNone };
      const group = find(groups, name);
      return group ? { id: group.id } : { names: groups.map((each) => each.name) };
    },

    forget(scope) {
      known.delete(keyOf(scope));
    },
  };
}

interface Groups {
  groups: readonly Group[];
  readAt: EpochMs;
}

type Group = z.output<typeof groupsSchema>['runner_groups'][number];

const groupsSchema = z.object({
  total_count: z.int().nonnegative(),
  runner_groups: z.array(z.object({ id: z.int(), name: z.string(), default: z.boolean() })),
});

/** `default` is the one that GitHub marks so: its name is “Default”, or what the organisation made of it. */
function find(groups: readonly Group[], name: string): Group | undefined {
  const named = groups.find((group) => group.name === name);
  return named ?? (name === defaultGroup ? groups.find((group) => group.default) : undefined);
}

function keyOf(scope: Scope): string {
  return `${scope.installation} ${scope.owner}`;
}
