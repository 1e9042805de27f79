// W3C trace context: `00-<trace id>-<span id>-<flags>`. A job's trace begins with its first event, and each runner's
// part of it has a span of its own. The root's span id is the second half of the trace id: so whoever has any part of a
// trace knows its root.

const traceparentLength = '00-'.length + 32 + '-'.length + 16 + '-01'.length;

export interface TraceContext {
  traceId: string;
  spanId: string;
  /** The root of this trace; `null` where this is it. */
  parentId: string | null;
  sampled: boolean;
}

/**
 * A new span of the parent's trace; a new trace where there is no parent, kept with the probability `ratio`. `random`
 * gives [0, 1).
 */
export function makeTraceparent(parent: string | null, random: () => number, ratio = 1): string {
  const from = parent === null ? null : parseTraceparent(parent);
  if (parent !== null && from) return `00-${from.traceId}-${hex(random, 8)}-${parent.slice(-2)}`;
  const trace = `${hex(random, 8)}${hex(random, 8)}`;
  return `00-${trace}-${rootOf(trace)}-${random() < ratio ? '01' : '00'}`;
}

/** `null` for what is none. It is asked for each item of each commit, which is why it is no regular expression. */
export function parseTraceparent(traceparent: string): TraceContext | null {
  if (traceparent.length !== traceparentLength || !traceparent.startsWith('00-')) return null;
  if (!isHex(traceparent, 3, 35) || !isHex(traceparent, 36, 52) || !isHex(traceparent, 53, 55)) return null;
  if (traceparent[35] !== '-' || traceparent[52] !== '-') return null;
  const traceId = traceparent.slice(3, 35);
  const spanId = traceparent.slice(36, 52);
  const root = rootOf(traceId);
  return {
    traceId,
    spanId,
    parentId: spanId === root ? null : root,
    sampled: hasSampledFlag(traceparent),
  };
}

/** Whether this trace is kept: its spans are told, and steps are stored for it. */
export function isSampled(traceparent: string): boolean {
  return traceparent.length === traceparentLength && hasSampledFlag(traceparent);
}

function hasSampledFlag(traceparent: string): boolean {
  return oddDigits.includes(traceparent.charAt(traceparentLength - 1));
}

const oddDigits = '13579bdf';

function isHex(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const code = text.charCodeAt(at);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isDigit && !(code >= 0x61 && code <= 0x66)) return false;
  }
  return true;
}

/** The id of a part of a span, by what it is: the same each time that it is asked for. Twice FNV-1a of 32 bits. */
export function spanIdOf(parentId: string, name: string): string {
  let upper = 0x811c9dc5;
  let lower = 0xcbf29ce4;
  for (const text of [parentId, name]) {
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      upper = Math.imul(upper ^ code, 0x01000193);
      lower = Math.imul(lower ^ code, 0x85ebca6b);
    }
  }
  return hexOfWord(upper) + hexOfWord(lower);
}

function hexOfWord(word: number): string {
  const byte = (shift: number) => hexOfByte[(word >>> shift) & 0xff];
  return `${byte(24)}${byte(16)}${byte(8)}${byte(0)}`;
}

function rootOf(traceId: string): string {
  return traceId.slice(16);
}

function hex(random: () => number, bytes: number): string {
  let text = '';
  for (let i = 0; i < bytes; i += 1) text += hexOfByte[Math.floor(random() * 256)];
  // All zero is not a valid id.
  return /^0+$/.test(text) ? `${text.slice(0, -1)}1` : text;
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
