import type { Clock } from '../../../ports/clock.ts';

/**
 * One delay for many things: as all wait equally long they fall due in the order they came, so one timer serves
 * a million of them. Nothing is ever taken out: `due` looks whether its item is still concerned.
 */
export function createDeadlines<Item>(clock: Clock, delayMs: number, due: (item: Item) => void) {
  let waiting: { item: Item; dueAt: number }[] = [];
  let head = 0;
  let armed = false;

  const arm = (): void => {
    const next = waiting[head];
    if (armed || !next) return;
    armed = true;
    clock.after(Math.max(0, next.dueAt - clock.now()), () => {
      armed = false;
      run();
      arm();
    });
  };

  const run = (): void => {
    for (let next = waiting[head]; next && next.dueAt <= clock.now(); next = waiting[head]) {
      head += 1;
      due(next.item);
    }
    if (head === waiting.length || head > 10_000) {
      waiting = waiting.slice(head);
      head = 0;
    }
  };

  return {
    add(item: Item): void {
      // Infinity is "never".
      if (!Number.isFinite(delayMs)) return;
      waiting.push({ item, dueAt: clock.now() + delayMs });
      arm();
    },
  };
}
