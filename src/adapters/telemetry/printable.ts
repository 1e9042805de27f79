// Names of jobs, branches and machines come from outside, so no text reaches an output as it is: characters that
// steer a terminal, or turn the direction of writing, are written as their numbers.

/** An error with its whole chain of causes fits; a payload logged by mistake does not. */
const textLengthMax = 2_000;

/** On one line, without anything that a terminal obeys, and bounded. */
export function printable(text: string): string {
  const bounded = text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text;
  return bounded
    .toWellFormed()
    .replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, (character) =>
      character === '\t' || character === '\n' ? ' ' : `\\u{${character.codePointAt(0)?.toString(16)}}`,
    );
}
