import { EVERYWHERE } from '#contract/addresses';
import {
  PROXY_ADMIN_PORT,
  PROXY_CONTAINER,
  STATE_FOLDER,
  STATE_VOLUME,
  TOKEN_AUDIENCE,
  TOKEN_FILE,
  TOKEN_FOLDER,
  TOKEN_VOLUME,
} from '#contract/names';
import { idOf, type WantedBackend } from './inject-backends.ts';
import type { InjectConfig } from './inject-config.ts';
import type { Container, Env, Mount, Volume } from './inject-pod.ts';

/** The image's own user, whatever the pod says of its others. */
const USER = 65_532;
/** The shortest that the API server takes; kubelet puts a new one there after 80 % of it. */
const TOKEN_SECONDS = 600;
/** int32's largest, a second each: a pod waits for its resources for as long as it takes. */
const FOREVER = 2_147_483_647;

/*
 * Values that the API server would fill in are written out: what comes back from it is then what was sent, and compares
 * equal (inject-same.ts).
 */

/**
 * The token's mode. kubelet (1.36: pkg/volume/projected, volume/util.FsUserFrom) writes it as root:root with defaultMode
 * unless every container has the same runAsUser, which is then ours and its owner (0600), or the pod has an fsGroup, to
 * which the sidecar belongs too (0640). So 0644 is what user 65532 can read in a pod of any shape, with its security
 * context left alone; others can't, for they don't mount it.
 */
const TOKEN_MODE = 0o644;

export const OUR_VOLUMES: readonly Volume[] = [
  {
    name: TOKEN_VOLUME,
    projected: {
      defaultMode: TOKEN_MODE,
      sources: [{ serviceAccountToken: { audience: TOKEN_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: 'token' } }],
    },
  },
  // Keys, logins and the policy document: in memory, and of the pod, so that a restarted container needs nobody.
  { name: STATE_VOLUME, emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
];

export const OUR_MOUNTS: readonly Mount[] = [
  { name: TOKEN_VOLUME, mountPath: TOKEN_FOLDER, readOnly: true },
  { name: STATE_VOLUME, mountPath: STATE_FOLDER },
];

/** What a gateway's container is told; a sidecar has the same as flags, which no variable can change. */
export function gatewayEnv(config: InjectConfig): readonly Env[] {
  return [
    { name: 'ARTICDBM_OPERATOR', value: config.operatorUrl },
    { name: 'ARTICDBM_OPERATOR_CA', value: config.caBundle },
    { name: 'ARTICDBM_TOKEN', value: TOKEN_FILE },
    { name: 'ARTICDBM_STATE', value: STATE_FOLDER },
  ];
}

/** resources: undefined where the pod has some for all of its containers together. */
export function sidecarOf(
  wanted: readonly WantedBackend[],
  config: InjectConfig,
  resources: InjectConfig['resources'] | undefined,
): Container {
  return {
    name: PROXY_CONTAINER,
    image: config.image,
    imagePullPolicy: config.imagePullPolicy,
    args: argsOf(wanted, config),
    restartPolicy: 'Always',
    ports: [{ name: 'articdbm-admin', containerPort: PROXY_ADMIN_PORT, protocol: 'TCP' }],
    ...(resources === undefined ? {} : { resources }),
    volumeMounts: [...OUR_MOUNTS],
    startupProbe: STARTUP,
    livenessProbe: LIVENESS,
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'FallbackToLogsOnError',
    securityContext: SECURITY,
  };
}

function argsOf(wanted: readonly WantedBackend[], config: InjectConfig): string[] {
  return [
    'proxy',
    '--mode=sidecar',
    `--operator=${config.operatorUrl}`,
    `--operator-ca=${config.caBundle}`,
    `--token=${TOKEN_FILE}`,
    `--state=${STATE_FOLDER}`,
    ...wanted.map((one) => `--listen=${idOf(one)}=127.0.0.1:${String(one.port)}`),
    `--admin=${EVERYWHERE}:${String(PROXY_ADMIN_PORT)}`,
    `--refuse-after=${config.refuseAfter}`,
    `--log-level=${config.logLevel}`,
  ];
}

/**
 * Holds all that comes after it until the policy is there. kubelet shows what an exec prints in the event, and no HTTP body.
 * The command waits by itself for 12 s, so that pods which wait don't start a process each second.
 */
const STARTUP = {
  exec: { command: ['/app/node', '/app/ready.js'] },
  timeoutSeconds: 20,
  periodSeconds: 1,
  successThreshold: 1,
  failureThreshold: FOREVER,
};

const LIVENESS = {
  httpGet: { path: '/healthz', port: PROXY_ADMIN_PORT, scheme: 'HTTP' },
  timeoutSeconds: 5,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 6,
};

/** What Pod Security's level `restricted` asks for, and no more rights from the pod's own context. */
const SECURITY = {
  capabilities: { drop: ['ALL'] },
  privileged: false,
  runAsUser: USER,
  runAsGroup: USER,
  runAsNonRoot: true,
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  seccompProfile: { type: 'RuntimeDefault' },
};
