// Programs of functions in this process: what a claim decides, and nothing of a runner. One invocation of a name becomes
// it, and works until somebody ends it; the next is told that the claim is spent, and ends.

import type { RunnerName } from '../../../../core/ids.ts';
import { payloadSchema } from '../payload.ts';
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

/** What a program knows of its machine: as a simulated host's machines do, so that their programs run here too. */
interface PretendMachine {
  name: RunnerName;
  configuration: { kind: 'claimed'; url: string; token: string };
  end(cause: string): void;
}

/** A program that is written for such machines; one whose claim is refused says so by its cause. */
export function programOf(start: (machine: PretendMachine) => { vanish(): void }): Program {
  return ({ payload }) => {
    const { runner, claimUrl: url, token } = payloadSchema.parse(JSON.parse(payload));
    const { promise, resolve } = Promise.withResolvers<Result>();
    const started = start({
      name: runner as RunnerName,
      configuration: { kind: 'claimed', url, token },
      end: (why) => {
        const outcome = why.includes("machine's own key") ? 'spent' : 'ended';
        resolve({ kind: 'answered', payload: JSON.stringify({ outcome, why }) });
      },
    });
    return {
      result: promise,
      free: promise.then(() => {}),
      kill: () => {
        started.vanish();
        resolve({ kind: 'failed', errorType: 'Sandbox.Timedout', errorMessage: 'Task timed out' });
      },
    };
  };
}

function ended(answer: Record<string, string>): Running {
  return {
    result: Promise.resolve({ kind: 'answered', payload: JSON.stringify(answer) }),
    free: Promise.resolve(),
    kill: () => {},
  };
}
