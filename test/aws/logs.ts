// What the deployed functions wrote, as the emulator keeps it for CloudWatch Logs.

import { z } from 'zod';

export interface LogLine {
  /** `/aws/lambda/…`, or the function's own. */
  group: string;
  text: string;
}

const groupsSchema = z.object({
  logGroups: z.array(z.object({ logGroupName: z.string() })),
  nextToken: z.string().nullish(),
});
const eventsSchema = z.object({
  events: z.array(z.object({ message: z.string() })),
  nextToken: z.string().nullish(),
});

/** Pages of one listing: a run of some jobs has a few. */
const pagesMax = 200;

export async function logLinesOf(endpoint: string): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for (const page of await pages(endpoint, 'DescribeLogGroups', {}, groupsSchema))
    for (const { logGroupName: group } of page.logGroups)
      for (const { events } of await pages(
        endpoint,
        'FilterLogEvents',
        { logGroupName: group },
        eventsSchema,
      ))
        for (const { message } of events)
          lines.push(
            ...message
              .split('\n')
              .filter((text) => text.trim() !== '')
              .map((text) => ({ group, text })),
          );
  return lines;
}

async function pages<Page extends { nextToken?: string | null | undefined }>(
  endpoint: string,
  operation: string,
  input: object,
  schema: z.ZodType<Page>,
): Promise<Page[]> {
  const all: Page[] = [];
  for (let nextToken: string | null | undefined; all.length < pagesMax; ) {
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `Logs_20140328.${operation}`,
        // The emulator looks at the service's name, and checks no signature.
        authorization: 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request',
      },
      body: JSON.stringify({ ...input, ...(nextToken ? { nextToken } : {}) }),
    });
    const page = schema.parse(await answer.json());
    all.push(page);
    nextToken = page.nextToken;
    if (!nextToken) return all;
  }
  throw new Error(`${operation} has more than ${pagesMax} pages`);
}
