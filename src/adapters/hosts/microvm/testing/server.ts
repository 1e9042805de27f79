// A stand-in of Lambda's MicroVMs that the real SDK talks to over HTTP, since no emulator has them: the protocol, the
// shapes and limits of the service's model, tokens, buckets, and faults as the test wants them. What the model does not
// say is as others have observed it, or as strict as it may be; the service itself was never asked.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Buckets, bodyOf, createBuckets, listenOnLoopback } from '../../testing.ts';
import { type Cloud, type CloudSettings, createCloud, type StandInImage, type StandInVm } from './cloud.ts';
import { type Input, type OperationName, readRequest } from './model.ts';
import { MicrovmRefusal } from './refusal.ts';

interface StandInCall {
  operation: OperationName;
  input: Input;
}

/**
 * What becomes of a call. `lose`: it is done, and the answer is lost. `drop`: it does not arrive. `hold`: it is done when
 * the promise says so, and answered then.
 */
export type Fate =
  | 'pass'
  | 'lose'
  | 'drop'
  | { code: string; status?: number; retryAfterSeconds?: number }
  | { hold: Promise<void> };

export interface StandInSettings extends CloudSettings {
  /** Calls of an operation: so many at once, then so many a second. */
  buckets?: Buckets<OperationName>;
  /** Pages are no larger than this, whatever is asked for. */
  pageSize?: number;
  fate?: (call: StandInCall, calls: readonly StandInCall[]) => Fate;
}

export interface MicrovmStandIn {
  endpoint: string;
  cloud: Cloud;
  calls: StandInCall[];
  countOf(operation: OperationName): number;
  close(): Promise<void>;
}

/** What Lambda grants an account: five launches at once, and five a second. [Service Quotas: L-535CA9B6, L-91B95582] */
export const launchBucket = { RunMicrovm: { burst: 5, perSecond: 5 } } as const;

const bodyBytesMax = 100_000;
const pageSizeDefault = 50;

export async function startMicrovmStandIn(settings: StandInSettings): Promise<MicrovmStandIn> {
  const cloud = createCloud(settings);
  const calls: StandInCall[] = [];
  const tokens = new Map<string, { asked: string; answer: object }>();
  const mayCall = createBuckets(settings.clock, settings.buckets ?? {});

  /** The same token in the same terms has done it already; in others it is a conflict. What was refused was not done. */
  function once(operation: OperationName, input: Input, act: () => object): object {
    const token = input['clientToken'];
    if (token === undefined) return act();
    const asked = JSON.stringify(input);
    const known = tokens.get(`${operation} ${String(token)}`);
    if (known && known.asked !== asked)
      throw new MicrovmRefusal('ConflictException', 'The client token was used with other parameters.');
    if (known) return known.answer;
    const answer = act();
    tokens.set(`${operation} ${String(token)}`, { asked, answer });
    return answer;
  }

  function perform({ operation, input }: StandInCall): object {
    if (!mayCall(operation)) {
      const { perSecond = 0 } = settings.buckets?.[operation] ?? {};
      const after = perSecond > 0 ? { retryAfterSeconds: Math.ceil(1 / perSecond) } : {};
      throw new MicrovmRefusal('ThrottlingException', 'Rate exceeded', after);
    }
    const id = String(input['microvmIdentifier']);
    switch (operation) {
      case 'RunMicrovm':
        return once(operation, input, () => described(run(cloud, input)));
      case 'GetMicrovm':
        return described(cloud.get(id));
      case 'ListMicrovms':
        return list(cloud, input, settings.pageSize ?? pageSizeDefault);
      case 'SuspendMicrovm':
        cloud.suspend(id);
        return {};
      case 'ResumeMicrovm':
        cloud.resume(id);
        return {};
      case 'TerminateMicrovm':
        cloud.terminate(id);
        return {};
      case 'CreateMicrovmImage':
        return once(operation, input, () => ({ ...imageAnswer(create(cloud, input)), ...input }));
      case 'GetMicrovmImage':
        return imageAnswer(cloud.image(String(input['imageIdentifier'])));
      default:
        return operation satisfies never;
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request, bodyBytesMax);
    try {
      const url = new URL(request.url ?? '/', 'http://stand-in');
      const { operation, input, status } = readRequest(request.method ?? '', url, body);
      const call = { operation, input };
      calls.push(call);
      const fate = settings.fate?.(call, calls) ?? 'pass';
      if (fate === 'drop') return void request.socket.destroy();
      if (!/^AWS4-HMAC-SHA256 .*\/lambda\/aws4_request/.test(request.headers.authorization ?? ''))
        throw new MicrovmRefusal('AccessDeniedException', 'The request is not signed for lambda');
      if (typeof fate === 'object' && 'code' in fate)
        throw new MicrovmRefusal(fate.code, 'as the test wants it', fate);
      const made = perform(call);
      if (typeof fate === 'object') await fate.hold;
      if (fate === 'lose') return void request.socket.destroy();
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(made));
    } catch (error) {
      const { code, message, status, retryAfterSeconds } =
        error instanceof MicrovmRefusal
          ? error
          : new MicrovmRefusal('InternalServerException', String(error));
      response.writeHead(status, {
        'content-type': 'application/json',
        'x-amzn-errortype': code,
        ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      });
      response.end(JSON.stringify({ message }));
    }
  }

  const server = await listenOnLoopback(handle);
  return {
    endpoint: server.endpoint,
    cloud,
    calls,
    countOf: (operation) => calls.filter((call) => call.operation === operation).length,
    async close() {
      cloud.close();
      await server.close();
    },
  };
}

