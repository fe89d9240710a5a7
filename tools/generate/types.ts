import type { Schema } from '#contract/resources/schema';
import type { Crd } from './crd.ts';

/** TypeScript types of the resources as the API server stores them: what has a default is always there. */
export function generateTypes(crds: readonly Crd[]): string {
  return [HEADER, ...crds.map(kindType), ''].join('\n\n');
}

const HEADER = `// Generated from crds/ by tools/generate; do not edit.

/** What we read of a resource's metadata. */
export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly creationTimestamp?: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}`;

function kindType(crd: Crd): string {
  const { spec, status } = crd.schema.properties ?? {};
  if (!spec || !status) throw new Error(`${crd.kind}: spec or status is missing`);
  return `${comment(crd.schema)}export interface ${crd.kind} {
    readonly apiVersion: '${crd.group}/${crd.version}';
    readonly kind: '${crd.kind}';
    readonly metadata: Metadata;
    ${comment(spec)}readonly spec: ${typeOf(spec)};
    ${comment(status)}readonly status?: ${typeOf(status)};
  }`;
}

function typeOf(schema: Schema): string {
  const type = baseType(schema);
  return schema.nullable ? `${type} | null` : type;
}

function baseType(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `'${value}'`).join(' | ');
  switch (schema.type) {
    case 'object':
      return objectType(schema);
    case 'array':
      if (!schema.items) throw new Error('a list says nothing of its items');
      return `readonly (${typeOf(schema.items)})[]`;
    case 'integer':
      return 'number';
    case 'string':
    case 'boolean':
      return schema.type;
  }
}

function objectType(schema: Schema): string {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const always = schema.required?.includes(name) === true || field.default !== undefined;
    return `${comment(field)}readonly ${name}${always ? '' : '?'}: ${typeOf(field)};`;
  });
  return `{\n${fields.join('\n')}\n}`;
}

function comment(schema: Schema): string {
  const text = [schema.description, schema.default === undefined ? '' : `Default: ${JSON.stringify(schema.default)}.`];
  return `/** ${text.filter(Boolean).join(' ')} */\n`;
}
