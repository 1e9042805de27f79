/** What a look found out about the next one. `null`: there is nothing here to look at any more. */
export type Next = { afterMs: number; state?: unknown } | null;
