// What the Publisher tells the Orchestrator and the Reconciler, by the Jobs Topic.

import type { OperatingSystem } from './configuration.ts';
import type { HostName, JobKey, RunnerName } from './ids.ts';
import type { AskPurpose } from './job.ts';
import type { Runner } from './runner.ts';

export type Order =
  /** Launch one runner (or activate a spare's machine for it), before `launchBefore`. */
  | {
      status: 'launch';
      host: HostName;
      os: OperatingSystem;
      runner: RunnerName;
      launchBefore: number;
      /** As it was committed with the order: whoever takes the order up at once need not read it first. */
      known?: Runner | undefined;
    }
  /** Put the machine of a spare that stands by to rest, as its pool wants it. */
  | { status: 'standBy'; host: HostName; os: OperatingSystem; runner: RunnerName }
  /** End one runner: at GitHub first, then at its host. */
  | { status: 'terminate'; host: HostName; os: OperatingSystem; runner: RunnerName }
  /** Ask GitHub what became of a job. */
  | { status: 'ask'; host: HostName; os: OperatingSystem; job: JobKey; purpose: AskPurpose };

/** What the filter policies of the queues compare. */
export function orderAttributes(order: Order): Record<'Host' | 'OS' | 'Status', string> {
  return { Host: order.host, OS: order.os, Status: order.status };
}
