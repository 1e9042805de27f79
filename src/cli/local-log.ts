// The output of a runner on this machine, line by line: the local API answers with its end, and where it is followed it is
// asked again, and what is new is told.

import type { LogWanted } from './source.ts';

/** Nobody reads faster; it is one request over the loopback. */
const followMs = 1_000;
/** By so much of what was told it is known where the next answer goes on: its beginning may be cut off. */
const knownLength = 400;

/** `read`: its end as it is now; `null` where there is none any more. */
export async function* linesOfLog(
  first: string,
  read: () => Promise<string | null>,
  { linesMax, follow, pause, isStopped }: LogWanted,
): AsyncGenerator<string> {
  const [told, rest] = splitLines(first);
  yield* told.slice(-linesMax);
  if (!follow) {
    if (rest !== '') yield rest;
    return;
  }
  let seen = first;
  let begun = rest;
  while (!isStopped()) {
    await pause(followMs);
    const now = await read();
    if (now === null) break;
    const [lines, left] = splitLines(begun + addedTo(seen, now));
    yield* lines;
    begun = left;
    seen = now;
  }
  if (begun !== '') yield begun;
}

/** Whole lines, and what has no end yet. */
function splitLines(text: string): [string[], string] {
  const lines = text.split(/\r?\n/);
  const rest = lines.pop() ?? '';
  return [lines, rest];
}

function addedTo(seen: string, now: string): string {
  if (now.startsWith(seen)) return now.slice(seen.length);
  const known = seen.slice(-knownLength);
  const at = now.lastIndexOf(known);
  return at < 0 ? now : now.slice(at + known.length);
}
