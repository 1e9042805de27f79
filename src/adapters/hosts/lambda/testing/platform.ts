// What Lambda is between an asynchronous call and the record of its end, in memory: a queue with ages, concurrency,
// time-outs, one try, results to a destination, and events that it runs twice. A stand-in: what runs in a function is
// whatever program a test gives it, in this process or as a process of its own (environment.ts).

import { randomUUID } from 'node:crypto';
import type { Clock } from '../../../../ports/clock.ts';

export interface FunctionSettings {
  name: string;
  timeoutSeconds: number;
  eventAgeSecondsMax: number;
  /** `null`: as much as is asked for. */
  reservedConcurrency: number | null;
  tenantIsolation: boolean;
  program: Program;
}

/** Runs one invocation. */
export type Program = (invocation: Invocation) => Running;

export interface Invocation {
  requestId: string;
  functionArn: string;
  payload: string;
  tenantId: string | null;
  deadlineAt: number;
}

export interface Running {
  /** What Lambda takes for its end: an answer, an error, or the end of the process. */
  result: Promise<Result>;
  /** The environment can be used again, or is gone: concurrency is held until then. */
  free: Promise<void>;
  /** At the time-out. */
  kill(): void;
}

export type Result =
  | { kind: 'answered'; payload: string }
  | { kind: 'failed'; errorType: string; errorMessage: string };

/** As EventBridge delivers a destination's record. */
export type ResultEvent = Readonly<Record<string, unknown>>;

export interface PlatformSettings {
  clock: Clock;
  functions?: readonly FunctionSettings[];
  /** Of a function that is not among them; for names that a deploy has made. */
  functionOf?: (name: string) => FunctionSettings | undefined;
  /** As ARNs name it. */
  place?: { account: string; region: string };
  onResult?: (event: ResultEvent) => void;
}

export interface Platform {
  /** Takes the event, and answers with its request id. Throws `LambdaRefusal`. */
  enqueue(functionName: string, given: { payload: string; tenantId: string | null; times?: number }): string;
  /** Of all functions: invocations that have begun and hold an environment. */
  running(): readonly Invocation[];
  /** Holds events back, as if there were no concurrency. */
  hold(isHeld: boolean): void;
  /** Most that ran at the same time, of this function. */
  mostAtOnce(functionName: string): number;
  close(): void;
}

export class LambdaRefusal extends Error {
  readonly code: string;
  readonly status: number;

  constructor(code: string, message: string, status: number) {
    super(message);
    this.name = 'LambdaRefusal';
    this.code = code;
    this.status = status;
  }
}

const placeDefault = { account: '123456789012', region: 'eu-west-1' };
/** [Lambda: quotas, asynchronous payload] */
const payloadBytesMax = 1_048_576;
/** Lambda tries again what found no concurrency, at first after a second. */
const queueLookMs = 1_000;

interface Queued {
  settings: FunctionSettings;
  invocation: Omit<Invocation, 'deadlineAt'>;
  since: number;
}

