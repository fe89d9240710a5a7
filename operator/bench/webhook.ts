import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { INJECT_LABEL, BACKENDS_ANNOTATION } from '#contract/names';
import type { KubeClient } from '#operator/kube/client';
import { MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS, WEBHOOKS_NAME } from '#operator/serving/webhook-bundles';
import { BenchCluster } from './cluster.ts';
import { fill } from './cold.ts';
import { load } from './memory.ts';
import { sumOf, type Metrics, type PodOperator } from './pod-operator.ts';
import { atRate, distributionOf, now, type Distribution } from './statistics.ts';

export interface WebhookSize {
  readonly podsPerSecond: number;
  readonly seconds: number;
}

export interface WebhookResult extends WebhookSize {
  /** Milliseconds of a call over HTTPS, from its first byte to the answer's last. */
  readonly mutate: Distribution;
  readonly validate: Distribution;
  /** Of a dry-run create at the API server: of a pod that goes by both webhooks, and of the same without the label. */
  readonly labelled: Distribution;
  readonly unlabelled: Distribution;
  /** Of the calls that the API server made, those that the operator answered within 10 ms: it says so itself. */
  readonly within10: number;
  readonly load: number;
}

const NAMESPACE = 'shop';
const PODS_PATH = `/api/v1/namespaces/${NAMESPACE}/pods`;

/** A pod as a Deployment's: two containers, a volume, probes. */
function podOf(index: number, labels: Readonly<Record<string, string>>): object {
  const container = (name: string, port: number) => ({
    ...{ name, image: `example.com/${name}:1`, ports: [{ containerPort: port }] },
    env: Array.from({ length: 10 }, (_, at) => ({ name: `SETTING_${String(at)}`, value: `value ${String(at)}` })),
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } },
    readinessProbe: { httpGet: { path: '/ready', port }, periodSeconds: 5 },
    volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ namespace: NAMESPACE, name: `web-${String(index)}`, labels: { app: 'web', ...labels } },
      annotations: { [BACKENDS_ANNOTATION]: 'prod/b0' },
    },
    spec: {
      serviceAccountName: 'web',
      containers: [container('web', 8080), container('helper', 8081)],
      volumes: [{ name: 'scratch', emptyDir: {} }],
    },
  };
}

const LABELS = { [INJECT_LABEL]: 'true' };

export async function measureWebhook(size: WebhookSize): Promise<WebhookResult> {
  const cluster = await BenchCluster.open();
  const agent = new https.Agent({ keepAlive: true, maxSockets: 64 });
  try {
    const { scene } = cluster;
    await fill(scene.client, { users: 100, perBackend: 100 });
    const operator = await cluster.operator();
    await operator.leads();
    const ca = await cluster.operatorCa();
    await configure(scene.client, operator, ca);
    const count = size.podsPerSecond * size.seconds;
    const { url, token } = scene.apiServer;
    const created = new Caller(`${url}${PODS_PATH}?dryRun=All`, { agent, ca: scene.apiServer.ca }, token);
    const create = (index: number, labels: object) => created.call(podOf(index, { ...labels }));
    await atRate(10, 50, (index) => create(index, LABELS)); // warm
    const injected = JSON.parse((await create(0, LABELS)).body) as object;
    if (!JSON.stringify(injected).includes('articdbm-proxy')) throw new Error('the pod was not injected');
    const unlabelled = await atRate(size.podsPerSecond, count, (index) => create(index, {}));
    const before = await operator.metrics();
    const labelled = await atRate(size.podsPerSecond, count, (index) => create(index, LABELS));
    const after = await operator.metrics();
    const [mutate, validate] = ['mutate', 'validate'].map(
      (name) => new Caller(`https://localhost:${String(operator.https)}/${name}`, { agent, ca }),
    ) as [Caller, Caller];
    // The API server calls one after the other, the second with what the first has made of the pod.
    const alone = await atRate(size.podsPerSecond, count, async (index) => [
      await mutate.call(reviewOf(index, podOf(index, LABELS))),
      await validate.call(reviewOf(index, injected)),
    ]);
    const of = (answers: readonly Answer[]): Distribution => distributionOf(answers.map(({ took }) => took));
    const [mutated, validated] = [0, 1].map((at) => of(alone.map((answers) => allowed(answers[at])))) as [
      Distribution,
      Distribution,
    ];
    return {
      ...{ ...size, mutate: mutated, validate: validated, labelled: of(labelled), unlabelled: of(unlabelled) },
      ...{ within10: within(before, after), load: load() },
    };
  } finally {
    agent.destroy();
    await cluster.close();
  }
}

interface Answer {
  readonly took: number;
  readonly body: string;
}

class Caller {
  readonly #url: string;
  readonly #options: https.RequestOptions;

  constructor(url: string, options: https.RequestOptions, token?: string) {
    this.#url = url;
    this.#options = {
      ...{ ...options, method: 'POST' },
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    };
  }

  /** Throws what is said when it is no 2xx. */
  async call(body: object): Promise<Answer> {
    const text = JSON.stringify(body);
    const began = now();
    const request = https.request(this.#url, { ...this.#options, signal: AbortSignal.timeout(20_000) });
    request.end(text);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const took = now() - began;
    const answer = Buffer.concat(chunks).toString();
    if (Math.floor((response.statusCode ?? 0) / 100) !== 2) throw new Error(`${this.#url}: ${answer}`);
    return { took, body: answer };
  }
}

const reviewOf = (index: number, pod: object): object => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: `review-${String(index)}`,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    ...{ namespace: NAMESPACE, operation: 'CREATE', dryRun: true, object: pod },
  },
});

function allowed(answer: Answer | undefined): Answer {
  const review = JSON.parse(answer?.body ?? '{}') as { readonly response?: { readonly allowed?: boolean } };
  if (answer === undefined || review.response?.allowed !== true) throw new Error(`refused: ${String(answer?.body)}`);
  return answer;
}

/** As the chart's, but by URL: no Service leads to a process outside the cluster. */
async function configure(client: KubeClient, operator: PodOperator, ca: string): Promise<void> {
  const webhook = (path: string) => ({
    ...{ name: 'pods.articdbm.io', admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Fail' },
    clientConfig: {
      url: `https://localhost:${String(operator.https)}/${path}`,
      caBundle: Buffer.from(ca).toString('base64'),
    },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
    objectSelector: { matchExpressions: [{ key: INJECT_LABEL, operator: 'Exists' }] },
  });
  const metadata = { name: WEBHOOKS_NAME };
  const mutating = { metadata, webhooks: [{ ...webhook('mutate'), reinvocationPolicy: 'IfNeeded' }] };
  await client.create(MUTATING_WEBHOOKS, mutating);
  await client.create(VALIDATING_WEBHOOKS, { metadata, webhooks: [webhook('validate')] });
  await sleep(2_000); // until the API server has them
}

function within(before: Metrics, after: Metrics): number {
  const calls = (metrics: Metrics, is: (series: string) => boolean): number =>
    sumOf(Object.fromEntries(Object.entries(metrics).filter(([series]) => is(series))), SECONDS);
  const since = (is: (series: string) => boolean): number => calls(after, is) - calls(before, is);
  const ours = (series: string): boolean => /endpoint="(mutate|validate)"/.test(series);
  const total = since((series) => ours(series) && series.includes('le="+Inf"'));
  return since((series) => ours(series) && series.includes('le="0.01"')) / total;
}

const SECONDS = 'articdbm_operator_request_seconds_bucket';
