// Webhooks of the App: what is sent, what the receiver made of it, and what is sent again when asked.
//
// GitHub sends each event once, after a moment, in no promised order, gives the receiver ten seconds, and does
// not try again by itself. A delivery keeps its GUID when it is sent again, and gets a new id.

import { createHmac } from 'node:crypto';
import type { Clock, EpochMs, Random } from '../../../ports/clock.ts';
import { createGuids } from './identifiers.ts';
import {
  accountJson,
  type JobMoment,
  jobJson,
  momentOf,
  organizationJson,
  repositoryJson,
  type Urls,
} from './payload.ts';
import { type Answer, done, notFound } from './refusal.ts';
import { drawMs, type Settings } from './settings.ts';
import { type Installation, installationCovers, type Job, type Repository } from './state.ts';

export type JobAction = 'queued' | 'waiting' | 'in_progress' | 'completed';

/** A webhook on its way. Body and headers are made when they are asked for: a receiver may not want them. */
export interface OutgoingDelivery {
  guid: string;
  event: 'workflow_job';
  action: JobAction;
  redelivery: boolean;
  installation: number;
  repository: number;
  job: number;
  body(): string;
  /** As GitHub sends them, signature included. */
  headers(): Record<string, string>;
}

/** Takes a delivery to its receiver; rejects where no answer came. */
export type Deliver = (delivery: OutgoingDelivery) => Promise<{ statusCode: number }>;

/** What goes wrong with one delivery; `null` leaves it alone. */
export interface DeliveryFault {
  /** `failed`: listed as failed, and never seen by the receiver. `forever`: not even listed. */
  lose?: 'failed' | 'forever';
  /** Beside the usual delay. */
  delayMs?: number;
  /** So many more copies under the same GUID. */
  duplicates?: number;
}

/** A row of the App's list of deliveries. */
export interface DeliveryRow {
  /** Decimal digits: beyond 2^53, as GitHub's are since 2026. */
  id: string;
  guid: string;
  deliveredAt: EpochMs;
  redelivery: boolean;
  durationSeconds: number;
  /** `OK`, or what went wrong. */
  status: string;
  statusCode: number;
  event: 'workflow_job';
  action: JobAction;
  installation: number;
  repository: number;
}

interface Notice {
  guid: string;
  action: JobAction;
  moment: JobMoment;
  installation: Installation;
}

export interface DeliveriesDeps {
  clock: Clock;
  random: Random;
  settings: Settings;
  urls: Urls;
  app: { id: number; hookId: number; webhookSecret: string };
  deliver: Deliver;
  fault: ((delivery: OutgoingDelivery) => DeliveryFault | null) | undefined;
}

/** Ids start here and rise by one. */
const firstId = 4_611_686_018_427_387_904n;
/** Rows kept at most, whatever their age: some hundred MB. */
const rowsMax = 500_000;
/** What GitHub shows where a receiver could not be reached or was too slow. */
const unreachable = { status: 'failed to connect to host', statusCode: 502 };
const timedOut = { status: 'timed out', statusCode: 0 };

