import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Answers admission reviews by a label `seen: yes`; runs in a pod. */
const SERVER = `
const { createServer } = require('node:https');
const { readFileSync } = require('node:fs');
const file = (name) => readFileSync('/tls/' + name);
createServer({ key: file('tls.key'), cert: file('tls.crt') }, (request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk)).on('end', () => {
    if (body === '') return response.end('ok');
    const { apiVersion, kind, request: { uid } } = JSON.parse(body);
    const patch = JSON.stringify([{ op: 'add', path: '/metadata/labels', value: { seen: 'yes' } }]);
    const answer = { uid, allowed: true, patchType: 'JSONPatch', patch: Buffer.from(patch).toString('base64') };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ apiVersion, kind, response: answer }));
  });
}).listen(8443);
process.on('SIGTERM', () => process.exit(0));
`;

interface Certificate {
  readonly key: string;
  readonly certificate: string;
}

function selfSigned(host: string): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'articdbm-smoke-'));
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('config'), '[req]\ndistinguished_name=dn\n[dn]\n');
  const { status, stderr } = spawnSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-config',
        at('config'),
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
      ],
      ...['-days', '2', '-subj', '/CN=hook', '-addext', `subjectAltName=DNS:${host}`],
      ...['-keyout', at('key'), '-out', at('certificate')],
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`openssl: ${stderr}`);
  const found = { key: readFileSync(at('key'), 'utf8'), certificate: readFileSync(at('certificate'), 'utf8') };
  rmSync(folder, { recursive: true });
  return found;
}

/** A webhook server in namespace default behind the Service `hook`, and the configuration that calls it for `namespace`. */
export function webhook(
  image: string,
  namespace: string,
): { readonly server: object[]; readonly configuration: object } {
  const { key, certificate } = selfSigned('hook.default.svc');
  const meta = { name: 'hook', namespace: 'default' };
  const container = {
    name: 'hook',
    image,
    imagePullPolicy: 'Never',
    command: ['/app/node', '-e', SERVER],
    volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
    readinessProbe: { httpGet: { path: '/', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 },
  };
  const labels = { app: 'hook' };
  const pod = { containers: [container], volumes: [{ name: 'tls', secret: { secretName: 'hook' } }] };
  const server = [
    { apiVersion: 'v1', kind: 'Secret', metadata: meta, stringData: { 'tls.key': key, 'tls.crt': certificate } },
    { apiVersion: 'v1', kind: 'Pod', metadata: { ...meta, labels }, spec: pod },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: meta,
      spec: { selector: labels, ports: [{ port: 443, targetPort: 8443 }] },
    },
  ];
  const called = {
    name: 'hook.smoke.test',
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Fail',
    timeoutSeconds: 3,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
    clientConfig: {
      service: { name: 'hook', namespace: 'default' },
      caBundle: Buffer.from(certificate).toString('base64'),
    },
  };
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'hook' },
    webhooks: [called],
  };
  return { server, configuration };
}
