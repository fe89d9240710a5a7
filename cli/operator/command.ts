import { EVERYWHERE } from '#contract/addresses';
import { LOG_LEVELS } from '#operator/log';
import { runOperator } from '#operator/main';
import { StartProblem, type Address, type OperatorOptions } from '#operator/options';
import { UrlProblem, holdsPassword, readRedisUrl, readStoreUrl, type UrlSource } from '#operator/options-urls';
import { StartError, UsageError, parseAddress, type Command, type Flags } from '#proxy/flags';
import { VERSION } from '#proxy/version';
import { hostname } from 'node:os';
import { SIDECAR_FLAGS, sidecarOptions } from './sidecar-flags.ts';

export const OPERATOR: Command = {
  usage:
    'articdbm operator --store-url-file FILE --redis-url-file FILE --proxy-redis-url-file FILE --proxy-image IMAGE …',
  about: `Watches DatabaseBackends, DbUsers and DbPermissions, compiles what they say, and brings it to the proxies by way of
Redis; says to proxies who they are, and puts them into pods (webhooks). Of several replicas one leads; all answer
proxies and webhooks. Runs in a pod, or anywhere with a kubeconfig. The API server, Redis and the store may be away
when it starts: /readyz says what is missing.

URLs: redis[s]://[user[:password]@]host[:port][/database], redis[s]+sentinel://…@host:port,host:port/master,
redis[s]+cluster://…@host:port,host:port; postgres://user:password@host:5432/database. One with a password is read
from a file only, never from the command line or a variable. A file that changes is read again within seconds.

SIGINT or SIGTERM: what was begun is finished, the lead is given back, exit code 0. A second one ends at once.

exit code: 0 stopped, 1 it could not start or a part of it failed, 2 the command line is wrong`,
  flags: [
    {
      name: 'kubeconfig',
      value: 'FILE',
      help: 'how to reach the API server; default: $KUBECONFIG, else as the pod that this is',
    },
    { name: 'namespace', value: 'NAME', help: "the operator's own; default: the pod's, or the kubeconfig's" },
    {
      name: 'watch-namespaces',
      value: 'NAME',
      help: 'serve resources of these namespaces alone; default: of all',
      many: true,
    },
    { name: 'store-url-file', value: 'FILE', help: "the store's URL (PostgreSQL): history of policy" },
    { name: 'store-url', value: 'URL', help: 'the same, without a password' },
    { name: 'redis-url-file', value: 'FILE', help: "Redis' URL with the operator's login" },
    { name: 'redis-url', value: 'URL', help: 'the same, without a password' },
    { name: 'proxy-redis-url-file', value: 'FILE', help: "Redis' URL with the login that proxies are given" },
    { name: 'proxy-redis-url', value: 'URL', help: 'the same, without a password' },
    {
      name: 'listen',
      value: 'HOST:PORT',
      help: 'HTTPS for proxies and webhooks; * is everywhere, IPv6 too',
      default: '*:8443',
    },
    {
      name: 'advertise',
      value: 'HOST:PORT',
      help: "where other replicas reach it; default: --listen, or this machine's address",
    },
    { name: 'admin', value: 'HOST:PORT', help: 'serve /metrics, /healthz and /readyz there', default: '*:9090' },
    {
      name: 'service-host',
      value: 'NAME',
      help: 'DNS name by which proxies reach the operator, and of its certificate; default: articdbm.NAMESPACE.svc',
    },
    ...SIDECAR_FLAGS,
    {
      name: 'log-level',
      value: 'LEVEL',
      help: `log to stdout from this level: ${LOG_LEVELS.join(', ')}`,
      default: 'info',
    },
    {
      name: 'rotate-keys-every',
      value: 'DURATION',
      help: 'how old a master key gets before another follows it',
      default: '90d',
    },
    { name: 'identity', value: 'NAME', help: "this replica's in the Lease and in events; default: the host's name" },
    {
      name: 'shutdown-delay',
      value: 'DURATION',
      help: 'go on answering so long after a signal to stop, until endpoints have forgotten this replica',
      default: '5s',
    },
    {
      name: 'shutdown-timeout',
      value: 'DURATION',
      help: 'end after so long, whatever is still going on',
      default: '25s',
    },
  ],
};

