// Lists come in pages of at most 100. Where GitHub says how long the list is, the pages after the first are read
// a few at a time, which is quicker and leaves less time for entries to move between two pages.

import { GitHubError } from '../../../ports/github.ts';

export interface Page<Item> {
  items: readonly Item[];
  /** How many there are on all pages; `null` where GitHub does not say. */
  total: number | null;
}

export const pageLength = 100;

/** GitHub asks to keep requests at once few; a list must not take all slots of its installation. */
const pagesAtOnce = 8;

/** Throws where the list is longer than `pagesMax` pages: a part of it must not be taken for the whole. */
export async function allPages<Item>(
  what: string,
  pagesMax: number,
  read: (page: number) => Promise<Page<Item>>,
): Promise<Item[]> {
  const first = await read(1);
  if (first.total === null) return [...first.items, ...(await pagesAfter(first, what, pagesMax, read))];
  const pages = Math.ceil(first.total / pageLength);
  if (pages > pagesMax) throw tooLong(what, pagesMax);
  const others = Array.from({ length: Math.max(0, pages - 1) }, (_, index) => index + 2);
  const rest = await inGroups(others, pagesAtOnce, read);
  return [...first.items, ...rest.flatMap((page) => page.items)];
}

/** As `Promise.all` over `values.map(run)`, but only so many at once. */
export async function inGroups<Value, Result>(
  values: readonly Value[],
  atOnce: number,
  run: (value: Value) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < values.length; start += atOnce) {
    results.push(...(await Promise.all(values.slice(start, start + atOnce).map(run))));
  }
  return results;
}

async function pagesAfter<Item>(
  first: Page<Item>,
  what: string,
  pagesMax: number,
  read: (page: number) => Promise<Page<Item>>,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let page = 2, length = first.items.length; length === pageLength; page += 1) {
    if (page > pagesMax) throw tooLong(what, pagesMax);
    const next = await read(page);
    items.push(...next.items);
    length = next.items.length;
  }
  return items;
}

function tooLong(what: string, pagesMax: number): GitHubError {
  return new GitHubError('invalid', `${what}: more than the ${pagesMax * pageLength} that are read at most.`);
}
