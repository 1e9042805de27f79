// The output of a runner, as a file that can be read at any time and never grows beyond its bound: the head is kept,
// then the newest goes to a second file in turns with a third, and in the end all becomes one file, with a line that
// says how much is missing in the middle.

import { appendFileSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';

/** Of the bound, for the beginning; the rest is for the end. A runner's beginning tells why it did not start. */
const headShare = 0.5;
const tailFiles = 2;

const ownersOnly = { mode: 0o600 };

export interface BoundedLog {
  write(output: Buffer): void;
  /** Joins the parts, and adds a last line. */
  close(lastLine: string): void;
}

/** Where it is while it is written, in the order of time; afterwards all of it is in the first. */
export function partsOfLog(path: string): [head: string, olderTail: string, tail: string] {
  return [path, `${path}.tail-older`, `${path}.tail`];
}

export function createBoundedLog(path: string, bytesMax: number): BoundedLog {
  const headBytesMax = Math.floor(bytesMax * headShare);
  const tailBytesMax = Math.floor((bytesMax - headBytesMax) / tailFiles);
  const [, olderTail, tail] = partsOfLog(path);
  let headBytes = sizeOf(path);
  let tailBytes = 0;
  let lostBytes = 0;
  appendFileSync(path, '', ownersOnly);

  /** A full disk costs output, and must not cost the runner its keeper. */
  function write(output: Buffer): void {
    try {
      writePieces(output);
    } catch {
      lostBytes += output.length;
    }
  }

  function writePieces(output: Buffer): void {
    const toHead = output.subarray(0, Math.max(0, headBytesMax - headBytes));
    if (toHead.length > 0) appendFileSync(path, toHead);
    headBytes += toHead.length;
    for (let rest = output.subarray(toHead.length); rest.length > 0; ) {
      if (tailBytes >= tailBytesMax) turnTail();
      const piece = rest.subarray(0, tailBytesMax - tailBytes);
      appendFileSync(tail, piece, ownersOnly);
      tailBytes += piece.length;
      rest = rest.subarray(piece.length);
    }
  }

  function turnTail(): void {
    lostBytes += sizeOf(olderTail);
    renameSync(tail, olderTail);
    tailBytes = 0;
  }

  function close(lastLine: string): void {
    try {
      join(lastLine);
    } catch {
      // The parts stay as they are, and are pruned like any log.
    }
  }

  function join(lastLine: string): void {
    if (lostBytes > 0)
      appendFileSync(path, `\n[… ${lostBytes} bytes were cut out here: a log has ${bytesMax} at most …]\n`);
    for (const part of [olderTail, tail]) {
      if (sizeOf(part) > 0) appendFileSync(path, readFileSync(part));
      rmSync(part, { force: true });
    }
    appendFileSync(path, `\n[${lastLine}]\n`);
  }

  return { write, close };
}

/** 0 where there is none. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
