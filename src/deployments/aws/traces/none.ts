// No traces are kept: nothing is told, and nothing is sent.

import type { Traces } from './publishers.ts';

export function openTraces(): Traces {
  return { flush: () => Promise.resolve() };
}
