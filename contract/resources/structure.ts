import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { describeError } from './structure-message.ts';
import { SCHEMAS, type Kind } from './schemas.gen.ts';
import type { Problem } from './problem.ts';
import type { Schema } from './schema.ts';

/** A resource with its defaults filled in, and what is wrong with its structure. The document itself is left alone. */
export interface Structure {
  readonly completed: unknown;
  readonly problems: readonly Problem[];
  /** Fields that the schema doesn't know. */
  readonly unknown: readonly Problem[];
}

export function checkStructure(kind: Kind, document: object): Structure {
  const validate = validators[kind]();
  const completed: unknown = structuredClone(document);
  const errors = validate(completed) ? [] : (validate.errors ?? []);
  const describe = (error: ErrorObject): Problem => describeError(error, SCHEMAS[kind]);
  const isUnknown = (error: ErrorObject): boolean => error.keyword === 'additionalProperties';
  return {
    completed,
    problems: [...errors.filter((error) => !isUnknown(error)).map(describe), ...doubles(kind, completed)],
    unknown: errors.filter(isUnknown).map(describe),
  };
}

const validators: Readonly<Record<Kind, () => ValidateFunction>> = {
  DatabaseBackend: once(() => compile('DatabaseBackend')),
  DbPermission: once(() => compile('DbPermission')),
  DbUser: once(() => compile('DbUser')),
};

function compile(kind: Kind): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, useDefaults: true, verbose: true });
  addFormats.default(ajv);
  return ajv.compile(jsonSchema(SCHEMAS[kind]));
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** OpenAPI as in CRDs → JSON schema that knows no field but those named. Objects without fields, such as metadata, stay open. */
function jsonSchema(schema: Schema): object {
  const own = Object.entries(schema).filter(([key]) => !key.startsWith('x-kubernetes-'));
  const { properties, items } = schema;
  return {
    ...Object.fromEntries(own),
    ...(items && { items: jsonSchema(items) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, field]) => [name, jsonSchema(field)])),
      additionalProperties: false,
    }),
  };
}

/** Lists that are sets, or maps by some key: no item twice. */
function doubles(kind: Kind, document: unknown): Problem[] {
  const problems: Problem[] = [];
  walk(SCHEMAS[kind], document, [], (schema, value, path) => {
    if (!Array.isArray(value)) return;
    const keys = schema['x-kubernetes-list-map-keys'];
    if (!keys && schema['x-kubernetes-list-type'] !== 'set') return;
    const seen = new Set<string>();
    value.forEach((item: unknown, index) => {
      const id = JSON.stringify(keys ? keys.map((key) => fieldOf(item, key)) : item);
      if (seen.has(id)) problems.push(doubleAt([...path, index], keys));
      seen.add(id);
    });
  });
  return problems;
}

function doubleAt(path: Problem['path'], keys: readonly string[] | undefined): Problem {
  return {
    path,
    message: keys ? `has the same ${keys.join(' and ')} as an item before it` : 'is in the list already',
    fix: keys ? `give it another ${keys.join(' or ')}, or join the two` : 'remove it',
  };
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined;
}

/** Visits every value that has a schema, parents first. */
export function walk(
  schema: Schema,
  value: unknown,
  path: Problem['path'],
  visit: (schema: Schema, value: unknown, path: Problem['path']) => void,
): void {
  visit(schema, value, path);
  const { items, properties } = schema;
  if (items && Array.isArray(value)) value.forEach((item, index) => walk(items, item, [...path, index], visit));
  for (const [name, field] of Object.entries(properties ?? {})) {
    const child = fieldOf(value, name);
    if (child !== undefined) walk(field, child, [...path, name], visit);
  }
}
