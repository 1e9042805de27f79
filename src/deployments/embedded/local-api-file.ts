// Where the local API listens, and the token that it asks for: one file of the data directory, for its owner alone. The
// process writes it, the `runners` command reads it.

import { z } from 'zod';

export const localApiFile = 'local-api.json';

/** `url` is `null` while nothing listens. The token stays for the next start; the port may be somebody else's by then. */
export const localApiAddress = z.object({
  url: z.url({ protocol: /^http$/, hostname: /^127\.0\.0\.1$/ }).nullable(),
  token: z.string().min(32).max(200),
});

export type LocalApiAddress = z.output<typeof localApiAddress>;
