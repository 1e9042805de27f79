// A mutation: one rule of the shipped code left out or turned round, by rewriting a module's source as it is loaded.
// The shipped code has no switch for it, and does not know.

/** Holes of the rules of transition: what a system of this kind breaks without the rule. */
type Hole = `H${number}`;

/** Who may catch a mutation: a checker that watches a run, or a figure that is summed over runs. */
export type Catcher =
  | 'limits'
  | 'places'
  | 'done'
  | 'holds'
  | 'reruns'
  | 'removed'
  | 'busyKilled'
  | 'deadlines'
  | 'ledger'
  | 'publisher'
  | 'quiet'
  | 'forward'
  | 'secondOrders'
  | 'idle'
  | 'breaker'
  | 'budgets'
  | 'normal'
  | 'healing'
  | 'launches'
  | 'asks'
  | 'stuck'
  | 'throws';

interface Edit {
  /** The code as it stands, wherever its lines are broken: white space matches any white space. */
  find: string;
  replace: string;
}

export interface Mutation {
  name: string;
  hole?: Hole;
  /** From the root of the source. */
  file: `${string}.ts`;
  edits: readonly Edit[];
  /** Faults among which it shows, as `FAULTS` would say it. */
  faults: string;
  expects: readonly Catcher[];
  /** It has to be caught within so many seeds. */
  seedsMax: number;
  /** What goes wrong, and how. */
  why: string;
  /** It can not be caught, as another rule covers this one: the proof. */
  equivalent?: string;
}

/** Each edit has to match exactly once: a mutation that no longer applies would prove nothing, so it fails loudly. */
export function mutate(source: string, { name, file, edits }: Mutation): string {
  let text = source;
  for (const { find, replace } of edits) {
    const pattern = patternOf(find);
    const count = [...text.matchAll(pattern)].length;
    if (count !== 1) {
      throw new Error(
        `mutation "${name}" finds its text ${count} times in ${file}, and has to find it once: follow the change of the ` +
          `code, or drop the mutation if its rule is gone. It looks for: ${find}`,
      );
    }
    text = text.replace(pattern, () => replace);
  }
  return text;
}

function patternOf(find: string): RegExp {
  const words = find.trim().split(/\s+/);
  return new RegExp(words.map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('\\s+'), 'g');
}
