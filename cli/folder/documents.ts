import { LineCounter, isAlias, isDocument, isMap, isNode, isPair, isScalar, isSeq, parseAllDocuments } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import type { Diagnostic } from './diagnostic.ts';

export type Path = readonly (string | number)[];

export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One YAML document, or one item of a `kind: List`. */
export interface SourceDocument {
  readonly value: unknown;
  /** Where the value at the path stands: its key in a map, the item in a list; the nearest holder if there is none. */
  at(path: Path): Position;
}

export interface Documents {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly Diagnostic[];
}

/** A document that needs more is a bomb: aliases of aliases grow without bound. */
const MAX_ALIASES = 100;

/** All documents of a YAML or JSON text (JSON is YAML). Empty ones are left out. Never throws on what is in the text. */
export function parseDocuments(file: string, text: string): Documents {
  const lines = new LineCounter();
  const locate = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const parsed = withinStack(() =>
    parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false, // pretty ones quote the line, which may hold a password
      stringKeys: true,
      uniqueKeys: true,
      version: '1.2',
      schema: 'core',
      logLevel: 'error',
    }),
  );
  if (parsed === undefined) return { documents: [], problems: [{ file, severity: 'error', message: TOO_DEEP }] };
  const list = Array.isArray(parsed) ? (parsed as Document[]) : [];
  const documents: SourceDocument[] = [];
  const problems: Diagnostic[] = [];
  for (const document of list) {
    const faults = [...document.errors, ...document.warnings];
    problems.push(
      ...faults.map(({ code, pos }) => ({ ...locate(pos[0]), severity: 'error' as const, message: say(code) })),
    );
    if (faults.length > 0 || document.contents === null) continue;
    const value = plainValue(document);
    const at = (path: Path): Position => locate(offsetOf(document, path));
    if (typeof value === 'string') problems.push({ ...at([]), severity: 'error', message: value });
    else documents.push(...listItems({ value: value.plain, at }));
  }
  return { documents, problems };
}

/** What `kubectl get -o yaml` prints of several resources. */
function listItems(document: SourceDocument): SourceDocument[] {
  const { kind, items } = (document.value ?? {}) as { readonly kind?: unknown; readonly items?: unknown };
  if (kind !== 'List' || !Array.isArray(items)) return [document];
  return items.map((value: unknown, index) => ({ value, at: (path) => document.at(['items', index, ...path]) }));
}

const TOO_DEEP = 'is nested too deeply: write it flat';

function plainValue(document: Document): { readonly plain: unknown } | string {
  try {
    return withinStack(() => ({ plain: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown })) ?? TOO_DEEP;
  } catch (error) {
    if (error instanceof ReferenceError) return `uses more than ${MAX_ALIASES} aliases, or one in itself: write it out`;
    throw error;
  }
}

/** undefined: the text is nested so deeply that reading it ran out of stack. */
function withinStack<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The library's own messages may quote the text. */
const MESSAGES: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'names an anchor that is not there: write &name before *name',
  BAD_INDENT: 'is indented otherwise than what it belongs to: line it up with its neighbours',
  BLOCK_AS_IMPLICIT_KEY: 'has a key where a value is expected: is a line break or a space missing?',
  BLOCK_IN_FLOW: 'has an indented block inside [ ] or { }: write it on one line, or without the brackets',
  DUPLICATE_KEY: 'has this key twice: remove one',
  MISSING_CHAR: 'lacks a character here, such as a closing quote, bracket, comma or colon: add it',
  MULTILINE_IMPLICIT_KEY: 'has a key that runs over several lines: is a colon or a quote missing?',
  NON_STRING_KEY: 'has a key that is no string: put it in quotes',
  TAB_AS_INDENT: 'is indented by a tab: use spaces',
  TAG_RESOLVE_FAILED: 'has a tag (!name), which is not supported: remove it',
  UNEXPECTED_TOKEN: 'is not expected here: check the lines before it for a missing quote, colon or space',
  BAD_SCALAR_START: 'begins with a character that YAML keeps for itself: put the value in quotes',
  BAD_DQ_ESCAPE: 'has an escape that is unknown: write \\\\ for a backslash, or use single quotes',
};

const say = (code: string): string => MESSAGES[code] ?? `is no valid YAML (${code}): mend it`;

/** Offset of what stands at the path, as far as it can be followed. */
function offsetOf(document: Document, path: Path): number {
  let offset = startOf(document.contents) ?? document.range?.[0] ?? 0;
  let node: unknown = document.contents;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    const next = stepInto(node, step);
    if (next === undefined) break;
    offset = startOf(isPair(next) ? next.key : next) ?? offset;
    node = isPair(next) ? next.value : next;
  }
  return offset;
}

function stepInto(node: unknown, step: string | number): Node | Pair | undefined {
  if (isMap(node)) return node.items.find(({ key }) => (isScalar(key) ? key.value : key) === step);
  const item = isSeq(node) && typeof step === 'number' ? node.items[step] : undefined;
  return isNode(item) ? item : undefined;
}

const startOf = (node: unknown): number | undefined =>
  isNode(node) && !isDocument(node) ? (node.range?.[0] ?? undefined) : undefined;
