// A FIFO queue's messages, by group. A group is free, taken (a batch of it is with a handler) or held (its first
// messages come back after a while); only a free one's messages may be taken, so that order is kept and a message
// that fails again and again blocks its group until it is a dead letter. Groups do not block one another and take
// turns. Taken messages stay at the head of their group, since nothing else moves there meanwhile.

import { createLine } from './line.ts';
import type { Message, Returning, Shelf, ShelfDeps } from './message.ts';

interface Group<Body> {
  readonly name: string;
  messages: Message<Body>[];
  /** Where the group's first message is; places before it are empty. */
  head: number;
  takenCount: number;
  isHeld: boolean;
  /** It stands in the line of free groups. */
  isInLine: boolean;
}

/** Empty places at a group's front that are borne before the rest moves up. */
const emptyPlacesMin = 1_024;

export function createFifoShelf<Body>({ later, buryIfSpent, onReady }: ShelfDeps<Body>): Shelf<Body> {
  const groups = new Map<string, Group<Body>>();
  /** Whose turn it is. A group that is held since then keeps its place, and is passed over. */
  const free = createLine<Group<Body>>();
  let waiting = 0;
  let delayed = 0;

  /** A delay (an injected fault: FIFO queues have none) holds the whole group, unless it is not free anyway. */
  function add(message: Message<Body>, delayMs: number): void {
    const name = message.group ?? '';
    let group = groups.get(name);
    const isNew = group === undefined;
    if (group === undefined) {
      group = { name, messages: [], head: 0, takenCount: 0, isHeld: false, isInLine: false };
      groups.set(name, group);
    }
    group.messages.push(message);
    if (group.isHeld) delayed += 1;
    else waiting += 1;
    if (delayMs > 0 && !group.isHeld && group.takenCount === 0) hold(group, delayMs);
    else if (isNew) makeFree(group);
  }

  function take(max: number): Message<Body>[] {
    const group = free.shift();
    if (group === undefined) return [];
    group.isInLine = false;
    passOverHeld();
    const taken = group.messages.slice(group.head, group.head + max);
    group.takenCount = taken.length;
    waiting -= taken.length;
    return taken;
  }

  function settle(taken: readonly Message<Body>[], returning: readonly Returning<Body>[]): void {
    const group = groups.get(taken[0]?.group ?? '');
    if (group === undefined) return;
    const doneCount = group.takenCount - returning.length;
    group.messages.fill(undefined as never, group.head, group.head + doneCount);
    group.head += doneCount;
    for (const [index, { message }] of returning.entries()) group.messages[group.head + index] = message;
    group.takenCount = 0;
    waiting += returning.length;
    moveUp(group);
    // A group is free again when all that came back is visible: then the order is whole.
    const delayMs = returning.reduce((longest, { delayMs }) => Math.max(longest, delayMs), 0);
    if (delayMs > 0) hold(group, delayMs);
    else freeOrForget(group);
  }

  function hold(group: Group<Body>, delayMs: number): void {
    group.isHeld = true;
    waiting -= sizeOf(group);
    delayed += sizeOf(group);
    passOverHeld();
    later(delayMs, () => {
      group.isHeld = false;
      waiting += sizeOf(group);
      delayed -= sizeOf(group);
      freeOrForget(group);
    });
  }

  function freeOrForget(group: Group<Body>): void {
    // Spent ones are at the head: who was received was there, and the first of them the most often.
    for (let first = firstOf(group); first !== undefined && buryIfSpent(first); first = firstOf(group)) {
      group.head += 1;
      waiting -= 1;
    }
    if (sizeOf(group) === 0) groups.delete(group.name);
    else makeFree(group);
  }

  function makeFree(group: Group<Body>): void {
    if (!group.isInLine) free.push(group);
    group.isInLine = true;
    onReady();
  }

  /** Keeps the first of the line one that may be taken. */
  function passOverHeld(): void {
    for (let first = free.first(); first?.isHeld; first = free.first()) {
      first.isInLine = false;
      free.shift();
    }
  }

  return {
    add,
    canTake: () => free.size() > 0,
    take,
    settle,
    waiting: () => waiting,
    delayed: () => delayed,
  };
}

function sizeOf<Body>(group: Group<Body>): number {
  return group.messages.length - group.head;
}

function firstOf<Body>(group: Group<Body>): Message<Body> | undefined {
  return group.messages[group.head];
}

function moveUp<Body>(group: Group<Body>): void {
  if (group.head < emptyPlacesMin || group.head * 2 < group.messages.length) return;
  group.messages = group.messages.slice(group.head);
  group.head = 0;
}
