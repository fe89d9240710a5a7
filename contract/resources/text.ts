import { parsePattern } from '../policy/pattern.ts';
import { parseTime } from './time.ts';
import type { Problem } from './problem.ts';
import type { Kind } from './schemas.gen.ts';

/** NAMEDATALEN - 1 of PostgreSQL as everybody builds it: longer names are cut there. */
const MOST_BYTES = 63;

/** `*` in a path stands for every field or item. */
type Place = readonly string[];

const SELECTORS: Place = ['databases', 'schemas', 'tables', 'columns', 'functions', 'sequences', 'types'];
const selectorsIn = (...rules: Place): Place[] => SELECTORS.map((selector) => [...rules, '*', 'sql', selector, '*']);

/** Where names as the server stores them stand. */
const NAMES: Readonly<Record<Kind, readonly Place[]>> = {
  DatabaseBackend: [
    ['spec', 'database'],
    ['spec', 'searchPath', '*'],
  ],
  DbUser: [['spec', 'username']],
  DbPermission: [],
};

/** Where patterns for such names stand. */
const PATTERNS: Readonly<Record<Kind, readonly Place[]>> = {
  DatabaseBackend: selectorsIn('spec', 'consumers', '*', 'ceiling'),
  DbUser: [],
  DbPermission: selectorsIn('spec', 'rules'),
};

/** Where times stand. */
const TIMES: readonly Place[] = [['spec', 'expiresAt']];

/** What neither OpenAPI nor CEL can say: that names fit in bytes and are Unicode at all, that a well-formed time exists. */
export function checkText(kind: Kind, document: unknown): Problem[] {
  const names = NAMES[kind].flatMap((place) => stringsAt(document, place, []));
  const patterns = PATTERNS[kind].flatMap((place) => stringsAt(document, place, []));
  const times = TIMES.flatMap((place) => stringsAt(document, place, []));
  return [
    ...times.flatMap(({ path, text }) => checkTime(path, text)),
    ...names.flatMap(({ path, text }) => checkName(path, text)),
    ...patterns.flatMap(({ path, text }) => checkName(path, parsePattern(text)?.parts.join('') ?? '')),
  ];
}

/** Such as a leap second, which is RFC 3339 and which no clock of ours ever shows. */
function checkTime(path: Problem['path'], text: string): Problem[] {
  if (!/^[0-9]{4}-/.test(text) || parseTime(text) !== undefined) return [];
  return [{ path, message: 'is a time that does not exist', fix: 'write one such as 2027-01-01T00:00:00Z' }];
}

function checkName(path: Problem['path'], literal: string): Problem[] {
  if (!literal.isWellFormed()) return [{ path, message: 'is not Unicode text', fix: 'write it as UTF-8' }];
  if (new TextEncoder().encode(literal).length <= MOST_BYTES) return [];
  return [
    {
      path,
      message: 'is longer than any name in PostgreSQL, which cuts them to 63 bytes',
      fix: `use at most ${MOST_BYTES} bytes`,
    },
  ];
}

interface Found {
  readonly path: Problem['path'];
  readonly text: string;
}

function stringsAt(value: unknown, place: Place, path: Problem['path']): Found[] {
  const [step, ...rest] = place;
  if (step === undefined) return typeof value === 'string' ? [{ path, text: value }] : [];
  if (typeof value !== 'object' || value === null) return [];
  if (step !== '*') return stringsAt((value as Readonly<Record<string, unknown>>)[step], rest, [...path, step]);
  return Array.isArray(value) ? value.flatMap((item, index) => stringsAt(item, rest, [...path, index])) : [];
}
