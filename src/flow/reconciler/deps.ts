import type { Configuration } from '../../core/configuration.ts';
import type { RunnerTimes } from '../../core/deadline.ts';
import type { HostName, PoolName } from '../../core/ids.ts';
import type { Order } from '../../core/order.ts';
import type { Budgets } from '../../ports/budgets.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { GitHub } from '../../ports/github.ts';
import type { Host } from '../../ports/host.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { Topic } from '../../ports/queue.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { Notification } from '../notification.ts';
import type { SightingContext } from '../sighting.ts';
import type { Step } from './message.ts';

export interface ReconcilerDeps {
  clock: Clock;
  random: Random;
  table: JobsTable;
  github: GitHub;
  hosts: ReadonlyMap<HostName, Host>;
  budgets: Budgets;
  configuration: Configuration;
  sighting: SightingContext;
  timesOf: (pool: PoolName, host: HostName) => RunnerTimes;
  publisherTopic: Topic<Notification>;
  jobsTopic: Topic<Order>;
  steps: Topic<Step>;
  telemetry: Telemetry;
}
