import * as tables from './saslprep-tables.gen.ts';

const ASCII_BYTES = 0x80;

/**
 * A password as PostgreSQL hashes it (pg_saslprep in src/common/saslprep.c, and how its callers use it): ASCII as it
 * is, control characters included; else by RFC 4013; and what that prohibits as the raw bytes, so that passwords in
 * other encodings still work. Bytes that are not UTF-8 stay as they are.
 */
export function preparePassword(password: string | Buffer): Buffer {
  const raw = typeof password === 'string' ? Buffer.from(password, 'utf8') : password;
  if (raw.every((byte) => byte < ASCII_BYTES)) return raw;
  const text = decodeUtf8(raw);
  const prepared = text === undefined ? undefined : saslprep(text);
  return prepared === undefined ? raw : Buffer.from(prepared, 'utf8');
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/**
 * RFC 4013 §2: map, normalise, prohibit, check directions. undefined: prohibited. Normalised by the Unicode of this
 * Node, which for code points of Unicode 3.2 is the same in every version, and others are prohibited.
 */
function saslprep(text: string): string | undefined {
  const mapped = Array.from(text, (sign) => (isIn('SPACES', sign) ? ' ' : sign));
  const signs = Array.from(
    mapped
      .filter((sign) => !isIn('MAPPED_TO_NOTHING', sign))
      .join('')
      .normalize('NFKC'),
  );
  if (signs.length === 0) return undefined;
  if (signs.some((sign) => isIn('PROHIBITED', sign) || isIn('UNASSIGNED', sign))) return undefined;
  return directionsAgree(signs) ? signs.join('') : undefined;
}

/** RFC 3454 §6: with anything that runs from right to left in it, it begins and ends so, and nothing runs the other way. */
function directionsAgree(signs: readonly string[]): boolean {
  if (!signs.some((sign) => isIn('RIGHT_TO_LEFT', sign))) return true;
  if (signs.some((sign) => isIn('LEFT_TO_RIGHT', sign))) return false;
  return [signs[0], signs.at(-1)].every((sign) => sign !== undefined && isIn('RIGHT_TO_LEFT', sign));
}

type Table = keyof typeof tables;

/** Parsed when the first password that is not ASCII comes: most processes never see one. */
const parsed = new Map<Table, readonly (readonly [from: number, to: number])[]>();

function rangesOf(table: Table): readonly (readonly [number, number])[] {
  let ranges = parsed.get(table);
  if (ranges === undefined) {
    ranges = tables[table]
      .trim()
      .split(/\s+/)
      .map((range) => {
        const [from = '', to = from] = range.split('-');
        return [Number.parseInt(from, 16), Number.parseInt(to, 16)];
      });
    parsed.set(table, ranges);
  }
  return ranges;
}

function isIn(table: Table, sign: string): boolean {
  const point = sign.codePointAt(0) ?? 0;
  const ranges = rangesOf(table);
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle]?.[1] ?? 0) < point) low = middle + 1;
    else high = middle;
  }
  return (ranges[low]?.[0] ?? Number.POSITIVE_INFINITY) <= point;
}
