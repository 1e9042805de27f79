// A list, then what changes from there on, for as long as the process lives: again from where it was when the server
// ends a watch, as it does every few minutes; from a new list when that is too long ago (410). [Kubernetes: API
// concepts, efficient detection of changes]

import { z } from 'zod';
import type { Clock, EpochMs } from '../../../ports/clock.ts';
import type { Api, Listed, Resource } from './api.ts';
import { Refusal } from './refusals.ts';

/** A watch that is quiet may have lost its server: it is begun anew after this. */
const watchSeconds = 240;
const pauseMsFirst = 500;
const pauseMsMax = 30_000;
/** A watch that ends sooner is no quiet one: something ends it, and it is not begun anew at once. */
const shortMs = 1_000;

export interface Follow<Schema extends z.ZodType> {
  api: Api;
  clock: Clock;
  signal: AbortSignal;
  resource: Resource;
  query: Readonly<Record<string, string>>;
  list: () => Promise<Listed<z.output<Schema>>>;
  schema: Schema;
  onItem: (item: z.output<Schema>) => void;
  /** `askedAt`: what was made before it and is not in the list is gone. */
  onListed?: (items: readonly z.output<Schema>[], askedAt: EpochMs) => void;
  onDeleted?: (item: z.output<Schema>) => void;
  onWarning: (text: string) => void;
}

const versioned = z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) });

export async function follow<Schema extends z.ZodType>(given: Follow<Schema>): Promise<void> {
  const { api, clock, signal, resource, list } = given;
  let pauseMs = pauseMsFirst;
  let isWarned = false;

  while (!signal.aborted) {
    try {
      const askedAt = clock.now();
      const { items, resourceVersion } = await list();
      given.onListed?.(items, askedAt);
      for (const item of items) given.onItem(item);
      pauseMs = pauseMsFirst;
      isWarned = false;
      await watchFrom(resourceVersion);
    } catch (error) {
      if (signal.aborted) return;
      // Once for each outage, and not for what every outage begins with.
      if (!isWarned && pauseMs > pauseMsFirst) {
        isWarned = true;
        given.onWarning(
          `${resource} of the cluster can not be watched now, ends are told by its list meanwhile: ${messageOf(error)}`,
        );
      }
    }
    await pause(pauseMs);
    pauseMs = Math.min(pauseMs * 2, pauseMsMax);
  }

  /** Returns where a new list is needed. */
  async function watchFrom(listed: string): Promise<void> {
    let resourceVersion = listed;
    let isStale = false;
    while (!signal.aborted && !isStale) {
      const startedAt = clock.now();
      const asked = {
        resource,
        query: { ...given.query, resourceVersion },
        timeoutSeconds: watchSeconds,
        signal,
      };
      try {
        await api.watch(asked, ({ type, object }) => {
          if (type === 'ERROR') {
            isStale = true;
            return;
          }
          resourceVersion = versioned.safeParse(object).data?.metadata.resourceVersion ?? resourceVersion;
          if (type !== 'BOOKMARK') take(type, object);
        });
      } catch (error) {
        if (error instanceof Refusal && error.status === 410) return;
        if (error instanceof Refusal || clock.now() - startedAt < shortMs) throw error;
        // It broke off after a while: it goes on from where it was.
      }
      if (!isStale && clock.now() - startedAt < shortMs) await pause(pauseMsFirst);
    }
  }

  function take(type: string, object: unknown): void {
    const read = given.schema.safeParse(object);
    if (!read.success) return;
    if (type === 'DELETED') given.onDeleted?.(read.data);
    else given.onItem(read.data);
  }

  function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const cancel = clock.after(delayMs, () => {
        signal.removeEventListener('abort', stop);
        resolve();
      });
      const stop = (): void => {
        cancel();
        resolve();
      };
      signal.addEventListener('abort', stop, { once: true });
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