export function createDeliveries(deps: DeliveriesDeps) {
  const { clock, random, settings, urls, app } = deps;
  // Numbers rise by one from row to row, so a row is found by its distance from the first that is kept.
  let rows: { number: number; row: DeliveryRow; notice: Notice }[] = [];
  let head = 0;
  let lastNumber = 0;
  const fixedParts = new Map<Repository, string>();
  const nextGuid = createGuids(random);

  const announce = (job: Job, action: JobAction): void => {
    const installation = job.run.repository.owner.installation;
    if (installation?.state !== 'active') return;
    if (!installationCovers(installation, job.run.repository) || !installation.permissions['actions']) return;
    // Both forms of "no runner" are in the wild; jobs that ended without one show them by turns.
    const noRunnerAsZero = action === 'completed' && !job.runner && job.id % 2 === 0;
    const notice = { guid: nextGuid(), action, moment: momentOf(job, noRunnerAsZero), installation };
    send(notice, false);
  };

  const send = (notice: Notice, redelivery: boolean): void => {
    const outgoing = outgoingOf(notice, redelivery);
    const fault = deps.fault?.(outgoing) ?? null;
    if (fault?.lose === 'forever') return;
    const delayMs = (redelivery ? 0 : drawMs(settings.deliveryDelay, random)) + (fault?.delayMs ?? 0);
    for (let copies = 1 + (fault?.duplicates ?? 0); copies > 0; copies -= 1) {
      clock.after(delayMs, () => {
        if (fault?.lose === 'failed') record(notice, redelivery, unreachable, 0);
        else void attempt(outgoing, notice, redelivery);
      });
    }
  };

  const attempt = async (outgoing: OutgoingDelivery, notice: Notice, redelivery: boolean): Promise<void> => {
    const startedAt = clock.now();
    let open = true;
    const settle = (result: { status: string; statusCode: number }): void => {
      if (!open) return;
      open = false;
      stopWaiting();
      record(notice, redelivery, result, clock.now() - startedAt);
    };
    const stopWaiting = clock.after(settings.deliveryTimeoutMs, () => settle(timedOut));
    try {
      const { statusCode } = await deps.deliver(outgoing);
      const isOk = statusCode >= 200 && statusCode < 300;
      settle({ status: isOk ? 'OK' : `Invalid HTTP Response: ${statusCode}`, statusCode });
    } catch {
      settle(unreachable);
    }
  };

  const record = (
    notice: Notice,
    redelivery: boolean,
    result: { status: string; statusCode: number },
    durationMs: number,
  ): void => {
    forgetOldRows();
    lastNumber += 1;
    const row: DeliveryRow = {
      id: String(firstId + BigInt(lastNumber)),
      guid: notice.guid,
      deliveredAt: clock.now(),
      redelivery,
      durationSeconds: durationMs / 1_000,
      ...result,
      event: 'workflow_job',
      action: notice.action,
      installation: notice.installation.id,
      repository: notice.moment.job.run.repository.id,
    };
    rows.push({ number: lastNumber, row, notice });
  };

  const rowNumbered = (number: number): { row: DeliveryRow; notice: Notice } | undefined => {
    const first = rows[head];
    return first && number >= first.number ? rows[head + number - first.number] : undefined;
  };

  const forgetOldRows = (): void => {
    const oldestAt = clock.now() - settings.deliveryRetentionMs;
    for (let first = rows[head]; first; first = rows[head]) {
      if (first.row.deliveredAt >= oldestAt && rows.length - head < rowsMax) break;
      head += 1;
    }
    if (head > 10_000 && head * 2 > rows.length) {
      rows = rows.slice(head);
      head = 0;
    }
  };

  const outgoingOf = (notice: Notice, redelivery: boolean): OutgoingDelivery => {
    let made: string | null = null;
    const body = (): string => {
      made ??= bodyOf(notice);
      return made;
    };
    return {
      guid: notice.guid,
      event: 'workflow_job',
      action: notice.action,
      redelivery,
      installation: notice.installation.id,
      repository: notice.moment.job.run.repository.id,
      job: notice.moment.job.id,
      body,
      headers: () => ({
        accept: '*/*',
        'content-type': 'application/json',
        'user-agent': 'GitHub-Hookshot/5170ea6',
        'x-github-delivery': notice.guid,
        'x-github-event': 'workflow_job',
        'x-github-hook-id': String(app.hookId),
        'x-github-hook-installation-target-id': String(app.id),
        'x-github-hook-installation-target-type': 'integration',
        'x-hub-signature-256': `sha256=${createHmac('sha256', app.webhookSecret).update(body()).digest('hex')}`,
      }),
    };
  };

  /** Most of a body is the same for each event of a repository, and is written once. */
  const bodyOf = (notice: Notice): string => {
    const { repository } = notice.moment.job.run;
    let fixed = fixedParts.get(repository);
    if (fixed === undefined) {
      fixed = fixedPart(repository, notice.installation, urls);
      fixedParts.set(repository, fixed);
    }
    return `{"action":"${notice.action}","workflow_job":${JSON.stringify(jobJson(notice.moment, urls))},${fixed}}`;
  };

  return {
    announce,
    /** Newest first, from `cursor` (a number of ours) down. `next` is the cursor of the following page. */
    list(cursor: number | null, countMax: number): { rows: DeliveryRow[]; next: number | null } {
      forgetOldRows();
      const page: DeliveryRow[] = [];
      let number = Math.min(cursor ?? lastNumber, lastNumber);
      for (; page.length < countMax; number -= 1) {
        const found = rowNumbered(number);
        if (!found) return { rows: page, next: null };
        page.push(found.row);
      }
      return { rows: page, next: rowNumbered(number) ? number : null };
    },
    redeliver(id: string): Answer<null> {
      forgetOldRows();
      const found = rowNumbered(Number(BigInt(id) - firstId));
      if (!found || found.notice.installation.state === 'deleted') return notFound();
      send(found.notice, true);
      return done(null);
    },
    /** The bodies name the installation, so they are written anew. */
    installationChanged(): void {
      fixedParts.clear();
    },
  };
}

export type Deliveries = ReturnType<typeof createDeliveries>;

function fixedPart(repository: Repository, installation: Installation, urls: Urls): string {
  const { owner } = repository;
  const parts: Record<string, unknown> = {
    repository: repositoryJson(repository, urls),
    ...(owner.kind === 'Organization' && { organization: organizationJson(owner, urls) }),
    sender: accountJson(owner, urls),
    installation: { id: installation.id, node_id: Buffer.from(`I${installation.id}`).toString('base64') },
  };
  return JSON.stringify(parts).slice(1, -1);
}
