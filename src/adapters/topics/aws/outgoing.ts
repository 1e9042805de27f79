// A message as SNS and SQS take it. All messages of a call are made, and so checked, before the first is sent.

import { createHash } from 'node:crypto';
import type { OutgoingMessage } from '../../../ports/queue.ts';

/** Where messages go, in the words of an error: the topic's ARN or the queue's URL, and what it can do. */
export interface Target {
  name: string;
  fifo: boolean;
  /** A standard queue has a delay for each message; a topic and a FIFO queue have none. */
  delays: boolean;
}

/** What a message is given that it does not bring itself. */
export interface Given {
  makeId(): string;
  /** The trace that this call is part of; nobody counts on it. */
  traceparent?: (() => string | null) | undefined;
}

export interface Outgoing {
  body: string;
  attributes: Record<string, { DataType: 'String'; StringValue: string }>;
  /** FIFO only, and then always. */
  fifo: { group: string; deduplicationId: string } | null;
  delaySeconds: number;
  /** As SNS and SQS count: the body and the names, types and values of the attributes, in UTF-8. */
  sizeBytes: number;
}

/**
 * A call of SNS takes 256 KiB, all its messages together, and a message by default no more. SQS takes 1 MiB
 * since 2025, but what came by a topic and is brought back from the dead letters has to fit as well.
 */
export const sizeBytesMax = 256 * 1024;

/** Ten attributes a message at SQS; with raw delivery, SNS drops a message that has more. One is the trace's. */
const attributesMax = 9;

/** SQS's own limit, 15 minutes. */
const delayMsMax = 900_000;

/** Groups and deduplication ids: up to 128 letters, digits and marks of ASCII. */
const idPattern = /^[\x21-\x7e]{1,128}$/;

const attributeNamePattern = /^[A-Za-z0-9_-](?:[A-Za-z0-9_.-]{0,254}[A-Za-z0-9_-])?$/;

export function outgoing<Body>(target: Target, message: OutgoingMessage<Body>, given: Given): Outgoing {
  const body = jsonOf(target, message.body);
  const attributes = attributesOf(target, message, given);
  const made: Outgoing = {
    body,
    attributes,
    fifo: target.fifo ? fifoOf(target, message, given) : null,
    delaySeconds: delayOf(target, message),
    sizeBytes: sizeOf(body, attributes),
  };
  if (made.sizeBytes > sizeBytesMax) {
    throw new RangeError(
      `${target.name}: a message of ${made.sizeBytes} bytes; allowed are ${sizeBytesMax}: send less in one message`,
    );
  }
  return made;
}

function jsonOf(target: Target, body: unknown): string {
  const json: string | undefined = JSON.stringify(body);
  if (json === undefined) {
    throw new TypeError(`${target.name}: a body that is ${typeof body}: a message holds what JSON can carry`);
  }
  // SQS takes what XML 1.0 takes. JSON escapes all that is not in it, but for these two.
  return json.replace(/[\ufffe\uffff]/g, (unit) => (unit === '\ufffe' ? '\\ufffe' : '\\uffff'));
}

function attributesOf(
  target: Target,
  { attributes = {} }: OutgoingMessage<unknown>,
  { traceparent }: Given,
): Outgoing['attributes'] {
  const own = Object.entries(attributes);
  if (own.length > attributesMax) {
    throw new RangeError(`${target.name}: ${own.length} attributes; allowed are ${attributesMax}`);
  }
  const made: Outgoing['attributes'] = {};
  const trace = traceparent?.() ?? null;
  if (trace !== null) made['traceparent'] = { DataType: 'String', StringValue: trace };
  for (const [name, value] of own) {
    if (!attributeNamePattern.test(name)) {
      throw new RangeError(
        `${target.name}: an attribute named ${JSON.stringify(name)}; allowed are 256 letters, digits, _ - and .`,
      );
    }
    if (value === '') {
      throw new RangeError(
        `${target.name}: attribute ${name} is empty; leave it out, as an empty one is refused`,
      );
    }
    made[name] = { DataType: 'String', StringValue: value };
  }
  return made;
}

function fifoOf(target: Target, { group, deduplicationId }: OutgoingMessage<unknown>, { makeId }: Given) {
  if (!group) throw new RangeError(`${target.name}: a message without a group; give one, as this is FIFO`);
  if (!idPattern.test(group)) {
    throw new RangeError(
      `${target.name}: a group named ${JSON.stringify(group)}; allowed are 128 letters, digits and marks of ASCII`,
    );
  }
  // Without one, every message is new, and an id made here lets a repeated call send it once all the same.
  const id = deduplicationId ?? makeId();
  return { group, deduplicationId: idPattern.test(id) ? id : hashOf(id) };
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** In whole seconds, as SQS counts them: rather a little late than early. */
function delayOf(target: Target, { delayMs = 0 }: OutgoingMessage<unknown>): number {
  if (!target.delays && delayMs !== 0) {
    throw new RangeError(
      `${target.name}: a message with a delay of ${delayMs} ms; only a standard queue has one: send it to the queue`,
    );
  }
  if (!(delayMs >= 0 && delayMs <= delayMsMax)) {
    throw new RangeError(
      `${target.name}: a message with a delay of ${delayMs} ms; allowed is 0 to ${delayMsMax}`,
    );
  }
  return Math.ceil(delayMs / 1_000);
}

function sizeOf(body: string, attributes: Outgoing['attributes']): number {
  let bytes = Buffer.byteLength(body);
  for (const [name, { DataType, StringValue }] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(DataType) + Buffer.byteLength(StringValue);
  }
  return bytes;
}
