import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { KubeClient } from '#operator/kube/client';
import { LEASES, type KubeObject, type ResourceKind } from '#operator/kube/resource';
import { ObjectStore } from '#operator/kube/store';
import { SYSTEM_CLOCK } from '#operator/kube/system-clock';
import { startWatch, type RunningWatch } from '#operator/kube/watch';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';

interface Said {
  readonly what: 'leads' | 'ends' | 'wrote' | 'noticed' | 'conflict' | 'error';
  readonly at: number;
  readonly term?: number;
}

const LEASE_MS = 3_000;

describe('the Lease on a real API server, candidates in processes of their own', function () {
  this.timeout(90_000);
  let server: ApiServer;
  let client: KubeClient;
  let watch: RunningWatch | undefined;
  const written: number[] = [];
  const all: Candidate[] = [];
  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    const store = new ObjectStore<KubeObject & { readonly data?: { readonly term?: string } }>();
    store.onChange((_, now) => now?.data?.term !== undefined && written.push(Number(now.data.term)));
    const kind: ResourceKind = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true };
    const selection = { namespace: 'default', fieldSelector: 'metadata.name=written' };
    watch = startWatch({ client, kind, selection, store, clock: SYSTEM_CLOCK, random: Math.random });
    await watch.synced;
  });
  after(async () => {
    for (const one of all) one.kill();
    await watch?.stop();
    await stopApiServers();
  });

  const candidate = (name: string): Candidate => {
    const one = new Candidate(server.kubeconfig(), name);
    all.push(one);
    return one;
  };
  const leader = async (among = all): Promise<Candidate> => {
    const end = Date.now() + 20_000;
    while (Date.now() < end) {
      const one = among.find((each) => each.leads);
      if (one !== undefined) return one;
      await sleep(5);
    }
    throw new Error('nobody leads');
  };
  const others = (one: Candidate): Candidate[] => all.filter((each) => each !== one && each.runs);

  it('one of two leads', async () => {
    candidate('a');
    candidate('b');
    await leader();
    await sleep(1_000);
    expect(all.filter((one) => one.leads)).to.have.length(1);
  });

  it('a leader that ends hands over', async () => {
    const first = await leader();
    const started = Date.now();
    first.signal('SIGTERM');
    await leader(others(first));
    console.log(`      handed over in ${String(Date.now() - started)} ms`);
    expect(Date.now() - started).to.be.lessThan(LEASE_MS);
    candidate('c');
  });

  it('a leader that is killed is followed when its lease has run out', async () => {
    const first = await leader();
    await sleep(1_500);
    const started = Date.now();
    first.signal('SIGKILL');
    await leader(others(first));
    const took = Date.now() - started;
    console.log(`      followed after ${String(took)} ms, the lease being ${String(LEASE_MS)} ms`);
    expect(took).to.be.within(LEASE_MS - 500, LEASE_MS + 4_000);
    candidate('d');
  });

  it('a leader that is stopped past its lease and continued notices before it writes', async () => {
    const first = await leader();
    await sleep(1_500);
    first.signal('SIGSTOP');
    const second = await leader(others(first));
    await sleep(500);
    const before = first.said.length;
    first.signal('SIGCONT');
    await sleep(1_500);
    const after = first.said.slice(before).map(({ what }) => what);
    expect(after).to.include('ends');
    expect(after.filter((what) => what === 'wrote')).to.have.length.at.most(1); // the answer to what was under way when it was stopped
    expect(second.leads).to.equal(true);
  });

  it('a Lease that is deleted makes nobody lead beside the one that did', async () => {
    const first = await leader();
    await client.delete(LEASES, { namespace: 'default', name: 'it' });
    await sleep(1_500);
    const next = await leader();
    expect(next.term).to.be.greaterThan(first.said.find(({ what }) => what === 'leads')?.term ?? 0);
  });

  it('an API server that is away and comes back finds one leader again', async () => {
    await leader();
    await server.restart();
    await leader();
  });

  it('so, in all that: no two led at once, and what was written never came from an older leader', () => {
    const reigns = all.flatMap((one) => one.reigns()).sort((one, two) => one.from - two.from);
    expect(reigns.length).to.be.at.least(5);
    for (const [index, { to, term }] of reigns.entries()) {
      const next = reigns[index + 1];
      if (next === undefined) continue;
      expect(next.from, 'two at once').to.be.at.least(to);
      expect(next.term, 'term').to.be.greaterThan(term);
    }
    expect(written.length).to.be.greaterThan(50);
    expect(written).to.deep.equal([...written].sort((one, two) => one - two));
  });
});

class Candidate {
  readonly said: Said[] = [];
  readonly #child: ChildProcess;
  #stopped: number | undefined;

  constructor(kubeconfig: string, name: string) {
    const script = path.join(import.meta.dirname, 'lease-child.ts');
    this.#child = spawn(process.execPath, [script, kubeconfig, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#child.stdout === null) throw new Error('no stdout');
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.said.push(JSON.parse(line) as Said));
    void once(this.#child, 'exit').then(() => (this.#stopped ??= Date.now()));
  }

  get runs(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get leads(): boolean {
    const last = this.said.findLast(({ what }) => what === 'leads' || what === 'ends');
    return this.#stopped === undefined && last?.what === 'leads';
  }

  get term(): number | undefined {
    return this.said.findLast(({ what }) => what === 'leads')?.term;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (signal === 'SIGSTOP' || signal === 'SIGKILL') this.#stopped = Date.now();
    else if (signal === 'SIGCONT') this.#stopped = undefined;
    this.#child.kill(signal);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** From when to when it acted as leader. The last thing that it wrote counts, where a signal ended it. */
  reigns(): { readonly from: number; readonly to: number; readonly term: number }[] {
    return this.said
      .filter(({ what }) => what === 'leads')
      .map(({ at, term = 0 }) => {
        const acts = this.said.filter((one) => one.term === term && one.what === 'wrote').map((one) => one.at);
        return { from: at, to: Math.max(at, ...acts), term };
      });
  }
}
