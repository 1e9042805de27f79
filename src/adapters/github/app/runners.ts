// Runner entries: made with their just-in-time configuration, found, listed and removed.

import { z } from 'zod';
import { type Scope, scopeName } from '../../../core/scope.ts';
import type { GitHub, Minted, RunnerEntry } from '../../../ports/github.ts';
import { allPages, pageLength } from './pages.ts';
import { demand, type Requests } from './requests.ts';
import type { RunnerGroups } from './runner-groups.ts';
import { scopeRoute } from './scope-route.ts';

type Runners = Pick<GitHub, 'mintRunner' | 'removeRunner' | 'findRunner' | 'listRunners'>;

/** GitHub allows 10,000 runners in a group; 50,000 leave room for an organisation with several full groups. */
const runnerPagesMax = 500;

export function createRunners(requests: Requests, groups: RunnerGroups): Runners {
  const list = (scope: Scope, name: string | null): Promise<RunnerEntry[]> =>
    allPages(`runners of ${scopeName(scope)}`, runnerPagesMax, async (page) => {
      const { runners, parameters } = scopeRoute(scope);
      const { data } = await demand(requests, {
        caller: scope.installation,
        route: `GET ${runners}`,
        parameters: { ...parameters, ...(name === null ? {} : { name }), per_page: pageLength, page },
        reads: runnersSchema,
      });
      return { items: data.runners.map(entryOf), total: data.total_count };
    });

  return {
    async mintRunner(scope, registration): Promise<Minted> {
      const group = await groups.idOf(scope, registration.group);
      if ('names' in group)
        return { outcome: 'refused', reason: noSuchGroup(scope, registration.group, group.names) };
      const { runners, parameters } = scopeRoute(scope);
      const answer = await requests.ask({
        caller: scope.installation,
        route: `POST ${runners}/generate-jitconfig`,
        parameters: {
          ...parameters,
          name: registration.name,
          runner_group_id: group.id,
          labels: registration.labels,
          work_folder: registration.workFolder,
        },
        reads: mintedSchema,
        expects: [404, 409, 422],
      });
      if (answer.done) {
        return {
          outcome: 'minted',
          runnerId: answer.data.runner.id,
          jitConfig: answer.data.encoded_jit_config,
        };
      }
      if (answer.status === 409) return { outcome: 'nameTaken' };
      if (answer.status === 404) groups.forget(scope);
      return { outcome: 'refused', reason: refusalOf(scope, registration.group, answer) };
    },

    async removeRunner(scope, runnerId) {
      const { runners, parameters } = scopeRoute(scope);
      const answer = await requests.ask({
        caller: scope.installation,
        route: `DELETE ${runners}/{runner_id}`,
        parameters: { ...parameters, runner_id: runnerId },
        reads: z.unknown(),
        // 400: older servers' way to say that it runs a job.
        expects: [400, 404, 422],
      });
      if (answer.done) return 'removed';
      if (answer.status !== 404) return 'busy';
      // 404 is also the answer for a scope that was renamed or taken out of the installation, where the runner
      // may be busy still. Who may list runners there may see this one, so it is gone; else this throws.
      await demand(requests, {
        caller: scope.installation,
        route: `GET ${runners}`,
        parameters: { ...parameters, per_page: 1 },
        reads: runnersSchema,
      });
      return 'absent';
    },

    async findRunner(scope, name) {
      const found = await list(scope, name);
      return found.find((runner) => runner.name === name) ?? null;
    },

    async listRunners(scope) {
      // An entry that moved to a later page while they were read comes twice.
      const byId = new Map((await list(scope, null)).map((runner) => [runner.id, runner]));
      return [...byId.values()];
    },
  };
}

const runnerSchema = z.object({
  id: z.int(),
  name: z.string(),
  status: z.string(),
  busy: z.boolean(),
  /** Set once the runner has connected; Enterprise Servers may not tell it. */
  version: z.string().nullish(),
});

const runnersSchema = z.object({ total_count: z.int().nonnegative(), runners: z.array(runnerSchema) });

const mintedSchema = z.object({ runner: z.object({ id: z.int() }), encoded_jit_config: z.string().min(1) });

function entryOf(runner: z.output<typeof runnerSchema>): RunnerEntry {
  return {
    id: runner.id,
    name: runner.name,
    status: runner.status === 'online' ? 'online' : 'offline',
    busy: runner.busy,
    version: runner.version || null,
  };
}

function noSuchGroup(scope: Scope, group: string, names: readonly string[]): string {
  const there = names.map((name) => `“${name}”`).join(', ');
  const why = scope.repository === null ? '' : ' Groups belong to organisations: register the pool there.';
  return `${scopeName(scope)} has no runner group “${group}”, but ${there}.${why}`;
}

function refusalOf(scope: Scope, group: string, answer: { status: number; message: string }): string {
  const said = `GitHub refused a runner for ${scopeName(scope)}: ${answer.status} ${answer.message}`;
  if (answer.status !== 404) return said;
  return (
    `${said}. Either ${scopeName(scope)} was renamed or deleted, or the App may not see it, or its runner group ` +
    `“${group}” was deleted meanwhile.`
  );
}
