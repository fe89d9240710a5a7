/** Pods as somebody makes them who may create pods in a namespace and wishes for more than is his. */
import { OPERATOR_NAMESPACE } from './release.ts';
import type { Kubectl, Manifest } from './kubectl.ts';
import type { Cluster } from './cluster.ts';

export const OPERATOR = `https://articdbm.${OPERATOR_NAMESPACE}.svc:8443`;
const TOKEN = '/run/articdbm/token/token';
/** Has Node, and runs as 65532. */
const IDLE = ['/app/node', '-e', "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1e6)"];

/** What anybody in the cluster can find out: the image of the proxy, and by which CA the operator is known. */
export interface Known {
  readonly image: string;
  readonly ca: string;
}

export async function known({ kubectl }: Cluster): Promise<Known> {
  const args = 'jsonpath={.spec.template.spec.containers[0].args}';
  const there = kubectl.in(OPERATOR_NAMESPACE);
  const flags = JSON.parse(await there.run(['get', 'deployment', 'articdbm-operator', '-o', args])) as string[];
  const bundle = 'jsonpath={.webhooks[0].clientConfig.caBundle}';
  const ca = await kubectl.run(['get', 'mutatingwebhookconfiguration', 'articdbm', '-o', bundle]);
  return {
    image: flags.find((flag) => flag.startsWith('--proxy-image='))?.slice('--proxy-image='.length) ?? '',
    ca: Buffer.from(ca, 'base64').toString(),
  };
}

export interface HandMade {
  readonly namespace: string;
  readonly name: string;
  readonly account: string;
  readonly audience?: string;
  /** The proxy with these flags, or a Node that idles. */
  readonly flags?: readonly string[];
  readonly containers?: readonly Manifest[];
}

/** A pod with the proxy's image and a token for its audience, which asks for no injection. */
export function handMade({ image, ca }: Known, made: HandMade): Manifest {
  const { namespace, name, account, audience = 'articdbm.io', flags, containers = [] } = made;
  const program =
    flags === undefined
      ? { command: IDLE }
      : { args: ['proxy', `--operator=${OPERATOR}`, `--operator-ca=${ca}`, '--admin=127.0.0.1:19090', ...flags] };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: {
      serviceAccountName: account,
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          name: 'proxy',
          image,
          imagePullPolicy: 'IfNotPresent',
          ...program,
          volumeMounts: [
            { name: 'token', mountPath: '/run/articdbm/token' },
            { name: 'state', mountPath: '/run/articdbm/state' },
          ],
        },
        ...containers,
      ],
      volumes: [
        {
          name: 'token',
          projected: { sources: [{ serviceAccountToken: { audience, expirationSeconds: 600, path: 'token' } }] },
        },
        { name: 'state', emptyDir: { medium: 'Memory' } },
      ],
    },
  };
}

export interface Asked {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

const ASK = `
const https = require('https'), fs = require('fs');
const { url, token, ca } = JSON.parse(fs.readFileSync(0));
const word = token ?? fs.readFileSync('${TOKEN}', 'latin1').trim();
const headers = word === '' ? {} : { authorization: 'Bearer ' + word };
https.request(url, { method: 'POST', ca, headers, agent: false }, (response) => {
  let text = '';
  response.on('data', (part) => (text += part)).on('end', () => {
    console.log(JSON.stringify({ status: response.statusCode, body: JSON.parse(text) }));
    process.exit();
  });
}).end();
`;

/** From inside a hand-made pod, with its own token if none is given. */
export async function askOperator(
  kubectl: Kubectl,
  pod: string,
  question: { readonly path: string; readonly ca: string; readonly token?: string },
): Promise<Asked> {
  const { path, ca, token } = question;
  const input = JSON.stringify({ url: `${OPERATOR}${path}`, ca, token });
  const { stdout, output } = await kubectl.exec(pod, 'proxy', ['/app/node', '-e', ASK], { input });
  if (stdout === '') throw new Error(`nothing was answered: ${output}`);
  return JSON.parse(stdout) as Asked;
}

const GET = `require('http').get(process.argv[1], (answer) => {
  process.stdout.write(answer.statusCode + ' ');
  answer.pipe(process.stdout);
});`;

/** Status and body of what a URL answers, asked from inside a pod. */
export const get = async (kubectl: Kubectl, pod: string, url: string): Promise<string> =>
  (await kubectl.exec(pod, 'proxy', ['/app/node', '-e', GET, url])).stdout;

/** What runs as uid 65532 in a hand-made pod can read of it. */
export async function readFile(kubectl: Kubectl, pod: string, file: string): Promise<string> {
  const read = "process.stdout.write(require('fs').readFileSync(process.argv[1]))";
  const { status, stdout, stderr } = await kubectl.exec(pod, 'proxy', ['/app/node', '-e', read, file]);
  if (status !== 0) throw new Error(`${file} can not be read: ${stderr}`);
  return stdout;
}

export const tokenOf = (kubectl: Kubectl, pod: string): Promise<string> => readFile(kubectl, pod, TOKEN);
