import {
  APOSTROPHE,
  CLASS,
  CLOSE,
  DASH,
  DOLLAR,
  DOLLARS,
  endOfClass,
  endOfDollarQuote,
  endOfEscapedString,
  endOfLine,
  isDigit,
  LOWER_E,
  OPEN,
  OPERATOR,
  QUOTE,
  SEPARATOR,
  SLASH,
  SPACE,
  STAR,
  UPPER_E,
  WORD,
} from './lexis.ts';

/**
 * A rough lexer of PostgreSQL's text (src/backend/parser/scan.l), for the guard alone: it counts what could stall or
 * overflow the real parser. It never decides what a statement means.
 *
 * It reads quotes, escapes, dollar quotes and comments as the server does. Where majors differ (what a number with letters
 * behind it is) it does not trust itself to know where a string begins: it starts again and counts everything as if
 * nothing were quoted. That is too much, never too little.
 */
export interface Scan {
  /** Tokens, and parts of them; commas and semicolons don't count. Never less than the server's tokens. */
  readonly tokens: number;
  /**
   * Most tokens that can be nested in one another: those that stand before a place since the last comma or semicolon, of
   * its own bracket and of each one around it. No parse tree is deeper, whatever the tokens are; a list counts too much
   * only where it is not separated by commas (AND, OR).
   */
  readonly chain: number;
  /** Deepest nesting of ( and [ together. */
  readonly brackets: number;
  /** Longest run of operator characters outside of quotes and comments. */
  readonly operators: number;
  /** Deepest nesting of comments. */
  readonly comments: number;
  /**
   * Bytes that PostgreSQL's lexer reads again and again: it takes a whole run of operator characters at once, finds a
   * shorter token or a comment in it and gives the rest back (yyless), so a run costs up to its square.
   */
  readonly rescans: number;
}

export function scan(text: Uint8Array): Scan {
  return new Scanner(text, true).run() ?? new Scanner(text, false).run() ?? EVERYTHING;
}

/** Not reached: an uncertain scanner has no doubts. */
const EVERYTHING: Scan = {
  tokens: Infinity,
  chain: Infinity,
  brackets: Infinity,
  operators: Infinity,
  comments: Infinity,
  rescans: Infinity,
};

class Scanner {
  readonly #text: Uint8Array;
  /** False: nothing is quoted, nothing ends a bracket or an item of a list. */
  readonly #certain: boolean;
  #doubt = false;
  /** Where the last word began and ended. */
  #wordStart = 0;
  #wordEnd = -1;
  /** For each open bracket, the tokens before it since the last comma. */
  readonly #outer: number[] = [];
  /** The sum of those, and of the tokens in the present bracket. */
  #nested = 0;
  #inner = 0;
  /** Where the present run of operator characters ends. */
  #runEnd = 0;
  #comment = 0;
  #tokens = 0;
  #chain = 0;
  #brackets = 0;
  #operators = 0;
  #comments = 0;
  #rescans = 0;

  constructor(text: Uint8Array, certain: boolean) {
    this.#text = text;
    this.#certain = certain;
  }