export function createPlatform(given: PlatformSettings): Platform {
  const { clock, functions = [], functionOf, onResult = () => {} } = given;
  const { account, region } = given.place ?? placeDefault;
  const byName = new Map(functions.map((settings) => [settings.name, settings]));
  const active = new Map<Running, { invocation: Invocation; functionName: string }>();
  const most = new Map<string, number>();
  const queue: Queued[] = [];
  let isHeld = false;
  let isClosed = false;
  let stopLooking: (() => void) | null = null;

  const activeOf = (name: string): number =>
    [...active.values()].filter(({ functionName }) => functionName === name).length;

  function look(): void {
    stopLooking?.();
    stopLooking = null;
    if (isClosed) return;
    for (const queued of queue.splice(0)) {
      const { settings, invocation, since } = queued;
      if (clock.now() - since >= settings.eventAgeSecondsMax * 1_000) {
        tell(invocation, 'EventAgeExceeded', null);
      } else if (
        !isHeld &&
        activeOf(settings.name) < (settings.reservedConcurrency ?? Number.POSITIVE_INFINITY)
      ) {
        start(queued);
      } else {
        queue.push(queued);
      }
    }
    if (queue.length > 0) stopLooking = clock.after(queueLookMs, look);
  }

  function start({ settings, invocation: asked }: Queued): void {
    const invocation = { ...asked, deadlineAt: clock.now() + settings.timeoutSeconds * 1_000 };
    const running = settings.program(invocation);
    active.set(running, { invocation, functionName: settings.name });
    most.set(settings.name, Math.max(most.get(settings.name) ?? 0, activeOf(settings.name)));
    let isTold = false;
    const told = (result: Result): void => {
      if (!isTold) tell(invocation, result.kind === 'answered' ? 'Success' : 'RetriesExhausted', result);
      isTold = true;
    };
    const stopTimeout = clock.after(settings.timeoutSeconds * 1_000, () => {
      running.kill();
      const errorMessage = `RequestId: ${asked.requestId} Error: Task timed out after ${settings.timeoutSeconds}.00 seconds`;
      told({ kind: 'failed', errorType: 'Sandbox.Timedout', errorMessage });
    });
    void running.result.then(told);
    void running.free.then(() => {
      stopTimeout();
      active.delete(running);
      look();
    });
  }

  function tell(invocation: Omit<Invocation, 'deadlineAt'>, condition: string, result: Result | null): void {
    if (isClosed) return;
    const at = new Date(clock.now()).toISOString();
    const isSuccess = condition === 'Success';
    const functionArn = `${invocation.functionArn}:$LATEST`;
    onResult({
      version: '0',
      id: randomUUID(),
      'detail-type': `Lambda Function Invocation Result - ${isSuccess ? 'Success' : 'Failure'}`,
      source: 'lambda',
      account,
      region,
      time: at.replace(/\.\d+Z$/, 'Z'),
      resources: [`arn:aws:events:${region}:${account}:event-bus/default`, functionArn],
      detail: {
        version: '1.0',
        timestamp: at,
        requestContext: {
          requestId: invocation.requestId,
          functionArn,
          condition,
          approximateInvokeCount: result === null ? 0 : 1,
        },
        requestPayload: JSON.parse(invocation.payload),
        ...(result && {
          responseContext: {
            statusCode: 200,
            executedVersion: '$LATEST',
            ...(!isSuccess && { functionError: 'Unhandled' }),
          },
          responsePayload:
            result.kind === 'answered'
              ? parsed(result.payload)
              : { errorType: result.errorType, errorMessage: result.errorMessage },
        }),
      },
    });
  }

  return {
    enqueue(functionName, { payload, tenantId, times = 1 }) {
      const settings = byName.get(functionName) ?? functionOf?.(functionName);
      const functionArn = `arn:aws:lambda:${region}:${account}:function:${functionName}`;
      if (!settings)
        throw new LambdaRefusal('ResourceNotFoundException', `Function not found: ${functionArn}`, 404);
      if (settings.tenantIsolation !== (tenantId !== null))
        throw new LambdaRefusal(
          'InvalidParameterValueException',
          settings.tenantIsolation
            ? 'The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.'
            : 'The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request and try again.',
          400,
        );
      if (Buffer.byteLength(payload) > payloadBytesMax)
        throw new LambdaRefusal(
          'RequestTooLargeException',
          'Request must be smaller than 1048576 bytes',
          413,
        );
      if (!isJson(payload))
        throw new LambdaRefusal(
          'InvalidRequestContentException',
          'Could not parse request body into json',
          400,
        );
      const requestId = randomUUID();
      const invocation = { requestId, functionArn, payload, tenantId };
      for (let i = 0; i < times; i += 1) queue.push({ settings, invocation, since: clock.now() });
      look();
      return requestId;
    },
    running: () => [...active.values()].map(({ invocation }) => invocation),
    hold(held) {
      isHeld = held;
      look();
    },
    mostAtOnce: (name) => most.get(name) ?? 0,
    close() {
      isClosed = true;
      stopLooking?.();
      for (const running of active.keys()) running.kill();
    },
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
