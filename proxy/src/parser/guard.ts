import { isUtf8 } from 'node:buffer';
import type { Misunderstood } from '#proxy/sql/inspection';
import { scan } from './scan.ts';

/** A statement text, whole: `ProxyLimits.statementBytes` is at most this. */
export const MAX_TEXT = 4 * 1024 * 1024;

/** What may be parsed on the main thread: small enough that the worst of its kind takes a few milliseconds … */
export const SMALL_TEXT = 8 * 1024;
/** … and so flat that no structure of so many tokens overflows the stack, whatever it is (toolchain: from 5,000 terms). */
const FLAT = { tokens: 500, brackets: 64, operators: 64, comments: 8 } as const;

/**
 * What no legitimate text has. Runs of operator characters and nested comments make PostgreSQL's lexer quadratic
 * (scan.l throws back what it read by yyless and begins anew); the number of tokens bounds memory.
 */
const LEGITIMATE = { tokens: 150_000, operators: 256, comments: 32 } as const;

export type Verdict = Misunderstood | 'flat' | 'unknown';

/**
 * First look at a text, cheap for any size. `flat`: it may be parsed in place. `unknown`: a worker must look closer
 * with `guardStructure`.
 */
export function guardText(text: Buffer, maximum: number): Verdict {
  if (text.length > maximum) return tooLarge('statement is too long', 'Send it in smaller parts.');
  // What follows a NUL the parser would not see, and the server would refuse.
  if (text.includes(0) || !isUtf8(text)) return NOT_UTF8;
  if (text.length > SMALL_TEXT) return 'unknown';
  const found = scan(text);
  const flat =
    found.tokens <= FLAT.tokens &&
    found.brackets <= FLAT.brackets &&
    found.operators <= FLAT.operators &&
    found.comments <= FLAT.comments;
  return flat ? 'flat' : 'unknown';
}

/** Second look, for what is not flat; linear in the text's length. undefined: the parser may have it. */
export function guardStructure(text: Uint8Array): Misunderstood | undefined {
  const found = scan(text);
  if (found.operators > LEGITIMATE.operators) return guarded('a run of operator characters is too long');
  if (found.comments > LEGITIMATE.comments) return guarded('comments are nested too deeply');
  if (found.tokens > LEGITIMATE.tokens) return tooLarge('statement has too many parts', 'Send it in smaller parts.');
  return undefined;
}

const NOT_UTF8: Misunderstood = {
  understood: false,
  reason: 'encoding',
  message: 'statement text is not valid UTF-8, or holds a NUL',
  sqlstate: '22021', // character_not_in_repertoire
};

/** 54001 is statement_too_complex. */
export function tooLarge(message: string, hint: string): Misunderstood {
  return { understood: false, reason: 'too-large', message, sqlstate: '54001', hint };
}

export function guarded(message: string): Misunderstood {
  return { understood: false, reason: 'guarded', message, sqlstate: '54001' };
}
