import { URLS, type Values } from './helm.ts';

/** Values that must be right, each for its own reason. All names of namespaces are those of NAMESPACES. */
export const RIGHT: readonly (readonly [what: string, values: Values])[] = [
  ['what is needed and no more', URLS],
  ['a trial', { evaluation: { enabled: true } }],
  ['a trial with a store of its own', { evaluation: { enabled: true }, store: { urlSecret: { name: 'store' } } }],
  ['one replica', { ...URLS, operator: { replicas: 1 } }],
  ['two namespaces alone', { ...URLS, watchNamespaces: ['shop', 'prod'] }],
  [
    'gateways',
    {
      ...URLS,
      gateways: [
        { name: 'orders-gateway', namespace: 'prod', backends: ['orders'] },
        {
          name: 'all',
          namespace: 'prod',
          backends: ['prod/orders=15432', 'prod/billing=15433', 'a.b-c=15434'],
          replicas: 3,
          tls: { secret: 'all-tls', required: true },
          logLevel: 'debug',
          resources: { limits: { memory: '2Gi' } },
          serviceType: 'LoadBalancer',
          serviceAnnotations: { 'example.com/internal': 'true' },
        },
        { name: 'orders-gateway', namespace: 'shop', backends: ['orders'], tls: { secret: 'x' } },
      ],
    },
  ],
  ['sidecars without limits', { ...URLS, sidecar: { resources: { limits: null } } }],
  [
    'everything else',
    {
      ...URLS,
      images: {
        operator: { repository: 'registry.example.com:5000/a/operator', digest: `sha256:${'a'.repeat(64)}` },
        proxy: { repository: 'registry.example.com:5000/a/proxy', tag: 'x', pullPolicy: 'Never' },
        pullSecrets: ['registry'],
      },
      operator: {
        replicas: 3,
        logLevel: 'debug',
        rotateKeysEvery: '720h',
        trust: { configMap: 'authorities' },
        podLabels: { team: 'db' },
        podAnnotations: { 'example.com/a': 'b' },
        nodeSelector: { 'kubernetes.io/os': 'linux' },
        tolerations: [{ key: 'a', operator: 'Exists' }],
        affinity: { podAntiAffinity: {} },
        priorityClassName: 'system-cluster-critical',
      },
      sidecar: {
        logLevel: 'debug',
        refuseAfter: '90m',
        resources: {
          requests: { cpu: 1, memory: 268_435_456 },
          limits: { cpu: 1.5, memory: '1Gi', 'ephemeral-storage': '64Mi' },
        },
      },
      webhooks: { pods: { timeoutSeconds: 3 }, resources: { failurePolicy: 'Fail', timeoutSeconds: 2 } },
      rbac: { aggregate: false },
      crds: { install: false },
      metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } } },
    },
  ],
];

export const NAMESPACES = ['articdbm-system', 'prod', 'shop'] as const;

const gateway = (more: Values): Values => ({
  ...URLS,
  gateways: [{ name: 'g', namespace: 'prod', backends: ['orders'], ...more }],
});

/** What must be refused, and words of the refusal. */
export const WRONG: readonly (readonly [what: string, values: Values, ...words: string[]])[] = [
  ['nothing', {}, 'store.urlSecret.name is missing', 'evaluation.enabled=true'],
  ['no Redis', { store: URLS.store }, 'redis.operatorUrlSecret.name is missing'],
  ['a number as text', { operator: { replicas: '2' } }, "at '/operator/replicas'", 'want integer'],
  ['no replica', { operator: { replicas: 0 } }, "at '/operator/replicas'", '1'],
  ['a misspelt value', { operater: {} }, 'operater', 'not allowed'],
  ['a misspelt value deep inside', { operator: { replica: 3 } }, "at '/operator'", 'replica'],
  ['a URL where a Secret is named', { store: { urlSecret: { name: 'postgres://a:b@c/d' } } }, '/store/urlSecret/name'],
  ['another level of log', { operator: { logLevel: 'loud' } }, "at '/operator/logLevel'", "'debug'"],
  ['a rotation without a unit', { operator: { rotateKeysEvery: '90' } }, "at '/operator/rotateKeysEvery'"],
  ['a sidecar without a level of log', { sidecar: { logLevel: '' } }, "at '/sidecar/logLevel'", "'warn'"],
  ['an age of policy without a unit', { sidecar: { refuseAfter: '24' } }, "at '/sidecar/refuseAfter'"],
  ['a quantity that is none', { sidecar: { resources: { limits: { memory: '1GB' } } } }, '/limits/memory'],
  ['no memory at all', { sidecar: { resources: { requests: { memory: 0 } } } }, '/requests/memory'],
  ['a sidecar with a GPU', { sidecar: { resources: { limits: { 'nvidia.com/gpu': 1 } } } }, 'nvidia.com/gpu'],
  ['a webhook that waits for a minute', { webhooks: { pods: { timeoutSeconds: 60 } } }, '/webhooks/pods', '30'],
  ['pods that are let through when we are away', { webhooks: { pods: { failurePolicy: 'Ignore' } } }, 'failurePolicy'],
  ['a namespace that can not be', { watchNamespaces: ['Shop'] }, "at '/watchNamespaces/0'"],
  ['a namespace twice', { watchNamespaces: ['shop', 'shop'] }, "at '/watchNamespaces'", 'equal'],
  ['a tag within the repository', { images: { proxy: { repository: 'a@sha256:b' } } }, '/images/proxy/repository'],
  ['a gateway without backends', gateway({ backends: [] }), "at '/gateways/0/backends'"],
  ['a gateway without a namespace', { gateways: [{ name: 'g', backends: ['a'] }] }, "missing property 'namespace'"],
  ['a gateway with a name that can not be', gateway({ name: 'G_1' }), "at '/gateways/0/name'"],
  ['a gateway for another namespace', gateway({ backends: ['shop/orders'] }), 'shop/orders is of another namespace'],
  ['two backends on one port', gateway({ backends: ['orders', 'billing'] }), 'port 5432 of billing is taken by orders'],
  ['a backend on the port of metrics', gateway({ backends: ['orders=19090'] }), 'port 19090', 'its own metrics'],
  ['a port that only root has', gateway({ backends: ['orders=432'] }), 'port 432 of orders can not be', '1024'],
  ['a port beyond all', gateway({ backends: ['orders=70000'] }), 'port 70000 of orders can not be'],
  [
    'a gateway where the operator does not look',
    { ...gateway({}), watchNamespaces: ['shop'] },
    'does not look at namespace prod',
    'watchNamespaces',
  ],
];
