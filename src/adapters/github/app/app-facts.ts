// What GitHub knows of the App itself: asked once at a start, to tell a person what is missing before jobs wait for it.

import { z } from 'zod';
import type { EpochMs } from '../../../ports/clock.ts';
import { demand, type Requests } from './requests.ts';

export interface AppFacts {
  slug: string;
  /** `null` where GitHub does not tell. */
  permissions: Readonly<Record<string, string>> | null;
  events: readonly string[] | null;
  /** GitHub's clock, to the second, when it answered. */
  at: EpochMs | null;
}

const appSchema = z.object({
  slug: z.string(),
  permissions: z.record(z.string(), z.string()).optional(),
  events: z.array(z.string()).optional(),
});

export async function readApp(requests: Requests): Promise<AppFacts> {
  const { data, headers } = await demand(requests, { caller: 'app', route: 'GET /app', reads: appSchema });
  const at = Date.parse(String(headers['date'] ?? ''));
  return {
    slug: data.slug,
    permissions: data.permissions ?? null,
    events: data.events ?? null,
    at: Number.isNaN(at) ? null : at,
  };
}
