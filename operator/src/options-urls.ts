import { readFileSync } from 'node:fs';
import { parseRedisUrl, type RedisAddress } from '#contract/snapshot/redis';

/** Where a URL comes from. Only one without a password is ever given itself. */
export type UrlSource =
  | { readonly kind: 'given'; readonly flag: string; readonly url: string }
  | { readonly kind: 'file'; readonly flag: string; readonly file: string };

/** A file, or what is in it, is not as it must be. The message quotes nothing of it. */
export class UrlProblem extends Error {
  readonly code = 'URL_PROBLEM';
}

/** More than any URL is long. */
const MOST_CHARACTERS = 8_192;

/** As it is now: files are read each time, for their passwords are replaced under a running process. Throws UrlProblem. */
export function readUrl(source: UrlSource): string {
  if (source.kind === 'given') return source.url;
  const { flag, file } = source;
  const text = readText(flag, file).trim();
  if (text === '') throw new UrlProblem(`--${flag}: ${file} is empty: it must hold one URL`);
  if (text.length > MOST_CHARACTERS || /\s/.test(text)) {
    throw new UrlProblem(`--${flag}: ${file} must hold one URL and nothing else`);
  }
  return text;
}

function readText(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UrlProblem(`--${flag}: ${file} can not be read (${code ?? 'unknown'})`, { cause: error });
  }
}

const REDIS_FORMS =
  'redis[s]://[user[:password]@]host[:port][/database], redis[s]+sentinel://…@host:port,host:port/master or ' +
  'redis[s]+cluster://…@host:port,host:port';

/** Throws UrlProblem. */
export function readRedisUrl(source: UrlSource): RedisAddress {
  const address = parseRedisUrl(readUrl(source));
  if (address === undefined) throw new UrlProblem(`--${source.flag}: it is no Redis URL: ${REDIS_FORMS}`);
  return address;
}

/** Throws UrlProblem. */
export function readStoreUrl(source: UrlSource): string {
  const url = readUrl(source);
  if (!/^postgres(ql)?:$/.test(parsedUrl(url)?.protocol ?? '')) {
    throw new UrlProblem(`--${source.flag}: it is no PostgreSQL URL: postgres://user:password@host:5432/database`);
  }
  return url;
}

/** Whether whoever reads command lines or environments would learn a password by it. */
export function holdsPassword(url: string): boolean {
  const parsed = parsedUrl(url);
  // A list of hosts is no URL to Node; a colon before the @ is a password by any reading.
  if (parsed === undefined) return /^[a-z+]+:\/\/[^@/]*:[^@/]*@/i.test(url);
  return parsed.password !== '' || parsed.searchParams.has('password');
}

function parsedUrl(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}
