// DynamoDB's expressions, as far as this system uses them, for the stand-in of testing-memory.ts.

export type Item = Record<string, unknown>;

interface Given {
  item: Item;
  names: Readonly<Record<string, string>>;
  values: Readonly<Record<string, unknown>>;
}

/** Names and values as a request has them. */
export interface Placeholders {
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Record<string, unknown> | undefined;
}

export function holds(expression: string | undefined, item: Item, given: Placeholders): boolean {
  if (expression === undefined) return true;
  const reader = readerOf(expression, item, given);
  const result = anyOf(reader);
  reader.end();
  return result;
}

/** `SET a = b, c = d + e REMOVE f`, on a copy. What it reads is the item as it was. */
export function updated(expression: string, item: Item, given: Placeholders): Item {
  const reader = readerOf(expression, item, given);
  const next = { ...item };
  for (let clause = reader.next(); clause !== ''; clause = reader.next()) {
    if (clause !== 'SET' && clause !== 'REMOVE') throw new Error(`a clause ${clause} in ${expression}`);
    do {
      const name = reader.name();
      if (clause === 'REMOVE') delete next[name];
      else {
        reader.take('=');
        next[name] = sumOf(reader);
      }
    } while (reader.takeIf(','));
  }
  return next;
}

type Reader = ReturnType<typeof readerOf>;

function readerOf(expression: string, item: Item, given: Placeholders) {
  const tokens = expression.match(/[#:]?\w+|<=|>=|<>|[(),=<>+-]/g) ?? [];
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } = given;
  const all: Given = { item, names, values };
  let at = 0;
  const next = (): string => tokens[at++] ?? '';
  const reader = {
    ...all,
    peek: () => tokens[at] ?? '',
    next,
    takeIf(token: string): boolean {
      if (tokens[at] !== token) return false;
      at += 1;
      return true;
    },
    take(token: string): void {
      if (!reader.takeIf(token)) throw new Error(`${token} is missing at ${tokens[at]} in ${expression}`);
    },
    name(): string {
      const token = next();
      const name = token.startsWith('#') ? names[token] : token;
      if (name === undefined) throw new Error(`${token} is not defined in ${expression}`);
      return name;
    },
    value(token: string): unknown {
      if (!(token in values)) throw new Error(`${token} is not defined in ${expression}`);
      return values[token];
    },
    end(): void {
      if (at < tokens.length) throw new Error(`${tokens[at]} is too much in ${expression}`);
    },
  };
  return reader;
}

function anyOf(reader: Reader): boolean {
  let result = allOf(reader);
  while (reader.takeIf('OR')) result = allOf(reader) || result;
  return result;
}

function allOf(reader: Reader): boolean {
  let result = one(reader);
  while (reader.takeIf('AND')) result = one(reader) && result;
  return result;
}

function one(reader: Reader): boolean {
  if (reader.takeIf('(')) {
    const result = anyOf(reader);
    reader.take(')');
    return result;
  }
  switch (reader.peek()) {
    case 'attribute_exists':
    case 'attribute_not_exists': {
      const wanted = reader.next() === 'attribute_exists';
      reader.take('(');
      const name = reader.name();
      reader.take(')');
      return (reader.item[name] !== undefined) === wanted;
    }
    case 'begins_with': {
      reader.next();
      reader.take('(');
      const text = reader.item[reader.name()];
      reader.take(',');
      const prefix = reader.value(reader.next());
      reader.take(')');
      return typeof text === 'string' && text.startsWith(String(prefix));
    }
    default:
      return compare(reader);
  }
}

function compare(reader: Reader): boolean {
  const left = operand(reader);
  const operator = reader.next();
  const right = operand(reader);
  // A comparison with what is not there, or is of another type, does not hold.
  if (left === undefined || right === undefined || typeof left !== typeof right) return operator === '<>';
  const [a, b] = [left as number, right as number];
  switch (operator) {
    case '=':
      return a === b;
    case '<>':
      return a !== b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    default:
      throw new Error(`an operator ${operator}`);
  }
}

function sumOf(reader: Reader): unknown {
  const left = operand(reader);
  if (!reader.takeIf('+')) return left;
  const right = operand(reader);
  if (typeof left !== 'number' || typeof right !== 'number') throw new Error('a sum of what are no numbers');
  return left + right;
}

function operand(reader: Reader): unknown {
  switch (reader.peek()) {
    case 'if_not_exists': {
      reader.next();
      reader.take('(');
      const known = reader.item[reader.name()];
      reader.take(',');
      const otherwise = operand(reader);
      reader.take(')');
      return known ?? otherwise;
    }
    case 'list_append': {
      reader.next();
      reader.take('(');
      const first = operand(reader);
      reader.take(',');
      const second = operand(reader);
      reader.take(')');
      return [...(first as unknown[]), ...(second as unknown[])];
    }
    case 'size': {
      reader.next();
      reader.take('(');
      const sized = reader.item[reader.name()];
      reader.take(')');
      return sized === undefined ? undefined : (sized as { length: number }).length;
    }
    default:
      return reader.peek().startsWith(':') ? reader.value(reader.next()) : reader.item[reader.name()];
  }
}
