// The App's own webhook: where GitHub sends what it tells, and what it signs that with. Only whoever deploys changes it.

import { z } from 'zod';
import { demand, type Requests } from './requests.ts';

interface HookChange {
  url: string;
  /** What webhooks are signed with from now on. GitHub never shows it. */
  secret: string;
}

export interface Hook {
  /** Where webhooks go now; `null`: nowhere yet. */
  readHookUrl(): Promise<string | null>;
  setHook(change: HookChange): Promise<void>;
}

export function createHook(requests: Requests): Hook {
  return {
    async readHookUrl() {
      const { data } = await demand(requests, {
        caller: 'app',
        route: 'GET /app/hook/config',
        reads: hookSchema,
      });
      return data.url ? data.url : null;
    },

    async setHook({ url, secret }) {
      await demand(requests, {
        caller: 'app',
        route: 'PATCH /app/hook/config',
        // As `data`, the whole body: among parameters Octokit would take `url` for the address to send this to. Without
        // `content_type` webhooks would be forms.
        parameters: { data: { url, secret, content_type: 'json', insecure_ssl: '0' } },
        reads: hookSchema,
      });
    },
  };
}

const hookSchema = z.object({ url: z.string().nullish() });
