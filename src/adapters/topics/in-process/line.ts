/** First in, first out, each step in constant time however long it grows. */
export interface Line<T> {
  push(item: T): void;
  shift(): T | undefined;
  first(): T | undefined;
  size(): number;
  /** All, the first one first; they stay. */
  items(): T[];
  clear(): void;
}

/** Empty places at the front that are borne before the rest moves up: it then moves less often than it is used. */
const emptyPlacesMin = 1_024;

export function createLine<T>(): Line<T> {
  let items: (T | undefined)[] = [];
  let head = 0;

  function shift(): T | undefined {
    if (head === items.length) return undefined;
    const item = items[head];
    items[head] = undefined;
    head += 1;
    if (head === items.length) clear();
    else if (head >= emptyPlacesMin && head * 2 >= items.length) {
      items = items.slice(head);
      head = 0;
    }
    return item;
  }

  function clear(): void {
    items = [];
    head = 0;
  }

  return {
    push: (item) => {
      items.push(item);
    },
    shift,
    first: () => items[head],
    size: () => items.length - head,
    items: () => items.slice(head) as T[],
    clear,
  };
}
