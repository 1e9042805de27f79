// Programs of functions in this process: what a claim decides, and nothing of a runner. One invocation of a name becomes
// it, and works until somebody ends it; the next is told that the claim is spent, and ends.

import type { Program, Result, Running } from './platform.ts';

export interface Pretence {
  program: Program;
  /** Names of those that work. */
  alive(): readonly string[];
  /** As a runner ends after its job. */
  end(name: string): void;
}

export function createPretence(): Pretence {
  const claimed = new Set<string>();
  const working = new Map<string, (result: Result) => void>();

  return {
    program({ payload }) {
      const { runner } = JSON.parse(payload) as { runner: string };
      if (claimed.has(runner)) return ended({ outcome: 'spent', why: 'its claim is spent' });
      claimed.add(runner);
      const { promise, resolve } = Promise.withResolvers<Result>();
      working.set(runner, resolve);
      const free = promise.then(() => void working.delete(runner));
      return {
        result: promise,
        free,
        kill: () => {
          working.delete(runner);
          resolve({ kind: 'failed', errorType: 'Sandbox.Timedout', errorMessage: 'timed out' });
        },
      };
    },
    alive: () => [...working.keys()],
    end: (name) =>
      working.get(name)?.({
        kind: 'answered',
        payload: JSON.stringify({ outcome: 'ended', why: 'its runner has ended' }),
      }),
  };
}

function ended(answer: Record<string, string>): Running {
  return {
    result: Promise.resolve({ kind: 'answered', payload: JSON.stringify(answer) }),
    free: Promise.resolve(),
    kill: () => {},
  };
}
