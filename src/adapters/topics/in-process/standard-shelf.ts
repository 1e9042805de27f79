import { createLine } from './line.ts';
import type { Message, Returning, Shelf, ShelfDeps } from './message.ts';

/** A standard queue's messages: any that is visible may be taken. No timer is set for what is not delayed. */
export function createStandardShelf<Body>({ later, buryIfSpent, onReady }: ShelfDeps<Body>): Shelf<Body> {
  const visible = createLine<Message<Body>>();
  let delayed = 0;

  function add(message: Message<Body>, delayMs: number): void {
    bring([message], delayMs);
  }

  function take(max: number): Message<Body>[] {
    const taken: Message<Body>[] = [];
    while (taken.length < max) {
      const message = visible.shift();
      if (message === undefined) break;
      taken.push(message);
    }
    return taken;
  }

  function settle(_taken: readonly Message<Body>[], returning: readonly Returning<Body>[]): void {
    const byDelay = new Map<number, Message<Body>[]>();
    for (const { message, delayMs } of returning) {
      const same = byDelay.get(delayMs);
      if (same) same.push(message);
      else byDelay.set(delayMs, [message]);
    }
    for (const [delayMs, messages] of byDelay) bring(messages, delayMs);
  }

  function bring(messages: readonly Message<Body>[], delayMs: number): void {
    if (delayMs <= 0) {
      show(messages);
      return;
    }
    delayed += messages.length;
    later(delayMs, () => {
      delayed -= messages.length;
      show(messages);
    });
  }

  function show(messages: readonly Message<Body>[]): void {
    for (const message of messages) if (!buryIfSpent(message)) visible.push(message);
    onReady();
  }

  return {
    add,
    canTake: () => visible.size() > 0,
    take,
    settle,
    waiting: visible.size,
    delayed: () => delayed,
  };
}
