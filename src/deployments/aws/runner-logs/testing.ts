// A stand-in for CloudWatch Logs, in memory: streams with their events, answered in pages with tokens as the service
// does, empty pages and the token of the end included. It knows what reading logs needs, and nothing else.

import {
  type CloudWatchLogsClient,
  FilterLogEventsCommand,
  GetLogEventsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-cloudwatch-logs';

interface LogEvent {
  timestamp: number;
  message: string;
}

export interface StandInLogs {
  client: CloudWatchLogsClient;
  put(group: string, stream: string, timestamp: number, ...messages: string[]): void;
  /** Requests so far. */
  asked(): number;
}

/** `pageMax`: of lines on one page, far fewer than the service has; before each there is an empty one. */
export function createStandInLogs({ pageMax }: { pageMax: number }): StandInLogs {
  const groups = new Map<string, Map<string, LogEvent[]>>();
  let asked = 0;

  function eventsOf(group: string | undefined, stream: string | undefined): LogEvent[] {
    const events = groups.get(group ?? '')?.get(stream ?? '');
    if (events) return events;
    throw new ResourceNotFoundException({
      message: 'The specified log stream does not exist.',
      $metadata: {},
    });
  }

  /** A token is `f` or `b`, the place that it stands at, and whether its empty page was told. */
  function getLogEvents({ input }: GetLogEventsCommand) {
    const all = eventsOf(input.logGroupName, input.logStreamName);
    const events =
      input.startTime === undefined
        ? all
        : all.filter(({ timestamp }) => timestamp >= (input.startTime ?? 0));
    const offset = all.length - events.length;
    const most = Math.min(pageMax, input.limit ?? pageMax);
    const [, way = '', place = '', told = ''] = /^([fb])(\d+)(e?)$/.exec(input.nextToken ?? '') ?? [];
    const isFirst = way === '';
    const isForward = isFirst ? input.startFromHead === true : way === 'f';
    const at = isFirst ? (isForward ? offset : all.length) : Number(place);
    if (!isFirst && told === '' && (isForward ? at < all.length : at > 0))
      return { events: [], nextForwardToken: `f${at}e`, nextBackwardToken: `b${at}e` };
    const from = isForward ? at : Math.max(0, at - most);
    const until = isForward ? Math.min(all.length, at + most) : at;
    const isEnd = from === until;
    return {
      events: all.slice(from, until),
      nextForwardToken: isEnd && isForward && !isFirst ? input.nextToken : `f${until}`,
      nextBackwardToken: isEnd && !isForward && !isFirst ? input.nextToken : `b${from}`,
    };
  }

  function filterLogEvents({ input }: FilterLogEventsCommand) {
    const streams = groups.get(input.logGroupName ?? '');
    if (!streams) throw new ResourceNotFoundException({ message: 'no such group', $metadata: {} });
    const wanted = (input.filterPattern ?? '').replace(/^"|"$/g, '');
    const events = [...streams].flatMap(([logStreamName, all]) =>
      all
        .filter(({ timestamp, message }) => timestamp >= (input.startTime ?? 0) && message.includes(wanted))
        .map((event) => ({ ...event, logStreamName })),
    );
    // The service searches on though a page has nothing yet.
    return input.nextToken === undefined ? { events: [], nextToken: 'more' } : { events };
  }

  return {
    asked: () => asked,
    put(group, stream, timestamp, ...messages) {
      const streams = groups.get(group) ?? new Map<string, LogEvent[]>();
      groups.set(group, streams);
      const events = streams.get(stream) ?? [];
      streams.set(stream, [...events, ...messages.map((message) => ({ timestamp, message }))]);
    },
    client: {
      async send(command: unknown) {
        asked += 1;
        if (command instanceof GetLogEventsCommand) return getLogEvents(command);
        if (command instanceof FilterLogEventsCommand) return filterLogEvents(command);
        throw new Error('this stand-in knows GetLogEvents and FilterLogEvents alone');
      },
    } as unknown as CloudWatchLogsClient,
  };
}
