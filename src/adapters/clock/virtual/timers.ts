import type { Cancel, EpochMs } from '../../../ports/clock.ts';

/** Due first, then made first. */
export interface Timers {
  add(at: EpochMs, task: () => void): Cancel;
  /** When the next one is due; `null` where none is set. */
  nextAt(): EpochMs | null;
  /** Takes the next one out. */
  take(): (() => void) | null;
  size(): number;
}

interface Timer {
  at: EpochMs;
  /** The order they were made in, which decides between timers of one instant. */
  order: number;
  /** `null` once it ran or was cancelled. */
  task: (() => void) | null;
}

/** Below this a heap is not worth sweeping. */
const sweepSizeMin = 64;

/**
 * A binary heap. A cancelled timer stays in it, empty, and is passed over when it comes up; where more than half
 * are such, they are swept out, so that deadlines that are set and cancelled by the million take no room.
 */
export function createTimers(): Timers {
  let heap: Timer[] = [];
  let made = 0;
  let cancelled = 0;

  function add(at: EpochMs, task: () => void): Cancel {
    const timer: Timer = { at, order: made, task };
    made += 1;
    heap.push(timer);
    siftUp(heap, heap.length - 1);
    return () => {
      if (timer.task === null) return;
      timer.task = null;
      cancelled += 1;
      if (heap.length >= sweepSizeMin && cancelled * 2 > heap.length) sweep();
    };
  }

  function nextAt(): EpochMs | null {
    for (let first = heap[0]; first !== undefined; first = heap[0]) {
      if (first.task !== null) return first.at;
      removeFirst(heap);
      cancelled -= 1;
    }
    return null;
  }

  function take(): (() => void) | null {
    if (nextAt() === null) return null;
    const first = heap[0];
    removeFirst(heap);
    const task = first?.task ?? null;
    if (first) first.task = null;
    return task;
  }

  function sweep(): void {
    heap = heap.filter((timer) => timer.task !== null).sort((a, b) => a.at - b.at || a.order - b.order);
    cancelled = 0;
  }

  return { add, nextAt, take, size: () => heap.length - cancelled };
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function removeFirst(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  siftDown(heap, 0);
}

function siftUp(heap: Timer[], from: number): void {
  const timer = heap[from];
  if (timer === undefined) return;
  let index = from;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || !isBefore(timer, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = timer;
}

function siftDown(heap: Timer[], from: number): void {
  const timer = heap[from];
  if (timer === undefined) return;
  let index = from;
  for (;;) {
    const left = heap[2 * index + 1];
    const right = heap[2 * index + 2];
    if (left === undefined) break;
    const isRight = right !== undefined && isBefore(right, left);
    const child = isRight ? right : left;
    if (!isBefore(child, timer)) break;
    heap[index] = child;
    index = 2 * index + (isRight ? 2 : 1);
  }
  heap[index] = timer;
}
