import type { ErrorObject } from 'ajv';
import type { Problem } from './problem.ts';
import type { Schema } from './schema.ts';

/** What ajv found, in words for whoever wrote the YAML. */
export function describeError(error: ErrorObject, root: Schema): Problem {
  const path = pointerPath(error.instancePath, root);
  const describe = DESCRIBE[error.keyword];
  if (!describe) return { path, message: `fails the check ${error.keyword}`, fix: 'see the reference' };
  const { message, fix, under } = describe(error, error.parentSchema as unknown as Schema);
  return { path: under === undefined ? path : [...path, under], message, fix };
}

interface Said {
  readonly message: string;
  readonly fix: string;
  /** A field of the value at fault, which the path is to end in. */
  readonly under?: string;
}

const DESCRIBE: Readonly<Record<string, (error: ErrorObject, schema: Schema) => Said>> = {
  additionalProperties: unknownField,
  required: (error, schema) => {
    const field = (error.params as { missingProperty: string }).missingProperty;
    return { message: `${field} is missing`, fix: `add ${field}: ${schema.properties?.[field]?.description ?? ''}` };
  },
  type: (error, schema) => ({
    message: `is ${nameOfType(error.data)}, not ${TYPES[schema.type]}`,
    fix: error.data === null ? 'write a value, or remove the field' : `write ${TYPES[schema.type]}`,
  }),
  enum: (error, schema) => ({
    message: 'is none of the values that are known here',
    fix: `write ${alternatives(schema.enum ?? [])}${suggestion(error.data, schema.enum ?? [])}`,
  }),
  pattern: (_error, schema) =>
    FORMS[schema.pattern ?? ''] ?? {
      message: 'has not the form that is asked for',
      fix: `match ${schema.pattern ?? ''}`,
    },
  format: () => ({ message: 'is no time', fix: 'write it as RFC 3339, such as 2027-01-01T00:00:00Z' }),
  minLength: () => ({ message: 'is empty', fix: 'write a value, or remove the field' }),
  maxLength: (_error, schema) => ({ message: 'is too long', fix: `use at most ${schema.maxLength ?? 0} characters` }),
  minItems: (_error, schema) => ({ message: 'has too few items', fix: `write at least ${schema.minItems ?? 0}` }),
  maxItems: (_error, schema) => ({ message: 'has too many items', fix: `write at most ${schema.maxItems ?? 0}` }),
  minimum: (_error, schema) => ({ message: 'is too small', fix: `write at least ${schema.minimum ?? 0}` }),
  maximum: (_error, schema) => ({ message: 'is too large', fix: `write at most ${schema.maximum ?? 0}` }),
};

const TYPES = {
  object: 'a map',
  array: 'a list',
  string: 'a string',
  integer: 'a whole number',
  boolean: 'true or false',
} as const;

/** The forms in crds/, by their regular expressions. */
const FORMS: Readonly<Record<string, Said>> = {
  '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$': {
    message: 'is no name of a Kubernetes object',
    fix: 'use lower-case letters, digits, - and ., with a letter or digit at both ends',
  },
  '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$': {
    message: 'is no name of this kind',
    fix: 'use lower-case letters, digits and -, with a letter or digit at both ends',
  },
  '^[-._a-zA-Z0-9]+$': { message: 'is no key of a Secret', fix: 'use letters, digits, -, _ and .' },
  '^[A-Za-z0-9._:-]+$': { message: 'is no host', fix: 'write a DNS name or an IP address' },
  '^[^\\x00-\\x1f\\x7f]+$': { message: 'holds a control character', fix: 'remove it' },
  '^([^\\x00-\\x1f\\x7f\\\\]|\\\\[*\\\\])+$': {
    message: 'is no pattern',
    fix: 'use \\ only before * or \\ (which it makes literal), and no control characters',
  },
  '^([0-9]{1,9}(ms|s|m|h))+$': { message: 'is no duration', fix: 'write one such as 500ms, 3s, 10m or 1h30m' },
};

/** Kinds of rules that are announced and not there yet. */
const LATER: ReadonlySet<string> = new Set(['redis', 'mongodb']);

function unknownField(error: ErrorObject, schema: Schema): Said {
  const field = (error.params as { additionalProperty: string }).additionalProperty;
  const known = Object.keys(schema.properties ?? {});
  if (LATER.has(field) && known.includes('sql')) {
    return { message: `${field} rules are not supported yet`, fix: 'remove it: only sql rules are', under: field };
  }
  const similar = nearest(field, known);
  const fix = similar === undefined ? `remove it: there are ${known.join(', ')}` : `did you mean ${similar}?`;
  return { message: `unknown field ${field}`, fix, under: field };
}

function alternatives(values: readonly string[]): string {
  return values.length < 2 ? values.join() : `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`;
}

function suggestion(value: unknown, values: readonly string[]): string {
  const similar = typeof value === 'string' ? nearest(value, values) : undefined;
  return similar === undefined ? '' : ` (did you mean ${similar}?)`;
}

function nameOfType(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return TYPES.array;
  switch (typeof value) {
    case 'object':
      return TYPES.object;
    case 'string':
      return TYPES.string;
    case 'boolean':
      return TYPES.boolean;
    default:
      return 'a number';
  }
}

/** ajv's JSON pointer; what the schema knows as a list is indexed by number. */
function pointerPath(pointer: string, root: Schema): (string | number)[] {
  let schema: Schema | undefined = root;
  return pointer
    .split('/')
    .slice(1)
    .map((step) => {
      const key = step.replaceAll('~1', '/').replaceAll('~0', '~');
      const isIndex: boolean = schema?.type === 'array';
      schema = isIndex ? schema?.items : schema?.properties?.[key];
      return isIndex ? Number(key) : key;
    });
}

/** The word that differs by the fewest letters, two at most and fewer than half. */
function nearest(word: string, words: readonly string[]): string | undefined {
  const [best] = words
    .filter((other) => Math.abs(other.length - word.length) <= 2)
    .map((other) => ({ other, distance: distance(word.toLowerCase().slice(0, 64), other.toLowerCase()) }))
    .filter((found) => found.distance <= 2 && found.distance * 2 < found.other.length)
    .sort((a, b) => a.distance - b.distance);
  return best?.other;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
