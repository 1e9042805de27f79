/**
 * Makes a body unchangeable, all of it, so that queues can hand the same object to several handlers as if each had
 * a copy: for small messages a sixth of what a copy costs. What JSON can not carry is refused, as it would not
 * arrive over SQS.
 */
export function frozen<Body>(body: Body): Body {
  const misfit = freeze(body);
  if (misfit !== null) {
    throw new TypeError(`body${misfit.at} is a ${misfit.is}: a message holds only what JSON can carry`);
  }
  return body;
}

interface Misfit {
  at: string;
  is: string;
}

/** The first thing that is no JSON, if there is one. */
function freeze(value: unknown): Misfit | null {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return null;
    case 'object':
      if (value === null) return null;
      return Array.isArray(value) ? freezeArray(value) : freezeObject(value);
    default:
      return { at: '', is: typeof value };
  }
}

function freezeArray(list: readonly unknown[]): Misfit | null {
  for (let index = 0; index < list.length; index += 1) {
    const misfit = freeze(list[index]);
    if (misfit !== null) return { at: `[${index}]${misfit.at}`, is: misfit.is };
  }
  Object.freeze(list);
  return null;
}

function freezeObject(value: object): Misfit | null {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return { at: '', is: value.constructor.name };
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(fields)) {
    const misfit = freeze(fields[key]);
    if (misfit !== null) return { at: `.${key}${misfit.at}`, is: misfit.is };
  }
  Object.freeze(value);
  return null;
}
