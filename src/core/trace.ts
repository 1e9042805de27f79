// W3C trace context: `00-<trace id>-<span id>-<flags>`. A job's trace begins with its first event, and each runner's
// part of it has a span of its own. The root's span id is the second half of the trace id: so whoever has any part of a
// trace knows its root.

const traceparentPattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

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
  const match = parent ? traceparentPattern.exec(parent) : null;
  if (match) return `00-${match[1]}-${hex(random, 8)}-${match[3]}`;
  const trace = `${hex(random, 8)}${hex(random, 8)}`;
  return `00-${trace}-${rootOf(trace)}-${random() < ratio ? '01' : '00'}`;
}

/** `null` for what is none. */
export function parseTraceparent(traceparent: string): TraceContext | null {
  const match = traceparentPattern.exec(traceparent);
  if (!match?.[1] || !match[2] || !match[3]) return null;
  const root = rootOf(match[1]);
  return {
    traceId: match[1],
    spanId: match[2],
    parentId: match[2] === root ? null : root,
    sampled: (Number.parseInt(match[3], 16) & 1) === 1,
  };
}

/** Whether this trace is kept: its spans are told, and steps are stored for it. */
export function isSampled(traceparent: string): boolean {
  return parseTraceparent(traceparent)?.sampled ?? false;
}

/** The id of a part of a span, by what it is: the same each time that it is asked for. FNV-1a, 64 bits. */
export function spanIdOf(traceId: string, parentId: string, name: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const character of `${traceId}/${parentId}/${name}`) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.codePointAt(0) ?? 0)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
}

function rootOf(traceId: string): string {
  return traceId.slice(16);
}

function hex(random: () => number, bytes: number): string {
  let text = '';
  for (let i = 0; i < bytes; i += 1)
    text += Math.floor(random() * 256)
      .toString(16)
      .padStart(2, '0');
  // All zero is not a valid id.
  return /^0+$/.test(text) ? `${text.slice(0, -1)}1` : text;
}
