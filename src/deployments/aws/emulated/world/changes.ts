// Waits for a condition of things that say when they changed, so that nobody polls: it is looked at again after each
// change, once for all that change at the same moment.

import type { Clock } from '../../../../ports/clock.ts';

export interface Changes {
  happened(): void;
  /** Rejects when the time is over, or it is closed, with the picture of that moment. */
  until(says: string, condition: () => boolean, withinMs: number): Promise<void>;
  close(): void;
}

interface Waiting {
  look(): void;
  giveUp(why: string): void;
}

export function createChanges(clock: Clock, picture: () => string): Changes {
  const waiting = new Set<Waiting>();
  let isToLook = false;

  return {
    happened() {
      if (isToLook || waiting.size === 0) return;
      isToLook = true;
      clock.after(0, () => {
        isToLook = false;
        for (const each of waiting) each.look();
      });
    },
    until: (says, condition, withinMs) =>
      new Promise((resolve, reject) => {
        const stop = clock.after(withinMs, () => each.giveUp(`waited ${withinMs} ms in vain`));
        const end = (): void => {
          stop();
          waiting.delete(each);
        };
        const each: Waiting = {
          look() {
            if (!condition()) return;
            end();
            resolve();
          },
          giveUp(why) {
            end();
            reject(new Error(`${why}: ${says}; ${picture()}`));
          },
        };
        waiting.add(each);
        each.look();
      }),
    close() {
      for (const each of waiting) each.giveUp('it was closed');
    },
  };
}
