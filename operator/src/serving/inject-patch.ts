import { fieldOf, fieldsOf, isEqual, isRecord } from './inject-equal.ts';

/** RFC 6902. Injection only adds and replaces. */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove';
  /** RFC 6901. */
  readonly path: string;
  readonly value?: unknown;
}

/** What makes `next` of `old`. Items of lists are known by their `name`, so that what a webhook leaves alone stays unnamed. */
export function patchOf(old: unknown, next: unknown, path = ''): readonly PatchOperation[] {
  if (isEqual(old, next)) return [];
  if (Array.isArray(old) && Array.isArray(next)) {
    return patchOfList(old, next, path) ?? [{ op: 'replace', path, value: next }];
  }
  if (!isRecord(old) || !isRecord(next)) return [{ op: 'replace', path, value: next }];
  const removed = fieldsOf(old).filter((name) => fieldOf(next, name) === undefined);
  return [
    ...removed.map((name) => ({ op: 'remove', path: under(path, name) }) as const),
    ...fieldsOf(next).flatMap((name) => patchOfField(old, next, name, path)),
  ];
}

function patchOfField(
  old: Readonly<Record<string, unknown>>,
  next: Readonly<Record<string, unknown>>,
  name: string,
  path: string,
): readonly PatchOperation[] {
  const at = under(path, name);
  return fieldOf(old, name) !== undefined
    ? patchOf(fieldOf(old, name), next[name], at)
    : [{ op: 'add', path: at, value: next[name] }];
}

/** undefined: not all old items are there in their order. */
function patchOfList(
  old: readonly unknown[],
  next: readonly unknown[],
  path: string,
): readonly PatchOperation[] | undefined {
  let passed = 0;
  const operations = next.flatMap((item, index): readonly PatchOperation[] => {
    const at = under(path, String(index));
    if (passed === old.length || !isSameItem(old[passed], item)) return [{ op: 'add', path: at, value: item }];
    return patchOf(old[passed++], item, at);
  });
  return passed === old.length ? operations : undefined;
}

function isSameItem(old: unknown, next: unknown): boolean {
  if (isRecord(old) && isRecord(next) && typeof old.name === 'string') return old.name === next.name;
  return isEqual(old, next);
}

const under = (path: string, name: string): string => `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
