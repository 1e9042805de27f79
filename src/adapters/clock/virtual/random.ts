import type { Random } from '../../../ports/clock.ts';

/** Chance from a seed: the same seed gives the same numbers, on every machine. */
export interface SeededRandom extends Random {
  /**
   * A stream of its own, by the seed and the label alone: it does not matter how many numbers were drawn before,
   * nor which other forks were made. The same label gives the same stream again.
   */
  fork(label: string): SeededRandom;
  /** A whole number in [0, n). */
  int(n: number): number;
  /** True with probability `p`. */
  chance(p: number): boolean;
  pick<T>(list: readonly T[]): T;
  /** Exponentially distributed: the gaps of events that come by chance, `mean` apart on average. */
  exponential(mean: number): number;
}

/** Numbers thrown away at first, until the bits of the seed have mixed (sfc32's author uses 12 to 15). */
const warmUpDraws = 15;

/**
 * The generator is sfc32 (small, fast, counting; Chris Doty-Humphrey, PractRand), its start is the seed's text
 * spread by a 32-bit mixing function, so that seeds 1, 2, 3 give streams that have nothing in common.
 */
export function createSeededRandom(seed: number | string): SeededRandom {
  return streamOf(typeof seed === 'number' ? `#${seed}` : seed);
}

function streamOf(path: string): SeededRandom {
  const random = sfc32(path);
  return Object.assign(random, {
    // The length stands before the label, so that no two paths of labels read the same.
    fork: (label: string) => streamOf(`${path}/${label.length}:${label}`),
    int: (n: number) => Math.floor(random() * n),
    chance: (p: number) => random() < p,
    pick: <T>(list: readonly T[]): T => {
      if (list.length === 0) throw new RangeError('nothing to pick from: the list is empty');
      return list[Math.floor(random() * list.length)] as T;
    },
    exponential: (mean: number) => -Math.log1p(-random()) * mean,
  });
}

function sfc32(seed: string): Random {
  let [a, b, c] = [hash(seed, 1), hash(seed, 2), hash(seed, 3)];
  let counter = 1;
  const draw = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < warmUpDraws; i += 1) draw();
  return draw;
}

/** FNV-1a over the text's code units, then the finalizer of MurmurHash3. */
function hash(text: string, salt: number): number {
  let h = Math.imul(salt, 0x9e3779b9) ^ 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
