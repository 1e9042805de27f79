// The App's own record of what it sent us by webhook, and the way to have it sent once more.

import { z } from 'zod';
import type { Delivery, GitHub } from '../../../ports/github.ts';
import type { Headers } from './limits.ts';
import { pageLength } from './pages.ts';
import { demand, type Requests } from './requests.ts';

type Deliveries = Pick<GitHub, 'deliveriesSince' | 'redeliver'>;

export function createDeliveries(requests: Requests): Deliveries {
  return {
    async deliveriesSince(since, limit) {
      const found: Delivery[] = [];
      let cursor: string | null = null;
      do {
        const { data, headers } = await readPage(requests, cursor, limit);
        const recent = data.map(deliveryOf).filter((delivery) => delivery.deliveredAt >= since);
        found.push(...recent);
        // Newest first: the first one that is older ends it. A page without any entry ends it in any case.
        const mayHaveMore = recent.length === data.length && data.length > 0 && found.length < limit;
        cursor = mayHaveMore ? nextCursor(headers) : null;
      } while (cursor !== null);
      return found.slice(0, limit);
    },

    async redeliver(deliveryId) {
      await demand(requests, {
        caller: 'app',
        route: 'POST /app/hook/deliveries/{delivery_id}/attempts',
        parameters: { delivery_id: deliveryId },
        reads: z.unknown(),
      });
    },
  };
}

function readPage(requests: Requests, cursor: string | null, limit: number) {
  return demand(requests, {
    caller: 'app',
    route: 'GET /app/hook/deliveries',
    parameters: {
      per_page: Math.max(1, Math.min(pageLength, limit)),
      ...(cursor === null ? {} : { cursor }),
    },
    reads: deliveriesSchema,
  });
}

const deliveriesSchema = z.array(
  z.object({
    /** Octokit gives numbers beyond 2^53 as `bigint`, so that no digit is lost. */
    id: z.union([z.int(), z.bigint()]).transform(String),
    guid: z.string(),
    delivered_at: z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
    status_code: z.int(),
    event: z.string(),
    action: z.string().nullish(),
  }),
);

function deliveryOf(row: z.output<typeof deliveriesSchema>[number]): Delivery {
  return {
    id: row.id,
    guid: row.guid,
    deliveredAt: row.delivered_at,
    // By the code: a time-out has none, or a 5xx, and GitHub's own filter `status=failure` misses the former.
    ok: row.status_code >= 200 && row.status_code < 300,
    event: row.event,
    action: row.action ?? null,
  };
}

/** The link's cursor alone is taken, never its address: our token goes only where it belongs. */
function nextCursor(headers: Headers): string | null {
  const url = /<([^<>]+)>;\s*rel="next"/.exec(String(headers['link'] ?? ''))?.[1];
  return url && URL.canParse(url) ? new URL(url).searchParams.get('cursor') : null;
}
