import type { Schema } from '#contract/resources/schema';
import type { Crd } from './crd.ts';

/** One page of reference per kind: every field with its type, bounds, default and rules. */
export function generateReference(crd: Crd): string {
  const { spec, status } = crd.schema.properties ?? {};
  if (!spec || !status) throw new Error(`${crd.kind}: spec or status is missing`);
  const lines = [
    `<!-- Generated from crds/ by tools/generate; do not edit. -->`,
    `# ${crd.kind}`,
    crd.schema.description ?? '',
    `\`apiVersion: ${crd.group}/${crd.version}\`, \`kind: ${crd.kind}\`, namespaced; ` +
      `\`kubectl get ${crd.plural}\` (short: ${crd.shortNames.map((name) => `\`${name}\``).join(', ')}).`,
    '## What kubectl get shows',
    bullets(crd.columns.map(({ name, description, priority }) => `**${name}**: ${description}${wide(priority)}`)),
    '## Fields',
    ...field('spec', spec, true),
    '## Status',
    ...field('status', status, false),
  ];
  return lines.filter((line) => line !== '').join('\n\n') + '\n';
}

function wide(priority: number | undefined): string {
  return priority ? ' (with `-o wide`)' : '';
}

function field(path: string, schema: Schema, required: boolean): string[] {
  const own = [
    `### \`${path}\``,
    schema.description ?? '',
    bullets([`Type: ${typeName(schema)}${required ? ', required' : ''}`, ...facts(schema), ...rules(schema)]),
  ];
  return [...own, ...children(path, schema)];
}

function children(path: string, schema: Schema): string[] {
  const items = schema.items;
  if (items) return items.type === 'object' ? children(`${path}[]`, items) : [];
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    field(`${path}.${name}`, child, schema.required?.includes(name) === true),
  );
}

function typeName(schema: Schema): string {
  const name = schema.items ? `list of ${typeName(schema.items)}` : (schema.format ?? schema.type);
  return schema.nullable ? `${name} or null` : name;
}

function facts(schema: Schema): string[] {
  const { items } = schema;
  const keys = schema['x-kubernetes-list-map-keys'];
  const said: (string | undefined)[] = [
    schema.default === undefined ? undefined : `Default: \`${JSON.stringify(schema.default)}\``,
    schema.enum && `One of: ${schema.enum.map((value) => `\`${value}\``).join(', ')}`,
    items?.enum && `Each one of: ${items.enum.map((value) => `\`${value}\``).join(', ')}`,
    bounds('Length', schema.minLength, schema.maxLength),
    bounds('Value', schema.minimum, schema.maximum),
    bounds('Items', schema.minItems, schema.maxItems),
    items && bounds('Length of each', items.minLength, items.maxLength),
    pattern('Form', schema.pattern),
    pattern('Form of each', items?.pattern),
    keys && `No two items have the same ${keys.map((key) => `\`${key}\``).join(', ')}`,
    schema['x-kubernetes-list-type'] === 'set' ? 'No item twice' : undefined,
  ];
  return said.filter((fact) => fact !== undefined);
}

function bounds(what: string, least: number | undefined, most: number | undefined): string | undefined {
  if (least === undefined && most === undefined) return undefined;
  if (most === undefined) return `${what}: ${least} or more`;
  return least === undefined ? `${what}: up to ${most}` : `${what}: ${least} to ${most}`;
}

function pattern(what: string, form: string | undefined): string | undefined {
  return form === undefined ? undefined : `${what}: \`${form}\``;
}

function rules(schema: Schema): string[] {
  const own = (schema['x-kubernetes-validations'] ?? []).map((rule) => `Checked: ${rule.message}`);
  const each = (schema.items?.['x-kubernetes-validations'] ?? []).map((rule) => `Checked of each: ${rule.message}`);
  return [...own, ...each];
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}
