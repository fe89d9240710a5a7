import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The CRDs as the chart carries them: kept when it is uninstalled, since every resource would go with them. */
export function generateChartCrds(crds: string, chart: string): (readonly [path: string, text: string])[] {
  const files = readdirSync(crds).filter((file) => file.endsWith('.yaml'));
  return files.map((file) => [join(chart, 'files/crds', file), kept(readFileSync(join(crds, file), 'utf8'), file)]);
}

const METADATA = /^metadata:\n {2}name: \S+\n/m;

function kept(text: string, file: string): string {
  const [found] = METADATA.exec(text) ?? [];
  if (found === undefined) throw new Error(`${file}: expected metadata with a name and nothing before it`);
  const annotated = text.replace(found, `${found}  annotations:\n    helm.sh/resource-policy: keep\n`);
  return `# Generated from crds/ by tools/generate; do not edit.\n${annotated}`;
}

/** What the reference needs of a JSON Schema. */
interface ValueSchema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, ValueSchema>>;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly required?: readonly string[];
  readonly items?: ValueSchema;
}

type Values = Readonly<Record<string, unknown>>;

/** docs/chart.md: every value with its default, from values.schema.json and values.yaml. Throws where they disagree. */
export function generateChartReference(chart: string): string {
  const schema = JSON.parse(readFileSync(join(chart, 'values.schema.json'), 'utf8')) as ValueSchema;
  const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Values;
  const page = new Page(schema);
  page.object('', schema, values);
  return page.toString();
}

const INTRODUCTION = `<!-- Generated from charts/articdbm/ by tools/generate; do not edit. -->

# Values of the chart

\`charts/articdbm\` installs the operator, its webhooks, what it may do ([rbac](rbac.md)), the CRDs, and gateways. One release serves a cluster: names are fixed. Whatever is not in this table is refused.

Its images are published nowhere yet: [make them, push them, and name your registry](images.md#give-them-to-a-cluster) under \`images\`. The [quick start](quick-start.md) goes from there to a refused query.

| value | default | what it is |
|---|---|---|
`;

const LISTS = `

## A gateway

| field | what it is |
|---|---|
`;

class Page {
  readonly #root: ValueSchema;
  readonly #rows: string[] = [];
  readonly #fields: string[] = [];

  constructor(root: ValueSchema) {
    this.#root = root;
  }

  object(path: string, schema: ValueSchema, values: Values): void {
    const properties = schema.properties ?? {};
    for (const key of Object.keys(values)) {
      if (!(key in properties)) throw new Error(`values.yaml: ${path}${key} is not in the schema`);
    }
    for (const [key, property] of Object.entries(properties)) this.#value(`${path}${key}`, property, values[key]);
  }

  toString(): string {
    return `${INTRODUCTION}${this.#rows.join('\n')}${LISTS}${this.#fields.join('\n')}\n`;
  }

  #value(path: string, raw: ValueSchema, value: unknown): void {
    const schema = this.#resolved(path, raw);
    if (path === 'global') return;
    if (value === undefined) throw new Error(`values.yaml: ${path} has no default`);
    const nested =
      schema.type === 'object' && schema.properties !== undefined && schema.properties.limits === undefined;
    this.#rows.push(`| \`${path}\` | ${nested ? '' : `\`${JSON.stringify(value)}\``} | ${described(schema)} |`);
    if (nested) this.object(`${path}.`, schema, value as Values);
    if (path === 'gateways' && schema.items !== undefined) this.#list('', this.#resolved(path, schema.items));
  }

  #list(path: string, schema: ValueSchema): void {
    for (const [key, raw] of Object.entries(schema.properties ?? {})) {
      const field = this.#resolved(`${path}${key}`, raw);
      const needed = schema.required?.includes(key) === true ? 'Required. ' : '';
      this.#fields.push(`| \`${path}${key}\` | ${needed}${described(field)} |`);
      if (key === 'tls') this.#list(`${path}${key}.`, field);
    }
  }

  #resolved(path: string, schema: ValueSchema): ValueSchema {
    const name = schema.$ref?.replace('#/$defs/', '');
    const whole = name === undefined ? schema : { ...this.#root.$defs?.[name], ...schema };
    if (whole.description === undefined && path !== 'gateways')
      throw new Error(`values.schema.json: ${path} has no description`);
    return whole;
  }
}

function described(schema: ValueSchema): string {
  const facts = [
    schema.description?.replaceAll('|', '\\|'),
    schema.enum && `One of ${schema.enum.map((value) => `\`${value}\``).join(', ')}.`,
    schema.minimum !== undefined && schema.maximum !== undefined && `${schema.minimum} to ${schema.maximum}.`,
  ];
  return facts.filter((fact) => typeof fact === 'string').join(' ');
}
