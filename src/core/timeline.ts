// What happened to a job or a runner, when and why: kept on the item itself, bounded.

/** An entry is small: time, what, and a few words or numbers for people. */
export interface TimelineEntry {
  at: number;
  what: string;
  why?: string;
  /** Of what lasted: how long, from `at` on. */
  forMs?: number;
}

/** How entries of a job are named that others look for. */
export const runnerOrdered = 'runner ordered';
export const lostItsRunner = 'its runner no longer comes';
export const waited = 'waited';

/** First entries tell how it began and last ones how it is; the middle of a very long story is dropped. */
const entriesMax = 40;
const entriesKeptFirst = 10;

export function withEntry(
  timeline: readonly TimelineEntry[],
  entry: TimelineEntry,
): readonly TimelineEntry[] {
  if (timeline.length < entriesMax) return [...timeline, entry];
  return [...timeline.slice(0, entriesKeptFirst), ...timeline.slice(entriesKeptFirst + 1), entry];
}

export function withEntries(
  timeline: readonly TimelineEntry[],
  entries: readonly TimelineEntry[],
): readonly TimelineEntry[] {
  return entries.reduce(withEntry, timeline);
}
