/**
 * The shape of a statement text: the text with its plain constants replaced by marks. Two texts of one shape give parse
 * trees that differ in nothing but the values of constants, so what was found for one holds for the other, provided that
 * no constant's value was looked at. Anything whose lexing isn't certain has no shape: comments, escape and dollar
 * strings, exponents, bytes outside ASCII beyond quotes, several statements.
 *
 * Sound only where standard_conforming_strings is on, which the proxy enforces.
 * Source: PostgreSQL src/backend/parser/scan.l (identical rules for these forms in 15 to 18).
 */

const STRING_MARK = 1;
const INTEGER_MARK = 2;
const DECIMAL_MARK = 3;

const QUOTE = 0x27;
const DOUBLE_QUOTE = 0x22;
const DOLLAR = 0x24;
const DOT = 0x2e;
const SEMICOLON = 0x3b;
const AMPERSAND = 0x26;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;

/** Longer texts are rarely repeated, and copying them costs more than it saves. Bytes. */
const SHAPE_LIMIT = 4096;

type Kind = 'space' | 'letter' | 'digit' | 'self' | 'operator' | 'none';

/** scan.l: space, ident_start, digit, `self` (single characters), op_chars. */
function kindOf(byte: number): Kind {
  const character = String.fromCharCode(byte);
  if (' \t\n\r\f'.includes(character)) return 'space';
  if (/^[A-Za-z_]$/.test(character)) return 'letter';
  if (/^[0-9]$/.test(character)) return 'digit';
  if (',()[].;:'.includes(character)) return 'self';
  if ('+-*/<>=~!@#%^&|`?'.includes(character)) return 'operator';
  return 'none';
}

const KINDS: readonly Kind[] = Array.from({ length: 256 }, (_, byte) => kindOf(byte));
const isWord = (byte: number): boolean => {
  const kind = KINDS[byte];
  return kind === 'letter' || kind === 'digit' || byte === DOLLAR || byte >= 0x80;
};

/** End (exclusive) of what a quote at `start` opens, doubled quotes inside included; -1: never closed. */
function quotedEnd(text: Buffer, start: number): number {
  const quote = text[start] ?? 0;
  let at = start + 1;
  for (;;) {
    const close = text.indexOf(quote, at);
    if (close < 0) return -1;
    if (text[close + 1] !== quote) return close + 1;
    at = close + 2;
  }
}

function wordEnd(text: Buffer, start: number): number {
  let at = start;
  while (at < text.length && isWord(text[at] ?? 0)) at += 1;
  return at;
}

function digitsEnd(text: Buffer, start: number): number {
  let at = start;
  while (KINDS[text[at] ?? 0] === 'digit') at += 1;
  return at;
}

const scratch = Buffer.alloc(SHAPE_LIMIT);

/** One pass over one text; `length` is what it has written to the scratch buffer. */
class ShapeWriter {
  readonly #text: Buffer;
  length = 0;

  constructor(text: Buffer) {
    this.#text = text;
  }

  /** Position after the token at `at`, or -1 where there is no shape. */
  token(at: number): number {
    const byte = this.#text[at] ?? 0;
    if (byte === QUOTE) return this.#string(at);
    if (byte === DOUBLE_QUOTE) return this.#copy(at, quotedEnd(this.#text, at));
    if (byte === DOLLAR) return this.#parameter(at);
    switch (KINDS[byte]) {
      case 'letter':
        return this.#word(at);
      case 'digit':
        return this.#number(at);
      case 'space':
        return this.#copy(at, at + 1);
      case 'self':
        return byte === SEMICOLON && !this.#onlySpaceFrom(at + 1) ? -1 : this.#copy(at, at + 1);
      case 'operator':
        return this.#operator(at);
      default:
        return -1;
    }
  }

  #copy(start: number, end: number): number {
    if (end < 0) return -1;
    for (let at = start; at < end; at += 1) {
      const byte = this.#text[at] ?? 0;
      if (byte < 4) return -1; // would look like a mark
      scratch[this.length] = byte;
      this.length += 1;
    }
    return end;
  }

  #mark(mark: number, end: number): number {
    scratch[this.length] = mark;
    this.length += 1;
    return end;
  }

  #string(at: number): number {
    const end = quotedEnd(this.#text, at);
    return end < 0 || isWord(this.#text[end] ?? 0) ? -1 : this.#mark(STRING_MARK, end);
  }

  /** A word that touches a quote is E'…', B'…', X'…', N'…'. */
  #word(at: number): number {
    const end = wordEnd(this.#text, at);
    const next = this.#text[end];
    if (next === QUOTE || next === DOUBLE_QUOTE) return -1;
    for (let inner = at; inner < end; inner += 1) if ((this.#text[inner] ?? 0) >= 0x80) return -1;
    return this.#copy(at, end);
  }

  /** $1; anything else behind a dollar may be a dollar quote. */
  #parameter(at: number): number {
    const end = digitsEnd(this.#text, at + 1);
    return end === at + 1 || isWord(this.#text[end] ?? 0) ? -1 : this.#copy(at, end);
  }

  #number(at: number): number {
    const previous = this.#text[at - 1] ?? 0;
    if (previous === DOT) return -1;
    let end = digitsEnd(this.#text, at);
    let mark = INTEGER_MARK;
    if (this.#text[end] === DOT) {
      const fraction = digitsEnd(this.#text, end + 1);
      if (fraction === end + 1) return -1;
      end = fraction;
      mark = DECIMAL_MARK;
    }
    const next = this.#text[end] ?? 0;
    return isWord(next) || next === DOT || next === QUOTE || next === DOUBLE_QUOTE ? -1 : this.#mark(mark, end);
  }

  #operator(at: number): number {
    const byte = this.#text[at];
    const next = this.#text[at + 1];
    if (byte === DASH && next === DASH) return -1;
    if (byte === SLASH && next === STAR) return -1;
    if (byte === AMPERSAND && (next === QUOTE || next === DOUBLE_QUOTE)) return -1; // U&'…', U&"…"
    return this.#copy(at, at + 1);
  }

  #onlySpaceFrom(start: number): boolean {
    for (let at = start; at < this.#text.length; at += 1) {
      if (KINDS[this.#text[at] ?? 0] !== 'space') return false;
    }
    return true;
  }
}

/** The shape as a key (a latin1 string), or undefined. `text` is valid UTF-8 without its terminating NUL. */
export function shapeOf(text: Buffer): string | undefined {
  if (text.length === 0 || text.length > SHAPE_LIMIT) return undefined;
  const writer = new ShapeWriter(text);
  for (let at = 0; at < text.length;) {
    at = writer.token(at);
    if (at < 0) return undefined;
  }
  return scratch.toString('latin1', 0, writer.length);
}
