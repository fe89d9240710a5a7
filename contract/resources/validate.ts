import { checkCel } from './cel.ts';
import { checkText } from './text.ts';
import type { Problem } from './problem.ts';
import { API_VERSION, SCHEMAS, type Kind } from './schemas.gen.ts';
import { isTooLarge, MOST_VALUES } from './size.ts';
import { checkStructure } from './structure.ts';
import type { DatabaseBackend, DbPermission, DbUser } from './types.gen.ts';

export type { Problem } from './problem.ts';

export type Resource = DatabaseBackend | DbPermission | DbUser;

export type Checked =
  { readonly ok: true; readonly resource: Resource } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Everything that is wrong with a document that should be one of our resources. Its status is not looked at. */
export function validateResource(document: unknown): Problem[] {
  const checked = checkResource(document);
  return checked.ok ? [] : [...checked.problems];
}

/** As `validateResource`; what is right comes back with its defaults filled in. The document is left alone. */
export function checkResource(document: unknown): Checked {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    return {
      ok: false,
      problems: [{ path: [], message: 'is no resource', fix: 'write a map with apiVersion, kind, metadata and spec' }],
    };
  }
  const { status: _, ...resource } = document as Readonly<Record<string, unknown>>;
  const kind = kindOf(resource);
  if (typeof kind !== 'string') return { ok: false, problems: [kind] };
  const { metadata, ...described } = resource;
  if (isTooLarge(described)) return { ok: false, problems: [TOO_LARGE] };
  const structure = checkStructure(kind, resource);
  const all = [
    ...checkMetadata(metadata),
    ...structure.problems,
    ...structure.unknown,
    ...checkCel(SCHEMAS[kind], structure),
    ...checkText(kind, structure.completed),
  ];
  return all.length === 0 ? { ok: true, resource: structure.completed as Resource } : { ok: false, problems: all };
}

const TOO_LARGE: Problem = {
  path: ['spec'],
  message: `holds more than ${MOST_VALUES} values, or too many inside each other`,
  fix: 'use patterns, or several resources',
};

function kindOf(document: Readonly<Record<string, unknown>>): Kind | Problem {
  if (document.apiVersion !== API_VERSION) {
    return { path: ['apiVersion'], message: 'is no version of this API that is known', fix: `write ${API_VERSION}` };
  }
  const kinds = Object.keys(SCHEMAS);
  const { kind } = document;
  if (typeof kind === 'string' && isKind(kind)) return kind;
  return { path: ['kind'], message: 'is no kind of this API', fix: `write one of ${kinds.join(', ')}` };
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(SCHEMAS, kind);
}

const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function checkMetadata(metadata: unknown): Problem[] {
  const { name, namespace } = (typeof metadata === 'object' && metadata !== null ? metadata : {}) as {
    readonly name?: unknown;
    readonly namespace?: unknown;
  };
  const problems: Problem[] = [];
  if (typeof name !== 'string' || !OBJECT_NAME.test(name)) {
    const path = name === undefined ? ['metadata'] : ['metadata', 'name'];
    problems.push({
      path,
      message: 'the name is missing or no name of a Kubernetes object',
      fix: 'write metadata.name in lower-case letters, digits, - and .',
    });
  }
  if (namespace !== undefined && (typeof namespace !== 'string' || !NAMESPACE.test(namespace))) {
    problems.push({
      path: ['metadata', 'namespace'],
      message: 'is no name of a namespace',
      fix: 'use lower-case letters, digits and -',
    });
  }
  return problems;
}
