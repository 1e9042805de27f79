// Logs of runners out of CloudWatch Logs, with the credentials of whoever asks. The end of a log comes first, as that is
// what is wanted, and then, where it is followed, what is added to it.

import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  type GetLogEventsCommandOutput,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';

export interface LogRequest {
  /** The last so many; all that are added where it is followed. */
  linesMax: number;
  follow: boolean;
}

/** How the reader waits for more, and when it has had enough. */
export interface LogWaiting {
  pause(ms: number): Promise<void>;
  isStopped(): boolean;
}

/** CloudWatch Logs takes 10,000 at most for one page, and answers 1 MB at most. [CloudWatch Logs: GetLogEvents] */
const linesPerPageMax = 10_000;
/** Pages may be empty though there is more before them. */
const pagesMax = 200;
/** 25 requests a second are allowed for an account and region; machines ship every few seconds. [CloudWatch Logs: quotas] */
const followMs = 2_000;

/** `null`: there is no such group, or no such stream, and nobody waits for it. */
export async function readStream(
  client: CloudWatchLogsClient,
  { group, stream }: { group: string; stream: string },
  request: LogRequest,
  waiting: LogWaiting,
): Promise<AsyncGenerator<string> | null> {
  const of = { logGroupName: group, logStreamName: stream };
  const first = await tail();
  return first === null ? null : lines(first);

  async function* lines({ told, token }: Tail): AsyncGenerator<string> {
    yield* told;
    let next = token;
    while (request.follow && !waiting.isStopped()) {
      const page = await found(() =>
        client.send(new GetLogEventsCommand({ ...of, nextToken: next, startFromHead: true })),
      );
      yield* messagesOf(page);
      const after = page?.nextForwardToken ?? next;
      // The same one again is the end; a page may be empty before it.
      if (after === next) await waiting.pause(followMs);
      next = after;
    }
  }

  /** One that is followed may not have begun. */
  async function tail(): Promise<Tail | null> {
    const told: string[] = [];
    let backward: string | undefined;
    let forward: string | undefined;
    for (let pages = 0; pages < pagesMax && told.length < request.linesMax; pages += 1) {
      const limit = Math.min(linesPerPageMax, request.linesMax - told.length);
      const page = await found(() =>
        client.send(
          new GetLogEventsCommand(
            backward === undefined
              ? { ...of, limit, startFromHead: false }
              : { ...of, limit, nextToken: backward, startFromHead: true },
          ),
        ),
      );
      if (page === null && pages === 0) return request.follow ? { told, token: undefined } : null;
      told.unshift(...messagesOf(page));
      forward ??= page?.nextForwardToken;
      const before = page?.nextBackwardToken;
      if (before === undefined || before === backward) break;
      backward = before;
    }
    return { told, token: forward };
  }
}

interface Tail {
  told: string[];
  token: string | undefined;
}

/** Lambda's own lines, of which each stands in the same stream as all between. [Lambda: logs of a custom runtime] */
const startOf = (requestId: string) => `START RequestId: ${requestId}`;
const endOf = (requestId: string) => `END RequestId: ${requestId}`;

/** What one invocation has printed. `null`: its start is not in the log. */
export async function readInvocation(
  client: CloudWatchLogsClient,
  { group, requestId, sinceMs }: { group: string; requestId: string; sinceMs: number },
  request: LogRequest,
  waiting: LogWaiting,
): Promise<AsyncGenerator<string> | null> {
  const start = await findStart();
  return start === null ? null : lines(start);

  async function findStart(): Promise<{ stream: string; atMs: number } | null> {
    let nextToken: string | undefined;
    for (let pages = 0; pages < pagesMax; pages += 1) {
      const page = await found(() =>
        client.send(
          new FilterLogEventsCommand({
            logGroupName: group,
            filterPattern: `"${startOf(requestId)}"`,
            startTime: sinceMs,
            nextToken,
          }),
        ),
      );
      const [event] = page?.events ?? [];
      if (event?.logStreamName) return { stream: event.logStreamName, atMs: event.timestamp ?? sinceMs };
      nextToken = page?.nextToken;
      if (nextToken !== undefined) continue;
      if (!request.follow || waiting.isStopped()) return null;
      await waiting.pause(followMs);
    }
    return null;
  }

  async function* lines({ stream, atMs }: { stream: string; atMs: number }): AsyncGenerator<string> {
    let told: string[] = [];
    let isOver = false;
    let token: string | undefined;
    for (let pages = 0; !isOver && (request.follow || pages < pagesMax); pages += 1) {
      const page = await found(() =>
        client.send(
          new GetLogEventsCommand({
            ...{ logGroupName: group, logStreamName: stream, startFromHead: true },
            ...(token === undefined ? { startTime: atMs } : { nextToken: token }),
          }),
        ),
      );
      const messages = messagesOf(page);
      const begin = messages.findIndex((message) => message.startsWith(startOf(requestId)));
      const end = messages.findIndex((message) => message.startsWith(endOf(requestId)));
      isOver = end >= 0;
      told.push(...messages.slice(Math.max(0, begin), isOver ? end + 1 : undefined));
      const isAtEnd = page?.nextForwardToken === undefined || page.nextForwardToken === token;
      token = page?.nextForwardToken ?? token;
      if (request.follow) {
        yield* told;
        told = [];
        if (waiting.isStopped()) return;
        if (isAtEnd && !isOver) await waiting.pause(followMs);
      } else if (isAtEnd) break;
      else told = told.slice(-request.linesMax);
    }
    yield* told.slice(-request.linesMax);
  }
}

function messagesOf(page: GetLogEventsCommandOutput | null): string[] {
  return (page?.events ?? []).map(({ message = '' }) => message.replace(/\r?\n$/, ''));
}

async function found<Answer>(ask: () => Promise<Answer>): Promise<Answer | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return null;
    throw error;
  }
}
