// A patch over an object, as `kubectl` people know it: objects are merged, `null` deletes, and lists whose items have
// names are merged by them, so that a patch can mean one container. Every other list is taken as it stands.

export type Plain = { [key: string]: unknown };

export function merged(base: Plain, patch: Readonly<Plain>): Plain {
  const result: Plain = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergedValue(result[key], value);
  }
  return result;
}

function mergedValue(base: unknown, patch: unknown): unknown {
  if (isPlain(base) && isPlain(patch)) return merged(base, patch);
  if (isNamedList(base) && isNamedList(patch)) return mergedByName(base, patch);
  return patch;
}

function mergedByName(base: readonly Named[], patch: readonly Named[]): Named[] {
  const names = new Set(base.map(({ name }) => name));
  const known = base.map((item) => {
    const change = patch.find(({ name }) => name === item.name);
    return change ? ({ ...merged(item, change), name: item.name } satisfies Named) : item;
  });
  return [...known, ...patch.filter(({ name }) => !names.has(name))];
}

type Named = Plain & { name: string };

function isNamedList(value: unknown): value is readonly Named[] {
  return Array.isArray(value) && value.every((item) => isPlain(item) && typeof item['name'] === 'string');
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
