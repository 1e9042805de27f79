// Every metric that the system tells of, with its meaning: collected from those who count.

import { metrics as images, meanings as ofImages } from '../adapters/hosts/ec2/image-builder/metrics.ts';
import { meanings as ofQueues, metrics as queues } from '../adapters/topics/aws/metrics.ts';
import { meanings as ofTraces, metrics as traces } from '../adapters/tracers/metrics.ts';
import { meanings as ofOrchestrator, metrics as orchestrator } from '../flow/orchestrator/metrics.ts';
import { meanings as ofProducer, metrics as producer } from '../flow/producer/metrics.ts';
import { meanings as ofPublisher, metrics as publisher } from '../flow/publisher/metrics.ts';
import { meanings as ofReconciler, metrics as reconciler } from '../flow/reconciler/metrics.ts';
import type { Meanings, Metric } from '../ports/telemetry.ts';

/** What the client of GitHub counts, wherever it runs. */
export const gitHubMetrics = {
  requests: 'github_requests_total',
  requestMs: 'github_request_ms',
  rateLeft: 'github_rate_left',
} as const;

const ofGitHub: Meanings<typeof gitHubMetrics> = {
  requests: {
    kind: 'count',
    unit: 'count',
    says: 'Requests to GitHub, by route and status.',
    series: null,
  },
  requestMs: {
    kind: 'distribution',
    unit: 'ms',
    says: 'How long GitHub took to answer, by route.',
    series: null,
  },
  rateLeft: {
    kind: 'gauge',
    unit: 'count',
    says: 'Requests that GitHub still takes within its hour, by installation, as its latest answer said; another process of the deployment may have used some since.',
    series: null,
  },
};

/** By name. */
export const allMetrics: ReadonlyMap<string, Metric> = new Map([
  ...named(producer, ofProducer),
  ...named(publisher, ofPublisher),
  ...named(orchestrator, ofOrchestrator),
  ...named(reconciler, ofReconciler),
  ...named(gitHubMetrics, ofGitHub),
  ...named(queues, ofQueues),
  ...named(traces, ofTraces),
  ...named(images, ofImages),
]);

function named<Names extends Readonly<Record<string, string>>>(
  names: Names,
  meanings: Meanings<Names>,
): [string, Metric][] {
  return (Object.keys(names) as (keyof Names)[]).map((key) => [names[key] as string, meanings[key]]);
}