export async function runOperatorCommand(flags: Flags): Promise<number> {
  const options = operatorOptions(flags);
  try {
    return await runOperator(options);
  } catch (error) {
    if (error instanceof StartProblem) throw new StartError(error.message, { cause: error });
    throw error;
  }
}

/** Throws UsageError. */
export function operatorOptions(flags: Flags): OperatorOptions {
  if (flags.positionals.length > 0) throw new UsageError('it takes flags only');
  const storeUrl = urlSource(flags, 'store-url');
  const redisUrl = urlSource(flags, 'redis-url');
  const proxyRedisUrl = urlSource(flags, 'proxy-redis-url');
  checked(() => {
    readStoreUrl(storeUrl);
    readRedisUrl(redisUrl);
    readRedisUrl(proxyRedisUrl);
  });
  return {
    version: VERSION,
    kubeconfig: flags.get('kubeconfig'),
    namespace: optional(flags, 'namespace', namespaceName),
    watchNamespaces: flags.all('watch-namespaces').map((name) => namespaceName('watch-namespaces', name)),
    storeUrl,
    redisUrl,
    proxyRedisUrl,
    listen: listenAddress(parseAddress('listen', flags.required('listen'))),
    advertise: optional(flags, 'advertise', reachable),
    admin: parseAddress('admin', flags.required('admin')),
    serviceHost: optional(flags, 'service-host', hostName),
    sidecar: sidecarOptions(flags),
    logLevel: flags.oneOf('log-level', LOG_LEVELS),
    rotateKeysEvery: rotation(flags),
    identity: identityName(flags.get('identity') ?? hostname()),
    linger: flags.duration('shutdown-delay'),
    stopWithin: flags.duration('shutdown-timeout'),
  };
}

function urlSource(flags: Flags, flag: string): UrlSource {
  const file = flags.get(`${flag}-file`);
  const url = flags.get(flag);
  if (file !== undefined && url !== undefined) throw new UsageError(`--${flag} and --${flag}-file: give one of them`);
  if (file !== undefined) return { kind: 'file', flag: `${flag}-file`, file };
  if (url === undefined) throw new UsageError(`--${flag}-file is missing (or --${flag}, if it has no password)`);
  if (!holdsPassword(url)) return { kind: 'given', flag, url };
  throw new UsageError(
    `--${flag} holds a password, which others can read there: write the URL to a file and give --${flag}-file`,
  );
}

function checked(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (error instanceof UrlProblem) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

const optional = <T>(flags: Flags, name: string, parse: (flag: string, text: string) => T): T | undefined => {
  const text = flags.get(name);
  return text === undefined ? undefined : parse(name, text);
};

function namespaceName(flag: string, text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new UsageError(`--${flag} is the name of a namespace`);
}

function hostName(flag: string, text: string): string {
  if (text.length <= 253 && /^[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?$/.test(text)) return text;
  throw new UsageError(`--${flag} is a DNS name or an IPv4 address, without a port`);
}

/** The Lease holds it before `_`. */
function identityName(text: string): string {
  if (/^[A-Za-z0-9]([-.A-Za-z0-9]{0,127})$/.test(text)) return text;
  throw new UsageError('--identity is up to 128 letters, digits, - and .');
}

/** Its port is told to other replicas before it is opened. */
function listenAddress(address: Address): Address {
  if (address.port > 0) return address;
  throw new UsageError('--listen needs a port from 1 to 65535');
}

function reachable(flag: string, text: string): Address {
  const address = parseAddress(flag, text);
  if (address.port > 0 && ![EVERYWHERE, '0.0.0.0', '::'].includes(address.host)) return address;
  throw new UsageError(`--${flag} is an address that other replicas can connect to`);
}

/** A day after a key's end it is dropped, an hour after its making it is used: faster than both makes no sense. */
const FASTEST_ROTATION_MS = 48 * 3_600_000;

function rotation(flags: Flags): number {
  const every = flags.duration('rotate-keys-every');
  if (every >= FASTEST_ROTATION_MS) return every;
  throw new UsageError('--rotate-keys-every is at least 48h: a key is used for a day after the next one is there');
}
