// Where spans go. Never in the way: nothing here waits, throws or decides, and what a back end does not take in time is
// lost.

import type { Span } from '../core/spans.ts';

export interface Tracer {
  export(spans: readonly Span[]): void;
}
