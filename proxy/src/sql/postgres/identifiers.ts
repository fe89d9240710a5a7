/** Names as the server keeps them: PostgreSQL's NAMEDATALEN - 1 bytes. */
const NAME_BYTES = 63;

/** Cut on a character's boundary, as truncate_identifier does in a UTF-8 database. */
export function cutName(name: string): string {
  if (name.length * 3 <= NAME_BYTES) return name;
  const bytes = Buffer.from(name);
  if (bytes.length <= NAME_BYTES) return name;
  let end = NAME_BYTES;
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.toString('utf8', 0, end);
}

/** Only A to Z: the server folds nothing else in UTF-8. */
export function foldCase(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** What every major takes for space between names (scanner_isspace). Anything else that looks like space is refused. */
const SPACE = /^[ \t\n\r\f]+/;
const NAME = /^(?:"((?:[^"]|"")*)"|([^\s,."]+))/;

/**
 * Identifiers between separators, bare or quoted, as SplitIdentifierString reads a setting (`,`) and
 * stringToQualifiedNameList a relation's name (`.`). undefined: malformed. Empty text: no names.
 */
export function splitIdentifiers(text: string, separator: ',' | '.'): string[] | undefined {
  const names: string[] = [];
  let rest = text.replace(SPACE, '');
  if (rest === '') return names;
  for (;;) {
    const match = NAME.exec(rest);
    if (match === null) return undefined;
    names.push(cutName(match[1] === undefined ? foldCase(match[2] ?? '') : match[1].replaceAll('""', '"')));
    rest = rest.slice(match[0].length).replace(SPACE, '');
    if (rest === '') return names;
    if (!rest.startsWith(separator)) return undefined;
    rest = rest.slice(1).replace(SPACE, '');
  }
}
