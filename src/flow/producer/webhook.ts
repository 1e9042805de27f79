// The first door: GitHub's webhook. A signed `workflow_job` event becomes one fact, on disk before the answer.
// GitHub is never called from here, and nothing is waited for but the one write.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { readable } from '../../core/reason.ts';
import type { Clock } from '../../ports/clock.ts';
import { jobOfWebhook } from '../../ports/job-report.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { type SightingContext, sightingOf } from '../sighting.ts';
import type { Answer } from './answer.ts';
import { metrics } from './metrics.ts';

/** GitHub sends nothing larger. */
export const webhookBytesMax = 25 * 1024 * 1024;

export interface WebhookRequest {
  /** `X-Hub-Signature-256`. */
  signature: string | null;
  /** `X-GitHub-Event`. */
  event: string | null;
  /** `X-GitHub-Delivery`: in logs only. A redelivery keeps it, so it is no key to tell duplicates by. */
  delivery: string | null;
  body: Uint8Array;
}

export interface WebhookDeps {
  clock: Clock;
  table: JobsTable;
  telemetry: Telemetry;
  sighting: SightingContext;
  /** More than one while a secret is being changed. */
  secrets: readonly string[];
}

export function createWebhookDoor(deps: WebhookDeps): (request: WebhookRequest) => Promise<Answer> {
  const { clock, table, telemetry } = deps;

  return async (request) => {
    if (request.body.byteLength > webhookBytesMax)
      return answer(413, `the body is larger than ${webhookBytesMax} bytes`);
    if (!isSigned(request, deps.secrets))
      return answer(401, 'the signature is missing or wrong: check the webhook secret');
    if (request.event !== 'workflow_job')
      return answer(202, `ignored: ${readable(request.event ?? 'no event')}`);
    const payload = parseJson(request.body);
    if (payload === undefined) return answer(400, 'the body is not JSON');
    const { report, problem } = jobOfWebhook(payload);
    if (report === null) return answer(400, problem);

    const sighting = sightingOf(report, deps.sighting);
    if (sighting === null) {
      telemetry.count(metrics.jobsIgnored);
      return answer(202, 'ignored: no pool has these labels');
    }
    if (sighting.route.kind === 'refused')
      telemetry.count(metrics.jobsRefused, { code: sighting.route.code });
    const recorded = await table.recordJob(
      sighting.key,
      [{ kind: 'seen', sighting, by: 'webhook' }],
      clock.now(),
    );
    telemetry.count(metrics.events, { phase: sighting.phase, outcome: recorded.outcome });
    return answer(202, recorded.outcome === 'recorded' ? 'accepted' : 'known already');
  };

  function answer(status: number, text: string): Answer {
    telemetry.count(metrics.webhooks, { status: String(status) });
    return { status, body: { message: text } };
  }
}

/** Compared in constant time, over the raw bytes, before anything is parsed. */
function isSigned({ signature, body }: WebhookRequest, secrets: readonly string[]): boolean {
  const given = Buffer.from(signature ?? '', 'utf8');
  let signed = false;
  for (const secret of secrets) {
    const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`, 'utf8');
    if (given.length === wanted.length && timingSafeEqual(given, wanted)) signed = true;
  }
  return signed;
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
