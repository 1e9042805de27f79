// What an operator is shown: plain data, the same for a terminal, for JSON and for the local API.

import type { Wait } from '../../core/explain.ts';
import type { Spent, StoryEntry } from '../../core/story.ts';

export interface StatusView {
  /** Milliseconds since 1970, as all times here. */
  at: number;
  configuration: string;
  hosts: readonly HostView[];
  pools: readonly PoolView[];
}

export interface HostView {
  name: string;
  type: string;
  limit: number;
  alive: number;
  /** The host takes no launches until then. */
  throttledUntil: number | null;
  /** Counted for the configuration that this process has. */
  upToDate: boolean;
}

export interface PoolView {
  name: string;
  host: string;
  os: string;
  labels: readonly string[];
  limit: number;
  /** Lowered for now; `null` where the configuration's limit holds. */
  limitNow: number | null;
  paused: boolean;
  spares: number;
  runners: { coming: number; busy: number; ending: number; standby: number };
  jobs: { waiting: number; held: number };
  /** When the oldest job of those that wait was made at GitHub. */
  oldestAt: number | null;
  breaker: { failures: number; until: number | null; why: string } | null;
}

export interface JobView {
  id: number;
  name: string;
  workflow: string | null;
  repository: string;
  url: string;
  phase: string;
  conclusion: string | null;
  pool: string | null;
  labels: readonly string[];
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
  runner: string | null;
  /** Why it waits; `null` where it does not. */
  wait: Wait | null;
}

export interface WhyView {
  job: JobView;
  /** Whose jobs hold the places that it waits for, the most first. */
  heldBy: readonly { repository: string; runners: number }[];
  /** Jobs of its lane that wait before it; `null` where it does not wait for a place. */
  ahead: number | null;
  /** About when it will have a runner, by the pace of the jobs that run; `null` where nothing tells. */
  expectedAt: number | null;
  /** Where the time went until it started, or until now, in the order of time. */
  spent: readonly Spent[];
  runners: readonly RunnerView[];
  story: readonly StoryEntry[];
}

export interface RunnerView {
  name: string;
  host: string;
  pool: string;
  state: string;
  machine: string | null;
  removing: { code: string; why: string } | null;
  end: { code: string; why: string } | null;
  orderedAt: number;
}
