// Where a job of the simulated GitHub belongs by our configuration, whether we heard of it or not.

import type { Job } from '../../adapters/github/simulated/state.ts';
import type { Configuration } from '../../core/configuration.ts';
import { type Routing, route } from '../../core/routing.ts';

const known = new WeakMap<Configuration, WeakMap<Job, Routing>>();

export function routeOf(job: Job, configuration: Configuration): Routing {
  const routings = known.get(configuration) ?? new WeakMap<Job, Routing>();
  known.set(configuration, routings);
  let routing = routings.get(job);
  if (routing === undefined) {
    const { repository } = job.run;
    routing = route(
      {
        labels: job.labels,
        repository: repository.fullName.toLowerCase(),
        isPublic: repository.isPublic,
        ownedByOrganisation: repository.owner.kind === 'Organization',
        installation: repository.owner.installation?.id ?? 0,
      },
      configuration,
    );
    routings.set(job, routing);
  }
  return routing;
}
