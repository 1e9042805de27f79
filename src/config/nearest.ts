// "Did you mean …?": the known word that somebody probably had in mind.

/** Words that other systems, or other habits, have for ours. Compared without case and punctuation. */
const otherWords: Readonly<Record<string, string>> = {
  args: 'command',
  cmd: 'command',
  count: 'limit',
  executor: 'host',
  image: 'machine',
  instance: 'machine',
  max: 'limit',
  maximum: 'limit',
  maxrunners: 'limit',
  maxsize: 'limit',
  min: 'spares',
  minimum: 'spares',
  minrunners: 'spares',
  operatingsystem: 'os',
  orgs: 'owners',
  organisations: 'owners',
  organizations: 'owners',
  platform: 'os',
  provider: 'type',
  run: 'command',
  runnergroup: 'group',
  runson: 'labels',
  size: 'limit',
  standby: 'spares',
  tags: 'labels',
  timeout: 'jobMinutesMax',
  timeoutminutes: 'jobMinutesMax',
  timeouts: 'timing',
  warm: 'spares',
  // Values of `os`.
  darwin: 'macos',
  ios: 'macos',
  mac: 'macos',
  osx: 'macos',
  ubuntu: 'linux',
  win: 'windows',
};

/** The candidate that is meant by `word`, or `null` where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const plainWord = plain(word);
  const known = otherWords[plainWord];
  if (known !== undefined && candidates.includes(known)) return known;
  const scored = candidates
    .map((candidate) => ({ candidate, score: score(plainWord, plain(candidate)) }))
    .filter(({ score }) => score !== null)
    .sort((a, b) => Number(a.score) - Number(b.score) || a.candidate.length - b.candidate.length);
  return scored[0]?.candidate ?? null;
}

/** Typing mistakes that still show the word: one in three letters. */
const lettersPerMistake = 3;

/** Shorter words are the beginning of anything. */
const beginningLengthMin = 3;

/** The less the nearer: less than one mistake where only the unit differs. `null`: another word. */
function score(word: string, candidate: string): number | null {
  if (word === candidate) return 0;
  if (withoutUnit(word) === withoutUnit(candidate)) return isBound(word) === isBound(candidate) ? 0.5 : 0.75;
  const mistakes = distance(word, candidate);
  if (mistakes <= Math.max(1, Math.floor(Math.max(word.length, candidate.length) / lettersPerMistake))) {
    return mistakes;
  }
  const isBeginning = word.length >= beginningLengthMin && candidate.startsWith(word);
  return isBeginning ? candidate.length : null;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** `idleMs`, `idleTimeout` and `idleSeconds` are one word in different units. */
function withoutUnit(word: string): string {
  return word.replace('max', '').replace(/(?:ms|sec|secs|seconds|mins|minutes|hours|days|timeout|time)$/, '');
}

function isBound(word: string): boolean {
  return word.includes('max');
}

/** Letters to change, insert or leave out, or neighbours to swap, to make one word of the other. */
function distance(a: string, b: string): number {
  const rows: number[][] = [];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 0; i <= a.length; i += 1) {
    const row: number[] = [];
    rows.push(row);
    for (let j = 0; j <= b.length; j += 1) {
      if (i === 0 || j === 0) {
        row.push(i + j);
        continue;
      }
      const change = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? at(i - 2, j - 2) + 1 : change;
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, change, swap));
    }
  }
  return at(a.length, b.length);
}
