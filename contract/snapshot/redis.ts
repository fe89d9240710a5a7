/** Names in Redis. The braces put all of a scope's keys into one slot of a Cluster. */
export interface ScopeRedisNames {
  readonly head: string;
  /** Hash: pod uid → heartbeat. */
  readonly proxies: string;
  readonly channel: string;
  /**
   * The fence of one scope. On a Cluster a script can't see TERM_KEY and a scope's keys at once, so each scope bears the
   * leader's term in its own slot; elsewhere TERM_KEY itself is checked.
   */
  readonly term: string;
  doc(digest: string): string;
}

/** The leader's term: max(last + 1, milliseconds). */
export const TERM_KEY = 'articdbm:term';
/** What finds every scope's head by SCAN. */
export const HEADS_PATTERN = 'articdbm:{*}:head';

export function redisNames(scope: string): ScopeRedisNames {
  const prefix = `articdbm:{${scope}}`;
  return {
    head: `${prefix}:head`,
    proxies: `${prefix}:proxies`,
    channel: prefix,
    term: `${prefix}:term`,
    doc: (digest) => `${prefix}:doc:${digest}`,
  };
}

/** undefined: no head's key. */
export function scopeOfHeadKey(key: string): string | undefined {
  return /^articdbm:\{([^{}]+)\}:head$/.exec(key)?.[1];
}

/** Where Redis is and how to log in; `articdbm operator --redis-url`, and part of a bootstrap answer. */
export interface RedisAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Of the master that the Sentinels watch; with `sentinel` only. */
  readonly master?: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls: boolean;
  readonly database: number;
}

/**
 * `redis[s]://[user[:password]@]host[:port][/database]`, `redis[s]+cluster://…@host:port,host:port`, or
 * `redis[s]+sentinel://…@host:port,host:port/master`. undefined: none of these.
 */
export function parseRedisUrl(url: string): RedisAddress | undefined {
  const match = /^redis(s?)(?:\+(cluster|sentinel))?:\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^/?#]*))?$/.exec(url);
  if (match === null) return undefined;
  const [, secure, mode, login = '', hosts = '', path = ''] = match;
  const kind = mode === 'cluster' || mode === 'sentinel' ? mode : 'single';
  const nodes = hosts.split(',').map((text) => parseNode(text, kind === 'sentinel' ? 26_379 : 6379));
  const known = nodes.filter((node) => node !== undefined);
  if (known.length !== nodes.length || (kind === 'single' && nodes.length > 1)) return undefined;
  const target = parseTarget(kind, path);
  const credentials = parseLogin(login);
  if (target === undefined || credentials === undefined) return undefined;
  return { kind, nodes: known, tls: secure === 's', ...target, ...credentials };
}

function parseTarget(kind: RedisAddress['kind'], path: string): Pick<RedisAddress, 'master' | 'database'> | undefined {
  if (kind === 'sentinel') return /^[A-Za-z0-9._-]+$/.test(path) ? { master: path, database: 0 } : undefined;
  if (path === '') return { database: 0 };
  return kind === 'single' && /^[0-9]{1,5}$/.test(path) ? { database: Number(path) } : undefined;
}

function parseNode(text: string, port: number): { readonly host: string; readonly port: number } | undefined {
  const [, six, four, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const host = six ?? four;
  const number = digits === undefined ? port : Number(digits);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}

function parseLogin(login: string): Pick<RedisAddress, 'username' | 'password'> | undefined {
  const colon = login.indexOf(':');
  const username = decoded(colon < 0 ? login : login.slice(0, colon));
  const password = decoded(colon < 0 ? '' : login.slice(colon + 1));
  if (username === undefined || password === undefined) return undefined;
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
