import { randomFillSync } from 'node:crypto';
import type { Random } from '../../../ports/clock.ts';

/** Words fetched at a time: a call into the system's generator costs as much as a hundred numbers. */
const poolWords = 512;

/** Chance from the system's secure generator, 53 bits a number, so that ids made of it can not be guessed. */
export function createSystemRandom(): Random {
  const pool = new Uint32Array(poolWords);
  let next = poolWords;

  function word(): number {
    if (next === poolWords) {
      randomFillSync(pool);
      next = 0;
    }
    const value = pool[next] ?? 0;
    // A number that was handed out does not stay in memory.
    pool[next] = 0;
    next += 1;
    return value;
  }

  return () => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53;
}
