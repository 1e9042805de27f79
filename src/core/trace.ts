// W3C trace context: `00-<trace id>-<span id>-<flags>`. A job's trace begins with its first event, and each runner's
// part of it has a span of its own.

const traceparentPattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A new span of the parent's trace; a new trace, sampled, where there is no parent. `random` gives [0, 1). */
export function makeTraceparent(parent: string | null, random: () => number): string {
  const match = parent ? traceparentPattern.exec(parent) : null;
  const trace = match?.[1] ?? hex(random, 16);
  return `00-${trace}-${hex(random, 8)}-${match?.[3] ?? '01'}`;
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
