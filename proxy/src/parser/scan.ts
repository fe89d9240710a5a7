/**
 * A rough lexer of PostgreSQL's text (src/backend/parser/scan.l), for the guard alone: it counts what could stall or
 * overflow the real parser. It never decides what a statement means.
 *
 * Texts without a backslash and without what could begin a dollar quote it reads exactly as the server does. In others
 * it does not trust itself to know where a string ends, and counts everything as if nothing were quoted: too much, never
 * too little.
 */
export interface Scan {
  /** Tokens, and parts of them; commas don't count, for nothing nests by them. Never less than the server's tokens. */
  readonly tokens: number;
  /** Deepest nesting of ( and [ together. */
  readonly brackets: number;
  /** Longest run of operator characters outside of quotes and comments. */
  readonly operators: number;
  /** Deepest nesting of comments. */
  readonly comments: number;
}

const OTHER = 0;
const SPACE = 1;
const WORD = 2;
const OPERATOR = 3;
const OPEN = 4;
const CLOSE = 5;
const COMMA = 6;
const QUOTE = 7;

/** Class of each byte. Bytes above 127 are letters to scan.l's ident_start. */
const CLASS = new Uint8Array(256).fill(OTHER);
for (const c of ' \t\n\r\f\v') CLASS[c.charCodeAt(0)] = SPACE;
for (const c of '0123456789_$ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz') CLASS[c.charCodeAt(0)] = WORD;
CLASS.fill(WORD, 128);
for (const c of '~!@#^&|`?+-*/%<>=') CLASS[c.charCodeAt(0)] = OPERATOR;
for (const c of '([') CLASS[c.charCodeAt(0)] = OPEN;
for (const c of ')]') CLASS[c.charCodeAt(0)] = CLOSE;
CLASS[','.charCodeAt(0)] = COMMA;
for (const c of `'"`) CLASS[c.charCodeAt(0)] = QUOTE;

const BACKSLASH = 0x5c;
const DOLLAR = 0x24;
const DASH = 0x2d;
const SLASH = 0x2f;
const STAR = 0x2a;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

export function scan(text: Uint8Array): Scan {
  return new Scanner(text, quotesAreCertain(text)).run();
}

/** No E'' escapes and no dollar quotes: then a quote ends at the next one of its kind, doubled ones included. */
function quotesAreCertain(text: Uint8Array): boolean {
  if (text.includes(BACKSLASH)) return false;
  for (let at = text.indexOf(DOLLAR); at !== -1; at = text.indexOf(DOLLAR, at + 1)) {
    const next = text[at + 1] ?? 0;
    if (next === DOLLAR || (CLASS[next] === WORD && !isDigit(next))) return false;
  }
  return true;
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

class Scanner {
  readonly #text: Uint8Array;
  readonly #certain: boolean;
  #tokens = 0;
  #depth = 0;
  #brackets = 0;
  #operators = 0;
  #comment = 0;
  #comments = 0;

  constructor(text: Uint8Array, certain: boolean) {
    this.#text = text;
    this.#certain = certain;
  }

  run(): Scan {
    let at = 0;
    while (at < this.#text.length) at = this.#token(at);
    return { tokens: this.#tokens, brackets: this.#brackets, operators: this.#operators, comments: this.#comments };
  }

  /** Reads what begins at `at`; where it ends. */
  #token(at: number): number {
    switch (CLASS[this.#text[at] ?? 0]) {
      case SPACE:
      case COMMA:
        return at + 1;
      case WORD:
        this.#tokens += 1;
        return this.#endOf(WORD, at + 1);
      case OPERATOR:
        return this.#operator(at);
      case QUOTE:
        return this.#quoted(at);
      default:
        return this.#single(at);
    }
  }

  #endOf(kind: number, from: number): number {
    let at = from;
    while (at < this.#text.length && CLASS[this.#text[at] ?? 0] === kind) at += 1;
    return at;
  }

  #single(at: number): number {
    const kind = CLASS[this.#text[at] ?? 0];
    this.#tokens += 1;
    if (kind === OPEN) this.#brackets = Math.max(this.#brackets, ++this.#depth);
    else if (kind === CLOSE && this.#depth > 0) this.#depth -= 1;
    return at + 1;
  }

  /** Each of its characters counts as a token: `- - -` and `---` … nest alike. */
  #operator(start: number): number {
    const end = this.#endOf(OPERATOR, start);
    const comment = this.#commentIn(start, end);
    if (this.#certain && comment !== -1) {
      this.#ran(comment - start);
      return this.#text[comment] === DASH ? this.#line(comment) : this.#block(comment);
    }
    this.#ran(end - start);
    if (comment !== -1 || this.#comment > 0) this.#nesting(start, end);
    return end;
  }

  #ran(length: number): void {
    this.#tokens += length;
    if (length > this.#operators) this.#operators = length;
  }

  /** Where -- or slash-star begins in a run of operator characters, whichever is first. */
  #commentIn(start: number, end: number): number {
    for (let at = start; at + 1 < end; at += 1) {
      const next = this.#text[at + 1];
      if (this.#text[at] === DASH && next === DASH) return at;
      if (this.#text[at] === SLASH && next === STAR) return at;
    }
    return -1;
  }

  #line(from: number): number {
    let at = from;
    while (at < this.#text.length && this.#text[at] !== NEWLINE && this.#text[at] !== RETURN) at += 1;
    return at;
  }

  #block(start: number): number {
    let at = start;
    do {
      const step = this.#mark(at);
      at += step;
    } while (this.#comment > 0 && at < this.#text.length);
    return at;
  }

  /** Uncertain: comment marks count wherever they stand. */
  #nesting(start: number, end: number): void {
    let at = start;
    while (at < end) at += this.#mark(at);
  }

  /** Counts a mark that begins here; how many bytes it has. */
  #mark(at: number): number {
    const byte = this.#text[at];
    const next = this.#text[at + 1];
    if (byte === SLASH && next === STAR) {
      this.#comments = Math.max(this.#comments, ++this.#comment);
      return 2;
    }
    if (this.#comment > 0 && byte === STAR && next === SLASH) {
      this.#comment -= 1;
      return 2;
    }
    return 1;
  }

  /** A doubled quote begins a new one at once: that one more token does no harm. */
  #quoted(at: number): number {
    this.#tokens += 1;
    if (!this.#certain) return at + 1;
    const end = this.#text.indexOf(this.#text[at] ?? 0, at + 1);
    return end === -1 ? this.#text.length : end + 1;
  }
}
