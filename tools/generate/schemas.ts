import type { Crd } from './crd.ts';

/** The CRDs' schemas as data, for checks without an API server. */
export function generateSchemas(crds: readonly Crd[]): string {
  const version = [...new Set(crds.map((crd) => `${crd.group}/${crd.version}`))];
  if (version.length !== 1) throw new Error('the kinds are of different groups or versions');
  const schemas = crds.map((crd) => `${crd.kind}: ${JSON.stringify(crd.schema)}`);
  return `// Generated from crds/ by tools/generate; do not edit.

import type { Schema } from './schema.ts';

export const API_VERSION = '${version.join()}';

export type Kind = ${crds.map((crd) => `'${crd.kind}'`).join(' | ')};

export const SCHEMAS: Readonly<Record<Kind, Schema>> = {${schemas.join(',\n')}};
`;
}
