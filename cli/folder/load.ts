import { API_VERSION, SCHEMAS } from '#contract/resources/schemas.gen';
import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';
import { checkResource } from '#contract/resources/validate';
import { sortDiagnostics } from './diagnostic.ts';
import type { Diagnostic } from './diagnostic.ts';
import { parseDocuments } from './documents.ts';
import type { Path, SourceDocument } from './documents.ts';
import { readFolder } from './read-folder.ts';
import { readSecret } from './secrets.ts';
import type { Secret } from './secrets.ts';

/** What a folder holds. With an error among the diagnostics it must not be put in force. */
export interface Loaded {
  readonly backends: readonly DatabaseBackend[];
  readonly users: readonly DbUser[];
  readonly permissions: readonly DbPermission[];
  readonly secrets: ReadonlyMap<string, Secret>;
  /** By `Kind namespace/name`: where it was written. */
  readonly origins: ReadonlyMap<string, SourceDocument>;
  readonly diagnostics: readonly Diagnostic[];
  /** Files with Secrets that every user of this machine may read. */
  readonly exposed: readonly string[];
  readonly fingerprint: string;
}

/**
 * Reads and checks every resource by itself; how they fit together is compile's to say. Rejects when there is no such
 * folder; everything else that is wrong is a diagnostic.
 */
export async function loadFolder(folder: string): Promise<Loaded> {
  const { files, problems, fingerprint } = await readFolder(folder);
  const shelf = new Shelf();
  shelf.diagnostics.push(...problems);
  for (const { file, text, exposed } of files) {
    const { documents, problems: unparsable } = parseDocuments(file, text);
    shelf.diagnostics.push(...unparsable);
    const secrets = shelf.secrets.size;
    for (const document of documents) shelf.take(document);
    if (exposed && shelf.secrets.size > secrets) shelf.exposed.push(file);
  }
  const { backends, users, permissions, secrets, origins, exposed } = shelf;
  const diagnostics = sortDiagnostics(shelf.diagnostics);
  return { backends, users, permissions, secrets, origins, diagnostics, exposed, fingerprint };
}

export const originKey = (kind: string, namespace: string, name: string): string => `${kind} ${namespace}/${name}`;

class Shelf {
  readonly backends: DatabaseBackend[] = [];
  readonly users: DbUser[] = [];
  readonly permissions: DbPermission[] = [];
  readonly secrets = new Map<string, Secret>();
  readonly origins = new Map<string, SourceDocument>();
  readonly diagnostics: Diagnostic[] = [];
  readonly exposed: string[] = [];

  take(document: SourceDocument): void {
    const { value } = document;
    const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : undefined;
    if (kind === 'Secret') this.#takeSecret(document);
    else if (typeof kind === 'string' && !Object.hasOwn(SCHEMAS, kind)) this.#refuseKind(document);
    else this.#takeResource(document);
  }

  #refuseKind(document: SourceDocument): void {
    const message = `is no kind that is read here: write ${KINDS}, or move it elsewhere`;
    this.#say(document, ['kind'], { severity: 'error', message, subject: subjectOf(document.value, ['kind']) });
  }

  #takeSecret(document: SourceDocument): void {
    const { secret, problems } = readSecret(document);
    for (const { path, severity, message } of problems) {
      this.#say(document, path, { severity, message, subject: subjectOf(document.value, path) });
    }
    if (secret === undefined || !this.#claim('Secret', secret.namespace, secret.name, document)) return;
    this.secrets.set(`${secret.namespace}/${secret.name}`, secret);
  }

  #takeResource(document: SourceDocument): void {
    const checked = checkResource(document.value);
    if (!checked.ok) {
      for (const { path, message, fix } of checked.problems) {
        const full = fix === undefined ? message : `${message}: ${fix}`;
        this.#say(document, path, { severity: 'error', message: full, subject: subjectOf(document.value, path) });
      }
      return;
    }
    const { resource } = checked;
    const namespace = resource.metadata.namespace ?? 'default';
    const { name, creationTimestamp } = resource.metadata;
    if (!this.#claim(resource.kind, namespace, name, document)) return;
    // A uid copied from a cluster, perhaps twice, must not make two users one: here the name is the identity.
    const metadata = { name, namespace, ...(creationTimestamp === undefined ? {} : { creationTimestamp }) };
    if (resource.kind === 'DatabaseBackend') this.backends.push({ ...resource, metadata });
    else if (resource.kind === 'DbUser') this.users.push({ ...resource, metadata });
    else this.permissions.push({ ...resource, metadata });
  }

  /** false, with a diagnostic: the name is taken. */
  #claim(kind: string, namespace: string, name: string, document: SourceDocument): boolean {
    const key = originKey(kind, namespace, name);
    const first = this.origins.get(key)?.at(['metadata', 'name']);
    if (first === undefined) {
      this.origins.set(key, document);
      return true;
    }
    const message = `is there already, at ${first.file}:${first.line}: rename or remove one`;
    this.#say(document, ['metadata', 'name'], { severity: 'error', message, subject: key });
    return false;
  }

  #say(document: SourceDocument, path: Path, what: Pick<Diagnostic, 'severity' | 'message' | 'subject'>): void {
    this.diagnostics.push({ ...document.at(path), ...what });
  }
}

const KINDS = `${Object.keys(SCHEMAS).join(', ')} (${API_VERSION}) or Secret (v1)`;

const PRINTABLE = /^[-.a-zA-Z0-9]{1,253}$/;

/** `Kind namespace/name path` as far as they can be told. */
function subjectOf(value: unknown, path: Path): string {
  const { kind, metadata } = (value ?? {}) as { readonly kind?: unknown; readonly metadata?: unknown };
  const { name, namespace } = (metadata ?? {}) as { readonly name?: unknown; readonly namespace?: unknown };
  const word = (text: unknown, otherwise: string): string =>
    typeof text === 'string' && PRINTABLE.test(text) ? text : otherwise;
  return `${word(kind, 'document')} ${word(namespace, 'default')}/${word(name, '?')}${spell(path)}`;
}

/** ` spec.rules[0].sql`; empty for the whole. */
export function spell(path: Path): string {
  const text = path.reduce<string>(
    (sum, step) => (typeof step === 'number' ? `${sum}[${step}]` : sum === '' ? step : `${sum}.${step}`),
    '',
  );
  return text === '' ? '' : ` ${text}`;
}
