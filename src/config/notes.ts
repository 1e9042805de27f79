// What a schema says about itself beside its type: the same words serve the error that refuses a value and the
// reference page.

import { z } from 'zod';
import { oneOf } from './problem.ts';

export interface Notes {
  /** What it is. */
  says: string;
  /** Values that are allowed, as a noun; needed only where the schema does not tell it all. */
  allowed?: string;
  /** Why the default or the bounds are as they are. */
  why?: string;
  /** Why nothing beyond the bounds is allowed, where that is more than sense. */
  bounds?: string;
  /** As it might be written; shown where the key is missing. */
  example?: unknown;
  /** What to do about a value that is not allowed, where that is not plain. */
  remedy?: string;
  /** The default in words, where it depends on something else. */
  defaultSays?: string;
}

export function noted<S extends z.ZodType>(schema: S, notes: Notes): S {
  const { says, ...more } = notes;
  return schema.meta({ description: says, ...more });
}

export function notesOf(schema: z.ZodType): Partial<Notes> {
  const { description, ...meta } = schema.meta() ?? {};
  const inner = unwrapped(schema);
  const more = inner === schema ? {} : notesOf(inner);
  return { ...more, ...(description === undefined ? {} : { says: description }), ...meta };
}

/** Values that are allowed: in the schema's own words, or else by its type and its bounds. */
export function allowedBy(schema: z.ZodType): string {
  return (
    notesOf(schema).allowed ?? allowedByJson(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
  );
}

function allowedByJson(json: z.core.JSONSchema.JSONSchema): string {
  if (json.enum) return oneOf(json.enum.map(String));
  switch (json.type) {
    case 'integer':
      return `a whole number${range(json.minimum, json.maximum)}`;
    case 'number':
      return `a number${range(json.minimum, json.maximum)}`;
    case 'boolean':
      return 'true or false';
    case 'string':
      return `a text${range(json.minLength, json.maxLength, ' of', ' characters')}`;
    case 'array':
      return `a list${range(json.minItems, json.maxItems, ' of', ' entries')}`;
    case 'object':
      return json.properties
        ? `an object with the keys ${Object.keys(json.properties).join(', ')}`
        : 'an object whose keys are names of yours';
    default:
      return 'what the reference says';
  }
}

/** ` from 1 to 100`, or with the words around it ` of 1 to 100 characters`; empty without bounds. */
function range(min: number | undefined, max: number | undefined, word = ' from', unit = ''): string {
  // A whole number has JavaScript's bounds, if no others.
  const least = min === undefined || min <= Number.MIN_SAFE_INTEGER ? null : min;
  const most = max === undefined || max >= Number.MAX_SAFE_INTEGER ? null : max;
  if (least !== null && most !== null) return `${word} ${least} to ${most}${unit}`;
  if (least !== null) return ` of at least ${least}${unit}`;
  return most === null ? '' : ` of at most ${most}${unit}`;
}

/** The schema inside of what only makes it optional or gives it a default. */
function unwrapped(schema: z.ZodType): z.ZodType {
  const { def } = schema as z.ZodOptional<z.ZodType>;
  const wraps = ['optional', 'default', 'prefault', 'nullable', 'readonly'];
  return wraps.includes(def.type) ? def.innerType : schema;
}

/** The schema of a key, an entry or an element, however deep; `null` where there is none. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | null {
  const [key, ...rest] = path;
  if (key === undefined) return schema;
  const next = childOf(schema, key);
  return next === null ? null : schemaAt(next, rest);
}

/** The keys that the object at `schema` has; none where it is no object with fixed keys. */
export function keysOf(schema: z.ZodType): string[] {
  const object = innermost(schema);
  return isOfType<z.ZodObject>(object, 'object') ? Object.keys(object.shape) : [];
}

function childOf(schema: z.ZodType, key: PropertyKey): z.ZodType | null {
  const inner = innermost(schema);
  if (isOfType<z.ZodObject>(inner, 'object')) {
    return Object.hasOwn(inner.shape, key) ? ((inner.shape[String(key)] as z.ZodType) ?? null) : null;
  }
  if (isOfType<z.ZodRecord>(inner, 'record')) return inner.valueType as z.ZodType;
  if (isOfType<z.ZodArray>(inner, 'array')) return inner.element as z.ZodType;
  return null;
}

export function innermost(schema: z.ZodType): z.ZodType {
  const inner = unwrapped(schema);
  return inner === schema ? schema : innermost(inner);
}

function isOfType<S extends z.ZodType>(schema: z.ZodType, type: S['def']['type']): schema is S {
  return schema.def.type === type;
}
