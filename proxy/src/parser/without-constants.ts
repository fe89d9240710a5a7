/**
 * A statement text as an audit event may show it: every constant is replaced by a mark `$n`, numbered after the text's own
 * parameters; comments are gone, white space is one space. What can't be lexed with certainty is not shown at all.
 * Source: PostgreSQL src/backend/parser/scan.l; sound only where standard_conforming_strings is on, as the proxy enforces.
 */
import { endOfDollarQuote, endOfEscapedString, endOfLine } from './lexis.ts';

/** Characters of what is shown; the rest is cut. */
const MOST_SHOWN = 2_048;
const MOST_PARAMETERS = 65_535;

const SPACE = /[ \t\n\r\f\v]+/y;
const WORD = /[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*/y;
const NUMBER =
  /(?:0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)(?:[eE][+-]?[0-9](?:_?[0-9])*)?)(?![A-Za-z0-9_$.'"\x80-\xff])/y;
const PARAMETER = /\$([0-9]{1,5})(?![A-Za-z0-9_$\x80-\xff])/y;
const DOLLAR_QUOTE = /\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$/y;
const STRING = /'(?:[^']|'')*'/y;
const QUOTED_NAME = /"(?:[^"]|"")+"/y;
const SIGN = /[-,()[\].;:+*/<>=~!@#%^&|`?]/y;

/** In these, a bare word may be a value: SET app.secret = hunter2. */
const ASSIGNING: ReadonlySet<string> = new Set(['set', 'alter']);

/** undefined: not certain what is a constant in it. `text` is UTF-8. */
export function withoutConstants(text: Buffer): string | undefined {
  const latin = text.toString('latin1');
  let highest = 0;
  for (const [, digits] of latin.matchAll(/\$([0-9]{1,5})/g)) highest = Math.max(highest, Number(digits));
  if (highest > MOST_PARAMETERS) return undefined;
  const lexer = new Lexer(text, latin, highest);
  for (let at = 0; at < text.length;) {
    const end = lexer.token(at);
    if (end === undefined) return undefined;
    if (lexer.shown.length > MOST_SHOWN) break;
    at = end;
  }
  const shown = Buffer.from(lexer.shown, 'latin1').toString('utf8').trim();
  return shown.length > MOST_SHOWN ? `${shown.slice(0, MOST_SHOWN)}…` : shown;
}

class Lexer {
  readonly #text: Buffer;
  /** The same bytes, one character each. */
  readonly #latin: string;
  #constants: number;
  /** The first word of the present statement. */
  #verb = '';
  #assigned = false;
  /** latin1 */
  shown = '';

  constructor(text: Buffer, latin: string, parameters: number) {
    this.#text = text;
    this.#latin = latin;
    this.#constants = parameters;
  }

  /** Where the token at `at` ends; undefined: not certain. */
  token(at: number): number | undefined {
    const two = this.#latin.slice(at, at + 2);
    if (two === '--') return this.#space(endOfLine(this.#text, at));
    if (two === '/*') return this.#comment(at);
    switch (two[0]) {
      case "'":
        return this.#constant(match(STRING, this.#latin, at));
      case '"':
        return this.#copy(at, match(QUOTED_NAME, this.#latin, at));
      case '$':
        return this.#dollar(at);
      default:
        return this.#plain(at);
    }
  }

  #plain(at: number): number | undefined {
    const space = match(SPACE, this.#latin, at);
    if (space !== undefined) return this.#space(space);
    const word = match(WORD, this.#latin, at);
    if (word !== undefined) return this.#word(at, word);
    if (/^\.?[0-9]/.test(this.#latin.slice(at, at + 2))) return this.#constant(match(NUMBER, this.#latin, at));
    const sign = match(SIGN, this.#latin, at);
    if (this.#latin[at] === ';') this.#verb = '';
    if (this.#latin[at] === ';') this.#assigned = false;
    if (this.#latin[at] === '=') this.#assigned = true;
    return this.#copy(at, sign);
  }

  #word(at: number, end: number): number | undefined {
    const word = this.#latin.slice(at, end).toLowerCase();
    if (this.#latin[end] === "'" && word.length === 1 && 'ebxn'.includes(word)) {
      if (word !== 'e') return this.#constant(match(STRING, this.#latin, end));
      const close = endOfEscapedString(this.#text, end);
      return this.#constant(isClosed(this.#latin, end, close) ? close : undefined);
    }
    if (this.#verb === '') this.#verb = word;
    const value = this.#assigned && ASSIGNING.has(this.#verb);
    if (word === 'to') this.#assigned = true;
    return value ? this.#constant(end) : this.#copy(at, end);
  }

  #dollar(at: number): number | undefined {
    const parameter = match(PARAMETER, this.#latin, at);
    if (parameter !== undefined) return this.#copy(at, parameter);
    const open = match(DOLLAR_QUOTE, this.#latin, at);
    if (open === undefined) return undefined;
    const end = endOfDollarQuote(this.#text, at);
    const tag = this.#latin.slice(at, open);
    return this.#constant(end >= open + tag.length && this.#latin.slice(at, end).endsWith(tag) ? end : undefined);
  }

  #comment(at: number): number | undefined {
    let depth = 0;
    for (const mark = /\/\*|\*\//g; ;) {
      mark.lastIndex = at;
      const found = mark.exec(this.#latin);
      if (found === null) return undefined;
      at = mark.lastIndex;
      depth += found[0] === '/*' ? 1 : -1;
      if (depth === 0) return this.#space(at);
    }
  }

  #space(end: number): number {
    if (!this.shown.endsWith(' ')) this.shown += ' ';
    return end;
  }

  #constant(end: number | undefined): number | undefined {
    if (end === undefined) return undefined;
    this.#constants += 1;
    this.shown += `${/[A-Za-z0-9_$]$/.test(this.shown) ? ' ' : ''}$${String(this.#constants)}`;
    if (/[A-Za-z0-9_$'"\x80-\xff]/.test(this.#latin[end] ?? '')) this.shown += ' ';
    return end;
  }

  #copy(start: number, end: number | undefined): number | undefined {
    if (end !== undefined) this.shown += this.#latin.slice(start, end);
    return end;
  }
}

function match(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** `end` may be the end of a text whose string was never closed: then the last quote is none, or an escaped one. */
function isClosed(text: string, start: number, end: number): boolean {
  if (end < text.length) return true;
  if (end <= start + 1 || text[end - 1] !== "'") return false;
  return /^'(?:[^'\\]|\\[^]|'')*'(?:\s[^']*'(?:[^'\\]|\\[^]|'')*')*$/.test(text.slice(start, end));
}
