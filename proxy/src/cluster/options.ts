import { LEAST_REFUSE_AGE_MS, REFUSE_AGE_MS } from '#contract/snapshot/head';
import { STATE_FOLDER, TOKEN_FILE } from '#contract/names';
import type { ListenerConfig } from '../config.ts';
import { parseListen, UsageError, type Flag, type Flags } from '../flags.ts';
import { isLoopback } from '../server.ts';
import type { ClusterMode } from './cluster-logins.ts';

const MODES = ['sidecar', 'gateway'] as const satisfies readonly ClusterMode[];
const HOUR_MS = 3_600_000;

export const CLUSTER_FLAGS: readonly Flag[] = [
  {
    name: 'operator',
    value: 'URL',
    help: 'in a cluster: where the operator is, such as https://articdbm.NAMESPACE.svc:8443',
  },
  { name: 'operator-ca', value: 'PEM|FILE', help: 'with --operator: the only CA that its certificate may be of' },
  { name: 'token', value: 'FILE', help: 'with --operator: the ServiceAccount token of the pod', default: TOKEN_FILE },
  {
    name: 'state',
    value: 'FOLDER',
    help: 'with --operator: what a restart needs is kept there',
    default: STATE_FOLDER,
  },
  { name: 'mode', value: 'MODE', help: `with --operator: ${MODES.join(' or ')}` },
  {
    name: 'refuse-after',
    value: 'DURATION',
    help: 'with --operator: age of policy from which on nothing is let through',
    default: `${REFUSE_AGE_MS / HOUR_MS}h`,
  },
];

export interface ClusterOptions {
  readonly operator: URL;
  readonly ca: string;
  readonly tokenFile: string;
  readonly state: string;
  readonly mode: ClusterMode;
  readonly listeners: readonly ListenerConfig[];
  /** Milliseconds. */
  readonly refuseAfter: number;
}

/** Throws UsageError. */
export function clusterOptions(flags: Flags): ClusterOptions {
  if (flags.get('logins') !== undefined) throw new UsageError('--logins goes with --policy: the operator gives logins');
  const mode = flags.oneOf('mode', MODES);
  const listeners = flags.all('listen').map(parseListen);
  if (listeners.length === 0) throw new UsageError('--listen is missing');
  const open = mode === 'sidecar' ? listeners.find(({ host }) => !isLoopback(host)) : undefined;
  if (open !== undefined) {
    throw new UsageError('--listen is on 127.0.0.1 or [::1] with --mode sidecar, which asks for no passwords');
  }
  const refuseAfter = flags.duration('refuse-after');
  if (refuseAfter < LEAST_REFUSE_AGE_MS) throw new UsageError('--refuse-after is at least 2m');
  return {
    operator: operatorUrl(flags.required('operator')),
    ca: flags.required('operator-ca'),
    tokenFile: flags.required('token'),
    state: flags.required('state'),
    mode,
    listeners,
    refuseAfter,
  };
}

function operatorUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' && url.username === '' && url.pathname === '/' && url.search === '') return url;
  throw new UsageError('--operator is a URL such as https://articdbm.articdbm-system.svc:8443, without a path');
}
