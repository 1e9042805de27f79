// Requests that are made at the same moment go out together: a function is given ten orders at once, and each would
// read and write its own runner. A moment is what runs without waiting for anything outside: nothing is held back for
// company that may come.

/** Steps of promises between callers that began together: each has some of its own between two requests. */
const stepsMax = 4;

export interface Together<Ask, Answer> {
  /** Of two with the same id the later goes alone. */
  idOf: (ask: Ask) => string;
  most: number;
  one: (ask: Ask) => Promise<Answer>;
  /** An answer for each, in their order. */
  many: (asks: readonly Ask[]) => Promise<readonly Answer[]>;
}

export function together<Ask, Answer>({
  idOf,
  most,
  one,
  many,
}: Together<Ask, Answer>): (ask: Ask) => Promise<Answer> {
  interface Waiting {
    ask: Ask;
    answer: (answer: Answer | Promise<Answer>) => void;
  }
  let waiting = new Map<string, Waiting>();

  async function send(): Promise<void> {
    for (let step = 0; step < stepsMax; step += 1) await null;
    const group = [...waiting.values()];
    waiting = new Map();
    const [first] = group;
    if (first === undefined) return;
    if (group.length === 1) {
      first.answer(one(first.ask));
      return;
    }
    const answers = many(group.map(({ ask }) => ask));
    for (const [i, { answer }] of group.entries()) answer(answers.then((all) => all[i] as Answer));
  }

  return (ask) => {
    const id = idOf(ask);
    if (waiting.has(id) || waiting.size >= most) return one(ask);
    return new Promise((resolve) => {
      waiting.set(id, { ask, answer: resolve });
      if (waiting.size === 1) void send();
    });
  };
}
