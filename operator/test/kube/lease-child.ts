/**
 * A candidate in a process of its own: stands for the Lease, and while it leads writes its term into a ConfigMap, over the
 * version that it read last. usage: lease-child.ts KUBECONFIG IDENTITY. Says what happens, a JSON line each. SIGTERM: ends.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '#operator/kube/client';
import { findCluster } from '#operator/kube/config';
import { isStatus } from '#operator/kube/errors';
import { kubeLeaseStore } from '#operator/kube/lease';
import type { KubeObject, ResourceKind } from '#operator/kube/resource';
import { SYSTEM_CLOCK } from '#operator/kube/system-clock';
import { NotLeadingError, runElection, type Leadership } from '#operator/runtime/election';

interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

const CONFIG_MAPS: ResourceKind = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
const TIMES = { leaseMs: 3_000, actMs: 2_000, retryMs: 400 };
const [file = '', identity = ''] = process.argv.slice(2);

const client = new KubeClient(await findCluster(file));
const say = (what: string, more: object = {}): boolean =>
  process.stdout.write(`${JSON.stringify({ what, at: Date.now(), ...more })}\n`);

async function lead(leadership: Leadership): Promise<void> {
  const { term } = leadership;
  say('leads', { term });
  leadership.signal.addEventListener('abort', () => say('ends', { term }));
  const ref = { namespace: 'default', name: 'written' };
  let last = await client.get<ConfigMap>(CONFIG_MAPS, ref);
  try {
    while (!leadership.signal.aborted) {
      const at = Date.now();
      leadership.check();
      last = await write(last, term);
      say('wrote', { term, at });
      await sleep(20);
    }
  } catch (error) {
    if (error instanceof NotLeadingError) say('noticed', { term });
    else if (isStatus(error, 409)) say('conflict', { term });
    else throw error;
  }
}

function write(last: ConfigMap | undefined, term: number): Promise<ConfigMap> {
  const data = { term: String(term), by: identity, n: String(Number(last?.data.n ?? 0) + 1) };
  if (last === undefined)
    return client.create<ConfigMap>(CONFIG_MAPS, { metadata: { namespace: 'default', name: 'written' }, data });
  return client.update<ConfigMap>(CONFIG_MAPS, { ...last, data });
}

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const wall = (): number => Date.now();
const store = kubeLeaseStore(client, { namespace: 'default', name: 'it' }, wall);
const clock = SYSTEM_CLOCK;
const onError = (error: unknown): void => void say('error', { error: String(error) });
await runElection({ store, identity, times: TIMES, clock, wall, random: Math.random, lead, onError }, stop.signal);
client.close();
