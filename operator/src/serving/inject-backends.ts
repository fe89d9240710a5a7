import {
  BACKENDS_ANNOTATION,
  FIRST_POSTGRESQL_PORT,
  INJECTED_ANNOTATION,
  POD_USER,
  PROXY_ADMIN_PORT,
} from '#contract/names';
import { containersOf, type Env, type Pod } from './inject-pod.ts';
import { Refusal, refuse, shown } from './inject-refusal.ts';

/** A backend that the pod asks for, and where its sidecar listens for it. */
export interface WantedBackend {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  /** ORDERS of ORDERS_HOST. */
  readonly prefix: string;
}

const PREFIX = 'articdbm.io/';
const LATER: ReadonlySet<string> = new Set(['redis', 'mysql', 'mongodb', 'mssql'].map((name) => `${PREFIX}${name}`));
const KNOWN: ReadonlySet<string> = new Set([BACKENDS_ANNOTATION, INJECTED_ANNOTATION]);

/** Bytes and items: what people write is far below; what isn't written by people stops here. */
const MOST_TEXT = 8_192;
const MOST_BACKENDS = 64;

/** Below, an unprivileged process may not listen on every node. */
const FIRST_PORT = 1_024;
const LAST_PORT = 65_535;

// [namespace/]backend[=port]; lengths as the API server bounds them (RFC 1123).
const ITEM =
  /^(?:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/)?([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)(?:=([0-9]{1,5}))?$/;
const FORM = `${BACKENDS_ANNOTATION}: "[namespace/]backend[=port], …", such as "orders, prod/billing=15440"`;

/** Annotations of our prefix that mean nothing: a mistyped one would leave a pod without what it asks for. */
export function refuseAnnotations(pod: Pod): Refusal | undefined {
  for (const name of Object.keys(pod.metadata.annotations ?? {}).sort()) {
    if (!name.startsWith(PREFIX) || KNOWN.has(name)) continue;
    const said = shown(name);
    if (LATER.has(name)) {
      return refuse('ProtocolNotSupported', `${said} is not supported yet: remove it; there is ${BACKENDS_ANNOTATION}`);
    }
    return refuse('UnknownAnnotation', `the annotation ${said} is unknown: remove it, or write ${FORM}`);
  }
  return undefined;
}

/** What the annotation asks for, with a port for each. `own`: the pod's namespace. */
export function wantedBackends(pod: Pod, own: string): readonly WantedBackend[] | Refusal {
  const written = pod.metadata.annotations?.[BACKENDS_ANNOTATION] ?? '';
  if (written.trim() === '') {
    return refuse('NoBackends', `the pod asks for a proxy and names no backend: add the annotation ${FORM}`);
  }
  const items = written.length > MOST_TEXT ? [] : written.split(',').map((item) => item.trim());
  if (written.length > MOST_TEXT || items.length > MOST_BACKENDS) {
    return refuse(
      'TooManyBackends',
      `${BACKENDS_ANNOTATION} names too many: at most ${String(MOST_BACKENDS)} backends`,
    );
  }
  const asked = parseItems(items, own);
  if (asked instanceof Refusal) return asked;
  return refuseEqualNames(asked) ?? withPorts(asked);
}

interface Asked {
  readonly namespace: string;
  readonly name: string;
  readonly port: number | undefined;
  readonly prefix: string;
}

function parseItems(items: readonly string[], own: string): readonly Asked[] | Refusal {
  const asked: Asked[] = [];
  for (const [index, item] of items.entries()) {
    const at = `item ${String(index + 1)} of ${BACKENDS_ANNOTATION} (${shown(item)})`;
    const [, namespace = own, name, port] = ITEM.exec(item) ?? [];
    if (name === undefined) return refuse('BackendsUnreadable', `${at} can't be read: write ${FORM}`);
    const number = port === undefined ? undefined : Number(port);
    if (number !== undefined && (number < FIRST_PORT || number > LAST_PORT)) {
      const range = `${String(FIRST_PORT)} to ${String(LAST_PORT)}`;
      return refuse('PortNotUsable', `${at} asks for a port that a sidecar can't listen on: use one from ${range}`);
    }
    asked.push({ namespace, name, port: number, prefix: prefixOf(name) });
  }
  return asked;
}

/** A name of an environment variable doesn't begin with a digit in any shell. */
function prefixOf(name: string): string {
  const upper = name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
  return /^[0-9]/.test(upper) ? `_${upper}` : upper;
}

function refuseEqualNames(asked: readonly Asked[]): Refusal | undefined {
  const byPrefix = new Map<string, Asked>();
  for (const one of asked) {
    const other = byPrefix.get(one.prefix);
    byPrefix.set(one.prefix, one);
    if (other === undefined) continue;
    const [a, b] = [idOf(other), idOf(one)];
    if (a === b) return refuse('DuplicateBackend', `${BACKENDS_ANNOTATION} names ${a} twice: name it once`);
    const both = `${a} and ${b} would both be ${one.prefix}_HOST, ${one.prefix}_PORT and ${one.prefix}_URL`;
    return refuse('EnvNamesEqual', `${both}: use one of them, or a DatabaseBackend of another name`);
  }
  return undefined;
}

export const idOf = ({ namespace, name }: Pick<WantedBackend, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** Who names no port gets the next from 15432 that nobody named. */
function withPorts(asked: readonly Asked[]): readonly WantedBackend[] | Refusal {
  const named = new Map<number, string>([[PROXY_ADMIN_PORT, "the proxy's own metrics and health"]]);
  for (const one of asked) {
    if (one.port === undefined) continue;
    const other = named.get(one.port);
    if (other !== undefined) {
      const clash = `the port ${String(one.port)} of ${idOf(one)} is that of ${other}`;
      return refuse('PortClash', `${clash}: write another in ${BACKENDS_ANNOTATION}, or none`);
    }
    named.set(one.port, idOf(one));
  }
  let next = FIRST_POSTGRESQL_PORT;
  const free = (): number => {
    while (named.has(next)) next++;
    return next++;
  };
  return asked.map((one) => ({ ...one, port: one.port ?? free() }));
}

/** Containers of a pod share its ports. */
export function refusePorts(pod: Pod, wanted: readonly WantedBackend[], sidecar: string): Refusal | undefined {
  const ours = new Map(wanted.map((one) => [one.port, `its sidecar's for ${idOf(one)}`]));
  ours.set(PROXY_ADMIN_PORT, "its sidecar's for metrics and health");
  for (const { name, ports } of containersOf(pod)) {
    if (name === sidecar) continue;
    for (const { containerPort } of ports ?? []) {
      const use = ours.get(containerPort);
      if (use === undefined) continue;
      const clash = `the container ${shown(name)} uses the port ${String(containerPort)}, which would be ${use}`;
      const todo = containerPort === PROXY_ADMIN_PORT ? 'use another there' : 'write another, as in orders=15500';
      return refuse('PortClash', `${clash}: ${todo}`);
    }
  }
  return undefined;
}

/** What the pod's containers are told of its backends. */
export function envOf(wanted: readonly WantedBackend[]): readonly Env[] {
  return wanted.flatMap(({ prefix, port }) => [
    { name: `${prefix}_HOST`, value: '127.0.0.1' },
    { name: `${prefix}_PORT`, value: String(port) },
    { name: `${prefix}_URL`, value: `postgresql://${POD_USER}@127.0.0.1:${String(port)}/` },
  ]);
}
