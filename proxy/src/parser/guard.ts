import { isUtf8 } from 'node:buffer';
import type { Misunderstood } from '#proxy/sql/inspection';
import { scan, type Scan } from './scan.ts';

/** A statement text, whole: `ProxyLimits.statementBytes` is at most this. */
export const MAX_TEXT = 4 * 1024 * 1024;

/** What may be parsed on the main thread: small enough that the worst of its kind takes a few milliseconds … */
const SMALL_TEXT = 8 * 1024;
/**
 * … and so flat that no structure of such tokens overflows the stack, whatever it is (that takes chains of some 5,000), or
 * exceeds what `guardTree` allows: so it need not be asked.
 */
const FLAT: Scan = { tokens: 1_500, chain: 400, brackets: 64, operators: 64, comments: 8, rescans: 32 * 1024 };

/**
 * What no legitimate text exceeds. Tokens bound memory; chains overflow the worker's stack from 30,000 on, and deeper trees
 * than `guardTree` allows come of much shorter ones; the rest is what the lexer is quadratic in (some 1 ns a byte).
 */
const LEGITIMATE: Scan = {
  tokens: 150_000,
  chain: 20_000,
  brackets: 5_000,
  operators: 256,
  comments: 32,
  rescans: 32 * 1024 * 1024,
};

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
  return within(scan(text), FLAT) ? 'flat' : 'unknown';
}

/** Second look, for what is not flat; linear in the text's length. undefined: the parser may have it. */
export function guardStructure(text: Uint8Array): Misunderstood | undefined {
  const found = scan(text);
  if (within(found, LEGITIMATE)) return undefined;
  if (found.tokens > LEGITIMATE.tokens) return tooLarge('statement has too many parts', 'Send it in smaller parts.');
  if (found.chain > LEGITIMATE.chain || found.brackets > LEGITIMATE.brackets) return TOO_DEEP;
  if (found.comments > LEGITIMATE.comments) return guarded('comments are nested too deeply');
  return guarded('too many operator characters in a row');
}

const within = (found: Scan, limits: Scan): boolean =>
  found.tokens <= limits.tokens &&
  found.chain <= limits.chain &&
  found.brackets <= limits.brackets &&
  found.operators <= limits.operators &&
  found.comments <= limits.comments &&
  found.rescans <= limits.rescans;

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

export const TOO_DEEP: Misunderstood = tooLarge(
  'statement is nested too deeply',
  'Write long chains as lists, such as IN (…) or = ANY (…).',
);
