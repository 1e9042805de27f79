/** What a door answers, whatever carries it: HTTP, API Gateway, or a call in process. */
export interface Answer {
  status: number;
  body: Readonly<Record<string, unknown>>;
  retryAfterSeconds?: number;
}
