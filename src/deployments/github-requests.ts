// What is told of each request to GitHub, wherever it is made.

import type { RequestMade } from '../adapters/github/app/index.ts';
import type { GitHub } from '../ports/github.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { gitHubMetrics } from './metrics.ts';

export function tellRequest(
  telemetry: Telemetry,
  { installation, route, status, durationMs }: RequestMade,
  rateLeft: GitHub['rateLeft'],
): void {
  telemetry.count(gitHubMetrics.requests, { route, status: String(status) });
  telemetry.observe(gitHubMetrics.requestMs, durationMs, { route });
  const left = installation === null ? null : rateLeft(installation);
  if (left === null) return;
  telemetry.gauge(gitHubMetrics.rateLeft, left.remaining, { installation: String(installation) });
}
