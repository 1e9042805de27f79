// Filter criteria of a mapping, as Lambda reads them: a record passes if any pattern matches, and a pattern matches if
// each of its fields does. An operator that is not known here is refused, so that none is silently wrong.
// [AWS: Control which events Lambda sends to your function; EventBridge: Event pattern comparison operators]

export type Pattern = { readonly [field: string]: PatternNode };
type PatternNode = Pattern | readonly Condition[];
type Condition = string | number | boolean | null | Readonly<Record<string, unknown>>;

/** A pattern's text, as `FilterCriteria` holds it. */
export function parsePattern(text: string): Pattern {
  const pattern: unknown = JSON.parse(text);
  checkNode(pattern, text);
  if (Array.isArray(pattern)) throw new Error(`a filter of ${text}: a pattern is an object of fields`);
  return pattern as Pattern;
}

export function passes(patterns: readonly Pattern[], record: unknown): boolean {
  return patterns.length === 0 || patterns.some((pattern) => nodeMatches(pattern, record));
}

function nodeMatches(node: PatternNode, value: unknown): boolean {
  if (isConditions(node)) return node.some((condition) => conditionMatches(condition, value));
  return Object.entries(node).every(([field, inner]) => nodeMatches(inner, fieldOf(value, field)));
}

function isConditions(node: PatternNode): node is readonly Condition[] {
  return Array.isArray(node);
}

function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Record<string, unknown>)[field];
}

const operators: Readonly<Record<string, (wanted: unknown, value: unknown) => boolean>> = {
  // Of leaves alone: a field that holds fields does not exist for it.
  exists: (wanted, value) =>
    (value !== undefined && (typeof value !== 'object' || value === null)) === wanted,
  prefix: (wanted, value) => typeof value === 'string' && value.startsWith(String(wanted)),
  suffix: (wanted, value) => typeof value === 'string' && value.endsWith(String(wanted)),
  'equals-ignore-case': (wanted, value) =>
    typeof value === 'string' && value.toLowerCase() === String(wanted).toLowerCase(),
  'anything-but': (wanted, value) =>
    value !== undefined && !(Array.isArray(wanted) ? wanted : [wanted]).includes(value),
};

function conditionMatches(condition: Condition, value: unknown): boolean {
  if (typeof condition !== 'object' || condition === null) return condition === value;
  return Object.entries(condition).every(([name, wanted]) => operators[name]?.(wanted, value) ?? false);
}

function checkNode(node: unknown, text: string): void {
  if (typeof node !== 'object' || node === null) {
    throw new Error(
      `a filter of ${text}: ${JSON.stringify(node)} is neither fields nor a list of conditions`,
    );
  }
  if (!Array.isArray(node)) {
    for (const inner of Object.values(node)) checkNode(inner, text);
    return;
  }
  for (const condition of node as unknown[]) {
    if (typeof condition !== 'object' || condition === null) continue;
    const unknown = Object.keys(condition).filter((name) => !(name in operators));
    if (unknown.length === 0) continue;
    const allowed = Object.keys(operators).join(', ');
    throw new Error(`a filter of ${text}: ${unknown.join(', ')} is not known here; known are ${allowed}`);
  }
}
