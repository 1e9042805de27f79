// Ids that look random: what must not be guessed is drawn anew each time, what must only be unique is a drawn
// beginning and a number, which costs a tenth.

import type { Random } from '../../../ports/clock.ts';

/** A version 4 UUID. */
export function makeGuid(random: Random): string {
  return guidOf(hexWord(random) + hexWord(random) + hexWord(random) + hexWord(random));
}

/** UUIDs that differ in their last group. */
export function createGuids(random: Random): () => string {
  const beginning = guidOf(hexWord(random) + hexWord(random) + hexWord(random) + hexWord(random)).slice(
    0,
    24,
  );
  let last = 0;
  return () => {
    last += 1;
    return beginning + last.toString(16).padStart(12, '0');
  };
}

/** Commit ids that differ in their last twelve digits. */
export function createShas(random: Random): () => string {
  const beginning = (hexWord(random) + hexWord(random) + hexWord(random) + hexWord(random)).slice(0, 28);
  let last = 0;
  return () => {
    last += 1;
    return beginning + last.toString(16).padStart(12, '0');
  };
}

function guidOf(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
}

function hexWord(random: Random): string {
  return Math.floor(random() * 0x1_0000_0000)
    .toString(16)
    .padStart(8, '0');
}
