/** Classes of bytes, and where what begins with some of them ends, as PostgreSQL's scan.l has it. */

const OTHER = 0;
export const SPACE = 1;
export const WORD = 2;
export const OPERATOR = 3;
export const OPEN = 4;
export const CLOSE = 5;
export const SEPARATOR = 6;
export const QUOTE = 7;
export const DOLLARS = 8;

/** Class of each byte. Bytes above 127 are letters to scan.l's ident_start. */
export const CLASS = new Uint8Array(256).fill(OTHER);
for (const c of ' \t\n\r\f\v') CLASS[c.charCodeAt(0)] = SPACE;
for (const c of '0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') CLASS[c.charCodeAt(0)] = WORD;
CLASS.fill(WORD, 128);
for (const c of '~!@#^&|`?+-*/%<>=') CLASS[c.charCodeAt(0)] = OPERATOR;
for (const c of '([') CLASS[c.charCodeAt(0)] = OPEN;
for (const c of ')]') CLASS[c.charCodeAt(0)] = CLOSE;
for (const c of ',;') CLASS[c.charCodeAt(0)] = SEPARATOR;
for (const c of `'"`) CLASS[c.charCodeAt(0)] = QUOTE;
CLASS['$'.charCodeAt(0)] = DOLLARS;

const BACKSLASH = 0x5c;
export const DOLLAR = 0x24;
export const DASH = 0x2d;
export const SLASH = 0x2f;
export const STAR = 0x2a;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
export const APOSTROPHE = 0x27;
export const LOWER_E = 0x65;
export const UPPER_E = 0x45;

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

/** The first place from `from` on that is not of the class. */
export function endOfClass(text: Uint8Array, kind: number, from: number): number {
  let at = from;
  while (at < text.length && CLASS[text[at] ?? 0] === kind) at += 1;
  return at;
}

export function endOfLine(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== NEWLINE && text[at] !== RETURN) at += 1;
  return at;
}

/** `start`: a dollar that no digit follows. Where its quote ends, or the next byte if it begins none. */
export function endOfDollarQuote(text: Uint8Array, start: number): number {
  const end = endOfClass(text, WORD, start + 1);
  if (text[end] !== DOLLAR) return start + 1;
  const tag = text.subarray(start, end + 1);
  const close = Buffer.from(text.buffer, text.byteOffset, text.length).indexOf(tag, end + 1);
  return close === -1 ? text.length : close + tag.length;
}

/**
 * `start`: the opening quote of an E'' string. Where it ends, with what continues it: a doubled quote, or one on a following
 * line, which is read with escapes too.
 */
export function endOfEscapedString(text: Uint8Array, start: number): number {
  let at = start;
  for (;;) {
    at = endOfEscapedPart(text, at + 1);
    const next = text[at] === APOSTROPHE ? at : continuation(text, at);
    if (next === -1) return at;
    at = next;
  }
}

function endOfEscapedPart(text: Uint8Array, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== APOSTROPHE) at += text[at] === BACKSLASH ? 2 : 1;
  return Math.min(at + 1, text.length);
}

/** The quote that continues the string that ended before `from` (quotecontinue of scan.l); -1: none. */
function continuation(text: Uint8Array, from: number): number {
  let at = from;
  let newline = false;
  for (;;) {
    const byte = text[at];
    if (byte === NEWLINE || byte === RETURN) newline = true;
    if (byte !== undefined && CLASS[byte] === SPACE) at += 1;
    else if (byte === DASH && text[at + 1] === DASH) at = endOfLine(text, at);
    else return newline && byte === APOSTROPHE ? at : -1;
  }
}
