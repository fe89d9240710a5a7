import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Schema } from '#contract/resources/schema';

/** What the generators need of a CustomResourceDefinition. */
export interface Crd {
  readonly kind: string;
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly group: string;
  readonly version: string;
  readonly schema: Schema;
  readonly columns: readonly PrinterColumn[];
}

export interface PrinterColumn {
  readonly name: string;
  readonly description: string;
  readonly priority?: number;
}

interface Manifest {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string; readonly plural: string; readonly shortNames: readonly string[] };
    readonly versions: readonly {
      readonly name: string;
      readonly schema: { readonly openAPIV3Schema: Schema };
      readonly additionalPrinterColumns: readonly PrinterColumn[];
    }[];
  };
}

/** All CRDs of a folder, ordered by kind. Each has exactly one version so far. */
export function readCrds(folder: string): Crd[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
  const crds = files.map((file) => toCrd(parse(readFileSync(join(folder, file), 'utf8')) as Manifest, file));
  return crds.sort((a, b) => (a.kind < b.kind ? -1 : 1));
}

function toCrd({ spec }: Manifest, file: string): Crd {
  const [version, ...more] = spec.versions;
  if (version === undefined || more.length > 0) throw new Error(`${file}: expected exactly one version`);
  return {
    ...spec.names,
    group: spec.group,
    version: version.name,
    schema: version.schema.openAPIV3Schema,
    columns: version.additionalPrinterColumns,
  };
}
