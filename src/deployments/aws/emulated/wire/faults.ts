// What AWS does now and then and no emulator does by itself, put between the functions and the emulator. Answers are in
// the words of each service, so that the SDK takes them for what they are.
//
//   throttled     refused, nothing was done; the SDK tries again with back-off
//   conflict      DynamoDB: another transaction is at work on an item; nothing was done
//   failed        500, nothing was done
//   lostAnswer    done, and the connection is cut before the answer
//   heldAnswer    done, and the answer never comes
//   refusedInside the answer is 200, and says of each message of the batch that it was refused; nothing was done

import type { Call } from './call.ts';

export type FaultKind = 'throttled' | 'conflict' | 'failed' | 'lostAnswer' | 'heldAnswer' | 'refusedInside';

export interface Fault {
  kind: FaultKind;
  service: string;
  /** Any of these; all where it is left out. */
  operations?: readonly string[];
  /** Functions whose name begins so. */
  caller?: string;
  /** How many calls it hits; then it is over. */
  times: number;
  /** Of those that match, every so many-th alone. */
  every?: number;
}

export function matches(fault: Fault, call: Call): boolean {
  if (call.service !== fault.service) return false;
  if (fault.operations && !fault.operations.includes(call.operation)) return false;
  return fault.caller === undefined || (call.caller?.startsWith(fault.caller) ?? false);
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Of a call that is not passed on. */
export function refusal(
  kind: Exclude<FaultKind, 'lostAnswer' | 'heldAnswer'>,
  call: Call,
  body: Buffer,
): Answer {
  if (kind === 'refusedInside') return refusedInside(call, body);
  const { status, code, message, more } = words(kind, call, body);
  if (call.service === 'sns') return queryError(status, code, message);
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': requestId },
    body: JSON.stringify({ __type: code, message, Message: message, ...more }),
  };
}

/** [SNS: PublishBatch; SQS: SendMessageBatch]: each entry by its id, with a code, and whose fault it is. */
function refusedInside({ service, operation }: Call, body: Buffer): Answer {
  const code = 'InternalError';
  if (service === 'sqs') {
    const { Entries = [] } = JSON.parse(body.toString('utf8')) as { Entries?: { Id: string }[] };
    const failed = Entries.map(({ Id }) => ({ Id, Code: code, SenderFault: false, Message: 'We failed' }));
    return {
      status: 200,
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': requestId },
      body: JSON.stringify({ Successful: [], Failed: failed }),
    };
  }
  const ids = [...new URLSearchParams(body.toString('utf8'))].filter(([name]) =>
    /member\.\d+\.Id$/.test(name),
  );
  const failed = ids.map(
    ([, id]) =>
      `<member><Id>${id}</Id><Code>${code}</Code><SenderFault>false</SenderFault><Message>We failed</Message></member>`,
  );
  return {
    status: 200,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
    body:
      `<${operation}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><${operation}Result>` +
      `<Successful/><Failed>${failed.join('')}</Failed></${operation}Result>` +
      `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`,
  };
}

const requestId = '00000000-0000-4000-8000-000000000000';

interface Words {
  status: number;
  code: string;
  message: string;
  more?: Record<string, unknown>;
}

function words(kind: 'throttled' | 'conflict' | 'failed', call: Call, body: Buffer): Words {
  if (kind === 'failed') return { status: 500, code: internalError(call.service), message: 'We failed' };
  if (kind === 'conflict') return conflict(call, body);
  if (call.service === 'dynamodb') {
    return {
      status: 400,
      code: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException',
      message: 'The level of configured provisioned throughput for the table was exceeded',
    };
  }
  return { status: 400, code: 'ThrottlingException', message: 'Rate exceeded' };
}

function internalError(service: string): string {
  return service === 'dynamodb' ? 'com.amazonaws.dynamodb.v20120810#InternalServerError' : 'InternalFailure';
}

/** A transaction is cancelled with a reason for each item; a single write has an error of its own. */
function conflict({ operation }: Call, body: Buffer): Words {
  if (operation !== 'TransactWriteItems') {
    return {
      status: 400,
      code: 'com.amazonaws.dynamodb.v20120810#TransactionConflictException',
      message: 'Transaction is ongoing for the item',
    };
  }
  const { TransactItems: items = [] } = JSON.parse(body.toString('utf8')) as { TransactItems?: unknown[] };
  const reasons = items.map((_, index) =>
    index === 0
      ? { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }
      : { Code: 'None' },
  );
  return {
    status: 400,
    code: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map(({ Code }) => Code).join(', ')}]`,
    more: { CancellationReasons: reasons },
  };
}

function queryError(status: number, code: string, message: string): Answer {
  const type = status >= 500 ? 'Receiver' : 'Sender';
  return {
    status,
    headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId },
    body:
      '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">' +
      `<Error><Type>${type}</Type><Code>${code.replace('Exception', '')}</Code><Message>${message}</Message></Error>` +
      `<RequestId>${requestId}</RequestId></ErrorResponse>`,
  };
}
