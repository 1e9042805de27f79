// Requests of EC2's query protocol: names with dots and numbers, `TagSpecification.1.Tag.2.Key=…`, as a tree.

export interface Params {
  readonly [name: string]: string | Params;
}

export function parseQuery(body: string): Params {
  const tree: Record<string, string | Params> = {};
  for (const [name, value] of new URLSearchParams(body)) put(tree, name.split('.'), value);
  return tree;
}

function put(tree: Record<string, string | Params>, [first = '', ...rest]: string[], value: string): void {
  if (rest.length === 0) {
    tree[first] = value;
    return;
  }
  const branch = (tree[first] ?? {}) as Record<string, string | Params>;
  tree[first] = branch;
  put(branch, rest, value);
}

export function text(params: Params | undefined, name: string): string | undefined {
  const value = params?.[name];
  return typeof value === 'string' ? value : undefined;
}

export function part(params: Params | undefined, name: string): Params | undefined {
  const value = params?.[name];
  return typeof value === 'object' ? value : undefined;
}

/** A numbered list, in the order of its numbers. */
function list(params: Params | undefined, name: string): (string | Params)[] {
  const numbered = part(params, name) ?? {};
  return Object.keys(numbered)
    .sort((a, b) => Number(a) - Number(b))
    .flatMap((key) => numbered[key] ?? []);
}

export function texts(params: Params | undefined, name: string): string[] {
  return list(params, name).filter((item) => typeof item === 'string');
}

export function parts(params: Params | undefined, name: string): Params[] {
  return list(params, name).filter((item) => typeof item === 'object');
}
