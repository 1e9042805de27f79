/** The same object, and all that it holds, never to be changed again. */
export function deepFreeze<T>(item: T): T {
  if (typeof item !== 'object' || item === null || Object.isFrozen(item)) return item;
  Object.freeze(item);
  for (const part of Object.values(item)) deepFreeze(part);
  return item;
}