  /** undefined: in doubt. */
  run(): Scan | undefined {
    let at = 0;
    while (at < this.#text.length && !this.#doubt) at = this.#token(at);
    if (this.#doubt) return undefined;
    return {
      tokens: this.#tokens,
      chain: this.#chain,
      brackets: this.#brackets,
      operators: this.#operators,
      comments: this.#comments,
      rescans: this.#rescans,
    };
  }

  /** Reads what begins at `at`; where it ends. */
  #token(at: number): number {
    switch (CLASS[this.#text[at] ?? 0]) {
      case SPACE:
        return at + 1;
      case WORD:
        return this.#word(at);
      case OPERATOR:
        return this.#operator(at);
      case QUOTE:
        return this.#quoted(at);
      case DOLLARS:
        return this.#dollar(at);
      case SEPARATOR:
        return this.#separator(at);
      default:
        return this.#single(at);
    }
  }

  #count(tokens: number): void {
    this.#tokens += tokens;
    this.#inner += tokens;
    this.#nested += tokens;
    if (this.#nested > this.#chain) this.#chain = this.#nested;
  }

  /** Identifiers and numbers; digits and letters of a junk number are one. */
  #word(start: number): number {
    this.#count(1);
    let at = endOfClass(this.#text, WORD, start + 1);
    const number = isDigit(this.#text[start] ?? 0);
    while (!number && this.#text[at] === DOLLAR) at = endOfClass(this.#text, WORD, at + 1);
    this.#wordStart = start;
    this.#wordEnd = at;
    // Before 15 a number's letters began a word of their own, which could be the E of a string or hold a dollar.
    if (number && this.#certain && this.#isJunk(start, at)) this.#doubt = true;
    return at;
  }

  #isJunk(start: number, end: number): boolean {
    const next = this.#text[end];
    if (next !== DOLLAR && next !== APOSTROPHE) return false;
    for (let at = start; at < end; at += 1) if (!isDigit(this.#text[at] ?? 0)) return true;
    return false;
  }

  #separator(at: number): number {
    if (this.#certain) {
      this.#nested -= this.#inner;
      this.#inner = 0;
    }
    return at + 1;
  }

  /** A parameter, a dollar quote, or a sign that is none. */
  #dollar(at: number): number {
    this.#count(1);
    if (!this.#certain) return at + 1;
    let end = at + 1;
    while (isDigit(this.#text[end] ?? 0)) end += 1;
    return end > at + 1 ? end : endOfDollarQuote(this.#text, at);
  }

  #single(at: number): number {
    const kind = CLASS[this.#text[at] ?? 0];
    this.#count(1);
    if (kind === OPEN) {
      this.#outer.push(this.#inner);
      if (this.#certain) this.#inner = 0;
      if (this.#outer.length > this.#brackets) this.#brackets = this.#outer.length;
    } else if (kind === CLOSE && this.#certain && this.#outer.length > 0) {
      this.#nested -= this.#inner;
      this.#inner = this.#outer.pop() ?? 0;
    }
    return at + 1;
  }

  /** The run's end, found once for all that begins in it. */
  #endOfRun(at: number): number {
    if (at >= this.#runEnd) this.#runEnd = endOfClass(this.#text, OPERATOR, at);
    return this.#runEnd;
  }

  /** Each of its characters counts as a token: `- - -` and `@-@-` nest alike. */
  #operator(start: number): number {
    const end = this.#endOfRun(start);
    const comment = this.#commentIn(start, end);
    const operators = (this.#certain ? comment : end) - start;
    this.#count(operators);
    this.#rescans += operators * (end - start);
    if (operators > this.#operators) this.#operators = operators;
    if (!this.#certain) return this.#marks(start, end);
    if (comment === end) return end;
    return this.#text[comment] === DASH ? endOfLine(this.#text, comment) : this.#block(comment);
  }

  /** Where -- or slash-star begins in a run of operator characters, whichever is first; `end`: nowhere. */
  #commentIn(start: number, end: number): number {
    for (let at = start; at + 1 < end; at += 1) {
      const next = this.#text[at + 1];
      if (this.#text[at] === DASH && next === DASH) return at;
      if (this.#text[at] === SLASH && next === STAR) return at;
    }
    return end;
  }

  #block(start: number): number {
    let at = start;
    do at += this.#mark(at);
    while (this.#comment > 0 && at < this.#text.length);
    return at;
  }

  /** Uncertain: comment marks count wherever they stand. */
  #marks(start: number, end: number): number {
    let at = start;
    while (at < end) at += this.#mark(at);
    return end;
  }

  /** Counts a comment's mark that begins here; how many bytes it has. */
  #mark(at: number): number {
    const byte = this.#text[at];
    const next = this.#text[at + 1];
    if (byte === SLASH && next === STAR) {
      this.#comment += 1;
      if (this.#comment > this.#comments) this.#comments = this.#comment;
      this.#rescans += this.#endOfRun(at) - at;
      return 2;
    }
    if (this.#comment > 0 && byte === STAR && next === SLASH) {
      this.#comment -= 1;
      return 2;
    }
    return 1;
  }

  #quoted(at: number): number {
    this.#count(1);
    if (!this.#certain) return at + 1;
    if (this.#text[at] === APOSTROPHE && this.#escapes(at)) return endOfEscapedString(this.#text, at);
    // A doubled quote begins a new one at once: that one more token does no harm.
    const end = this.#text.indexOf(this.#text[at] ?? 0, at + 1);
    return end === -1 ? this.#text.length : end + 1;
  }

  /** Whether a lone E stands right before the quote. */
  #escapes(at: number): boolean {
    const before = this.#text[at - 1];
    return this.#wordEnd === at && this.#wordStart === at - 1 && (before === LOWER_E || before === UPPER_E);
  }
}
