import type { Misunderstood } from '#proxy/sql/inspection';
import type { GrammarError } from './grammar.ts';

/**
 * libpg-query does not tell the SQLSTATE. scan.l and gram.y raise 42601 unless they say otherwise; these are the errors
 * of theirs that do (ereport calls of PostgreSQL 15 to 18).
 */
const STATES: readonly (readonly [message: RegExp, sqlstate: string])[] = [
  [/^stack depth limit exceeded$/, '54001'],
  [/^invalid byte sequence for encoding/, '22021'],
  [/^unsafe use of \\' in a string literal$/, '22P06'],
  [/not (yet )?implemented|not supported|no longer supported|cannot be marked|unsupported/, '0A000'],
  [/^current database cannot be changed$/, '0A000'],
  [/^aggregates cannot (have|use)|VARIADIC direct argument/, '0A000'],
  [/^(modulus|remainder) for hash partition provided more than once$/, '42710'],
  [/^precision for type float must be/, '22023'],
  [/^column number must be in range/, '22023'],
  [/^unrecognized (partitioning strategy|JSON encoding)/, '22023'],
  [/^frame (start|end|starting)/, '42P20'],
];

/** Functions of the lexer whose errors are of another class than the message's usual one. */
const INVALID_ESCAPE = 'invalid Unicode escape';

/** The parser's own words, for the client that sent the text. */
export function syntaxError(error: GrammarError): Misunderstood {
  const { message, position } = error;
  const hint = hintOf(error);
  return {
    understood: false,
    reason: 'syntax',
    message,
    sqlstate: stateOf(error),
    ...(position > 0 ? { position } : {}),
    ...(hint === undefined ? {} : { hint }),
  };
}

function stateOf(error: GrammarError): string {
  // The lexer's (in E'') is invalid_escape_sequence, the parser's (in U&'') a syntax error.
  if (error.message === INVALID_ESCAPE) return error.file === 'scan.l' ? '22025' : '42601';
  return STATES.find(([message]) => message.test(error.message))?.[1] ?? '42601';
}

function hintOf(error: GrammarError): string | undefined {
  if (error.message !== INVALID_ESCAPE) return undefined;
  const forms = error.file === 'scan.l' ? ['\\uXXXX', '\\UXXXXXXXX'] : ['\\XXXX', '\\+XXXXXX'];
  return `Unicode escapes must be ${forms.join(' or ')}.`;
}
