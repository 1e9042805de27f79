/** A message as its queue keeps it. */
export interface Message<Body> {
  readonly id: string;
  readonly body: Body;
  /** `null` in a standard queue. */
  readonly group: string | null;
  receiveCount: number;
  /** The batch in whose hands it is: what another batch says about it counts for nothing. */
  batch: Batch<Body> | null;
}

/** Messages that one call of the handler got. */
export interface Batch<Body> {
  readonly messages: readonly Message<Body>[];
  /** When they become visible again if the handler has not answered. */
  readonly visibleAt: number;
  isOpen: boolean;
}

export interface Returning<Body> {
  message: Message<Body>;
  delayMs: number;
}

/** The messages of a queue that are in nobody's hands, and which of them may be taken next. */
export interface Shelf<Body> {
  add(message: Message<Body>, delayMs: number): void;
  canTake(): boolean;
  /** At most `max`, for one batch; call only where `canTake`. */
  take(max: number): Message<Body>[];
  /** Ends what `take` began: of `taken`, those in `returning` come back, each after its delay. */
  settle(taken: readonly Message<Body>[], returning: readonly Returning<Body>[]): void;
  /** Messages that could be taken if all slots and groups were free. */
  waiting(): number;
  /** Messages that only time brings back. */
  delayed(): number;
}

/** What a shelf needs of its queue. */
export interface ShelfDeps<Body> {
  later(delayMs: number, task: () => void): void;
  /** True where it was received as often as the queue allows: it is then among the dead letters. */
  buryIfSpent(message: Message<Body>): boolean;
  /** Something may be taken that could not before. */
  onReady(): void;
}
