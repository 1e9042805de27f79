export type InTurn = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Runs what concerns one name one after the other, and everything else at the same time. */
export function createTurns(): InTurn {
  const last = new Map<string, Promise<unknown>>();
  return async (name, work) => {
    const before = last.get(name);
    const turn = (before ?? Promise.resolve()).then(work, work);
    last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (last.get(name) === turn) last.delete(name);
    }
  };
}
