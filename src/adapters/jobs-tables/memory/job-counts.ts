// How many jobs are counted in each lane and class of a host, kept up with each write.

import type { HostName, LaneKey } from '../../../core/ids.ts';
import type { JobClass, JobCount } from '../../../core/job.ts';

export function createJobCounts() {
  const hosts = new Map<HostName, Map<LaneKey, Record<JobClass, number>>>();

  function add({ host, lane, class: jobClass }: JobCount, jobs: number): void {
    const lanes = hosts.get(host) ?? new Map<LaneKey, Record<JobClass, number>>();
    hosts.set(host, lanes);
    const counts = lanes.get(lane) ?? { fresh: 0, ordered: 0, orphaned: 0, held: 0 };
    counts[jobClass] += jobs;
    const isEmpty = counts.fresh + counts.ordered + counts.orphaned + counts.held === 0;
    if (isEmpty) lanes.delete(lane);
    else lanes.set(lane, counts);
  }

  return {
    move(from: JobCount | null, to: JobCount | null): void {
      if (from === to) return;
      if (from !== null) add(from, -1);
      if (to !== null) add(to, 1);
    },

    ofHost(host: HostName): Map<LaneKey, Record<JobClass, number>> {
      return new Map([...(hosts.get(host) ?? [])].map(([lane, counts]) => [lane, { ...counts }]));
    },
  };
}