function run(cloud: Cloud, input: Input): StandInVm {
  const logging = input['logging'] as { cloudWatch?: object } | undefined;
  if (logging?.cloudWatch && input['executionRoleArn'] === undefined)
    throw new MicrovmRefusal(
      'ValidationException',
      'Logging cannot be enabled without providing executionRoleArn',
    );
  const idle = input['idlePolicy'] as { maxIdleDurationSeconds: number } | undefined;
  return cloud.run({
    image: String(input['imageIdentifier']),
    version: input['imageVersion'] as string | undefined,
    payload: String(input['runHookPayload'] ?? ''),
    lifeSeconds: input['maximumDurationInSeconds'] as number | undefined,
    idleSeconds: idle?.maxIdleDurationSeconds,
  });
}

function create(cloud: Cloud, input: Input): StandInImage {
  const [size] = (input['resources'] as { minimumMemoryInMiB: number }[] | undefined) ?? [];
  return cloud.build(String(input['name']), size?.minimumMemoryInMiB ?? 2048);
}

function described(vm: StandInVm): object {
  return {
    ...summary(vm),
    endpoint: `https://${vm.id}.lambda-microvm.eu-west-1.on.aws`,
    maximumDurationInSeconds: vm.lifeSeconds,
    stateReason: vm.reason,
    ...(vm.terminatedAt !== null && { terminatedAt: vm.terminatedAt / 1000 }),
  };
}

function summary({ id, state, image, version, startedAt }: StandInVm) {
  return { microvmId: id, state, imageArn: image.arn, imageVersion: version, startedAt: startedAt / 1000 };
}

function imageAnswer({ arn, name, state, version, createdAt }: StandInImage): object {
  return {
    imageArn: arn,
    name,
    state,
    createdAt: createdAt / 1000,
    imageVersion: version,
    ...(state === 'CREATED' && { latestActiveImageVersion: version }),
  };
}

function list(cloud: Cloud, input: Input, pageSizeMax: number): object {
  const wanted = input['imageIdentifier'];
  const vms = cloud
    .visible()
    .filter(({ image }) => wanted === undefined || image.arn === wanted || image.name === wanted);
  const from = Number(input['nextToken'] ?? 0);
  const to = from + Math.min(Number(input['maxResults'] ?? pageSizeDefault), pageSizeMax);
  return { items: vms.slice(from, to).map(summary), ...(to < vms.length && { nextToken: String(to) }) };
}
