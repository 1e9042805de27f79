// Where the App is installed, and what each installation may read.

import { z } from 'zod';
import type { GitHub, InstallationRef, RepositoryRef } from '../../../ports/github.ts';
import { allPages, pageLength } from './pages.ts';
import { demand, type Requests } from './requests.ts';

type Installations = Pick<GitHub, 'installations' | 'repositories'>;

/** 10,000 installations of one private App, or repositories of one installation. */
const pagesMax = 100;

export function createInstallations(requests: Requests): Installations {
  return {
    installations: () =>
      allPages('installations of the App', pagesMax, async (page) => {
        const { data } = await demand(requests, {
          caller: 'app',
          route: 'GET /app/installations',
          parameters: { per_page: pageLength, page },
          reads: installationsSchema,
        });
        return { items: data.map(installationOf), total: null };
      }),

    repositories: (installation) =>
      allPages(`repositories of installation ${installation}`, pagesMax, async (page) => {
        const { data } = await demand(requests, {
          caller: installation,
          route: 'GET /installation/repositories',
          parameters: { per_page: pageLength, page },
          reads: repositoriesSchema,
        });
        const items = data.repositories.map((repository) => repositoryOf(repository, installation));
        return { items, total: data.total_count };
      }),
  };
}

const installationsSchema = z.array(
  z.object({
    id: z.int(),
    /** An enterprise has a `slug` and no `login`. */
    account: z.object({ login: z.string().optional(), slug: z.string().optional() }).nullable(),
    suspended_at: z.string().nullish(),
  }),
);

const repositoriesSchema = z.object({
  total_count: z.int().nonnegative(),
  repositories: z.array(
    z.object({ full_name: z.string(), private: z.boolean(), owner: z.object({ type: z.string() }) }),
  ),
});

function installationOf(row: z.output<typeof installationsSchema>[number]): InstallationRef {
  return {
    id: row.id,
    account: (row.account?.login ?? row.account?.slug ?? '').toLowerCase(),
    suspended: row.suspended_at != null,
  };
}

function repositoryOf(
  row: z.output<typeof repositoriesSchema>['repositories'][number],
  installation: number,
): RepositoryRef {
  return {
    repository: row.full_name.toLowerCase(),
    isPublic: !row.private,
    ownedByOrganisation: row.owner.type === 'Organization',
    installation,
  };
}
