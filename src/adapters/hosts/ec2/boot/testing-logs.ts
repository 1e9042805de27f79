// CloudWatch Logs for boot scripts, as far as they use it: it makes streams, takes events, and refuses what AWS would
// refuse: another signature, a header of AWS's that is not signed, a stream that is not there, too much in one call.

import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';

export const profile = {
  AccessKeyId: 'ASIAEXAMPLE',
  SecretAccessKey: 'a/secret+of=the/profile',
  Token: 'IQoJb3JpZ2lu/a+session=token',
};
export const region = 'eu-west-1';

const callSchema = z.object({
  logGroupName: z.string(),
  logStreamName: z.string().regex(/^[^:*]{1,512}$/),
  logEvents: z.array(z.object({ timestamp: z.int(), message: z.string().min(1) })).optional(),
});

const bytesMax = 1_048_576;
const bytesOfEvent = 26;
const eventsMax = 10_000;

export interface LogsStandIn {
  /** Messages, by group and stream: `/group name/console`. */
  streams: Map<string, string[]>;
  /** What it refused, and why. */
  refusals: string[];
  /** The status of the answer. */
  answer(request: IncomingMessage, body: Buffer): number;
}

export function createLogsStandIn(refuse: (target: string) => boolean = () => false): LogsStandIn {
  const streams = new Map<string, string[]>();
  const refusals: string[] = [];

  function wrong(request: IncomingMessage, body: Buffer): string | null {
    const target = String(request.headers['x-amz-target']);
    if (refuse(target)) return 'throttled';
    const unsigned = wrongSignature(request, body);
    if (unsigned !== null) return unsigned;
    const {
      logGroupName,
      logStreamName,
      logEvents = [],
    } = callSchema.parse(JSON.parse(body.toString('utf8')));
    const key = `${logGroupName} ${logStreamName}`;
    const stream = streams.get(key);
    if (target === 'Logs_20140328.CreateLogStream') {
      if (stream) return 'ResourceAlreadyExistsException';
      streams.set(key, []);
      return null;
    }
    if (target !== 'Logs_20140328.PutLogEvents') return `an unknown call: ${target}`;
    if (!stream) return 'ResourceNotFoundException';
    const bytes = logEvents.reduce((sum, { message }) => sum + Buffer.byteLength(message) + bytesOfEvent, 0);
    if (logEvents.length === 0 || logEvents.length > eventsMax || bytes > bytesMax)
      return `InvalidParameterException: ${logEvents.length} events, ${bytes} bytes`;
    stream.push(...logEvents.map(({ message }) => message));
    return null;
  }

  return {
    streams,
    refusals,
    answer(request, body) {
      const why = wrong(request, body);
      if (why !== null) refusals.push(why);
      return why === null ? 200 : 400;
    },
  };
}

/** [AWS: Create a signed AWS API request] */
function wrongSignature({ headers, method, url }: IncomingMessage, body: Buffer): string | null {
  const given = /^AWS4-HMAC-SHA256 Credential=(.+), ?SignedHeaders=(.+), ?Signature=([0-9a-f]{64})$/.exec(
    headers.authorization ?? '',
  );
  if (!given) return `no signature: ${headers.authorization}`;
  const [, credential = '', signedNames = '', signature = ''] = given;
  const [id, day = '', ...scope] = credential.split('/');
  if (id !== profile.AccessKeyId || scope.join('/') !== `${region}/logs/aws4_request`)
    return `of another: ${credential}`;
  if (headers['x-amz-security-token'] !== profile.Token) return 'no session token';
  const signed = signedNames.split(';');
  const mustBe = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  const missed = mustBe.filter((name) => !signed.includes(name));
  if (missed.length > 0) return `not signed: ${missed.join(', ')}`;
  const canonical = [
    ...[method, url, ''],
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    ...['', signedNames, sha256(body)],
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], [day, ...scope].join('/'), sha256(canonical)];
  const key = [day, ...scope].reduce<string | Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${profile.SecretAccessKey}`,
  );
  const right = createHmac('sha256', key).update(text.join('\n')).digest('hex');
  return right === signature ? null : 'another signature';
}

function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}
