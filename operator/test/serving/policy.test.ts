import https from 'node:https';
import { expect } from 'chai';
import { digestOf, sealDocument } from '#contract/snapshot/seal';
import type { KubeClient } from '#operator/kube/client';
import { kubeLeaseStore } from '#operator/kube/lease';
import type { LeaseStore } from '#operator/runtime/election';
import { leaderByLease, type LeaderAddress } from '#operator/serving/leader-address';
import { FORWARDED_HEADER } from '#operator/serving/policy-forward';
import { makeLeaf, makeRoot } from '#operator/serving/x509';
import type { PolicyAnswer } from '#operator/publish/publisher';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';
import { RING } from '../publish/scene.ts';
import {
  ask,
  ENVIRONMENT,
  makeAccount,
  makePod,
  NAMESPACE,
  reasonOf,
  SERVER_NAME,
  startReplica,
  tokenOf,
  until,
  type Asked,
  type Replica,
} from './scene.ts';

const LEASE = { namespace: NAMESPACE, name: 'articdbm-operator' };
const [KEY] = [...RING.keys.values()];

describe('the second feed, by a leader and a follower on a real API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  let leader: Replica;
  let follower: Replica;
  let lease: LeaseStore;
  let token: string;
  const asked: string[] = [];
  const published = new Map<string, PolicyAnswer>();
  const documentOf = (scope: string): Buffer => sealDocument(`the policy of ${scope}`, scope, KEY!).bytes;

  /** Says in the Lease that this one leads. */
  const elect = async (holder: string): Promise<void> => {
    const held = await lease.read(AbortSignal.timeout(5_000));
    const record = { holder, durationMs: 15_000, transitions: 1, term: 1 };
    expect(await lease.write(record, held?.version, AbortSignal.timeout(5_000))).to.not.equal('lost');
    await new Promise((resolve) => setTimeout(resolve, 1_100)); // what was read of it before is believed for a second
  };
  const holderOf = (name: string, { serving }: Replica): string =>
    `${name}_127.0.0.1:${String(serving.address.port)}_r4nd0m`;
  const leads = async (name: string): Promise<void> => elect(holderOf(name, name === 'one' ? leader : follower));

  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    await server.installCrds();
    await server.createNamespaces(NAMESPACE, 'shop');
    await makeAccount(client, 'shop', 'app');
    token = await tokenOf(client, await makePod(client, 'shop', 'app', 'app'));
    lease = kubeLeaseStore(client, LEASE, () => Date.now());
    const start = async (name: string): Promise<Replica> => {
      let address: (signal: AbortSignal) => Promise<LeaderAddress> = () => Promise.resolve({ kind: 'none' });
      const replica = await startReplica(client, {
        policyOf: (scope) => {
          asked.push(`${name} ${scope}`);
          return Promise.resolve(published.get(scope));
        },
        leaderAddress: (signal) => address(signal),
      });
      address = leaderByLease(lease, holderOf(name, replica), ENVIRONMENT.clock);
      return replica;
    };
    [leader, follower] = await Promise.all([start('one'), start('two')]);
    published.set('shop/app', { head: 'the head', document: documentOf('shop/app') });
    await leads('one');
  });
  after(async () => {
    await Promise.all([leader.stop(), follower.stop()]);
    await stopApiServers();
  });
  beforeEach(() => asked.splice(0));

  const policy = (replica: Replica, more: Asked = {}) => ask(replica, '/v1/policy', { token, ...more });

  it('the leader answers with the head and the sealed document of the scope that the token says', async () => {
    const { status, json } = await policy(leader);
    expect(status).to.equal(200);
    expect(json).to.deep.equal({ head: 'the head', document: documentOf('shop/app').toString('base64') });
    expect(asked).to.deep.equal(['one shop/app']);
  });

  it('a follower passes the question on and gives the same answer', async () => {
    const [direct, forwarded] = [await policy(leader), await policy(follower)];
    expect(forwarded.json).to.deep.equal(direct.json);
    expect(asked).to.deep.equal(['one shop/app', 'one shop/app']);
    expect(follower.answered.at(-1)).to.equal('policy forwarded');
  });

  it('who has the document already gets the head alone, by either', async () => {
    const body = JSON.stringify({ have: digestOf(documentOf('shop/app')) });
    for (const replica of [leader, follower])
      expect((await policy(replica, { body })).json).to.deep.equal({ head: 'the head' });
    const other = JSON.stringify({ have: '0'.repeat(64) });
    expect((await policy(follower, { body: other })).json.document).to.be.a('string');
  });

  it('a large document comes through whole', async () => {
    const document = sealDocument('x'.repeat(5_000_000), 'shop/app', KEY!).bytes;
    published.set('shop/app', { head: 'large', document });
    const { json } = await policy(follower);
    published.set('shop/app', { head: 'the head', document: documentOf('shop/app') });
    expect(Buffer.from(String(json.document), 'base64').equals(document)).to.equal(true);
  });

  it('a scope that is not published yet is asked for again', async () => {
    published.delete('shop/app');
    const replies = [await policy(leader), await policy(follower)];
    published.set('shop/app', { head: 'the head', document: documentOf('shop/app') });
    expect(replies.map(reasonOf)).to.deep.equal(['503 NotPublished', '503 LeaderRefused']);
  });

  it('a bad token is refused by the follower and never reaches the leader', async () => {
    const before = leader.answered.length;
    expect(reasonOf(await policy(follower, { token: 'a.b.c' }))).to.equal('401 TokenRefused');
    expect(leader.answered).to.have.length(before);
  });

  it('what is no question is refused', async () => {
    for (const body of ['[', '{"have":1}', '{"have":"00"}', '{"scope":"prod/gateway"}', '[]', 'null', '"x"'])
      expect(reasonOf(await policy(leader, { body })), body).to.equal('400 QuestionUnreadable');
    expect(asked).to.deep.equal([]);
  });

  it('is forwarded once at most: a follower that is taken for the leader says so', async () => {
    const reply = await policy(follower, { headers: { [FORWARDED_HEADER]: '1' } });
    expect(reasonOf(reply)).to.equal('503 NoLeader');
    expect(asked).to.deep.equal([]);
  });

  it('nobody leads, or says nowhere where: 503', async () => {
    for (const holder of ['', 'pod', 'pod_nowhere_x', 'pod_[::1_x', 'pod_h:0_x', 'pod_h:99999_x']) {
      await elect(holder);
      expect(reasonOf(await policy(follower)), holder).to.equal('503 NoLeader');
    }
  });

  it('a leader that is gone: 503, and its successor is found', async () => {
    await elect('gone_127.0.0.1:1_x');
    const reply = await policy(follower);
    expect(reasonOf(reply)).to.equal('503 LeaderAway');
    expect(reply.headers['retry-after']).to.equal('2');
    await leads('two');
    expect((await policy(follower)).status).to.equal(200);
    expect(asked).to.deep.equal(['two shop/app']);
    await leads('one');
  });

  it('a stranger at the address that the Lease says gets no token: its certificate is not by our root', async () => {
    const received: string[] = [];
    const validity = { from: Date.now() - 1_000, to: Date.now() + 3_600_000 };
    const { certificate: cert, key } = await makeLeaf([SERVER_NAME], await makeRoot('another', validity), validity);
    const stranger = https.createServer({ cert, key }, (request, response) => {
      received.push(String(request.headers.authorization));
      response.end('{}');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as { port: number };
    await elect(`evil_127.0.0.1:${String(port)}_x`);
    expect(reasonOf(await policy(follower))).to.equal('503 LeaderAway');
    expect(received).to.deep.equal([]);
    stranger.close();
    await leads('one');
  });

  it('with an API server that is away nobody gets anything', async () => {
    const far = await startReplica(server.client('through'), {
      leaderAddress: () => Promise.resolve({ kind: 'self' }),
    });
    server.proxy.freeze();
    const reply = await ask(far, '/v1/policy', { token });
    server.proxy.thaw();
    expect(reasonOf(reply)).to.equal('503 ApiServerAway');
    await far.stop();
  });

  it('a follower that drains answers what it has begun', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow = await startReplica(client, {
      leaderAddress: () => Promise.resolve({ kind: 'self' }),
      policyOf: () => held.then(() => published.get('shop/app')),
    });
    const answered = ask(slow, '/v1/policy', { token });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const stopped = slow.stop();
    expect(slow.serving.ready()).to.equal(false);
    await until(() =>
      ask(slow, '/v1/policy', { token }).then(
        () => false,
        (error: unknown) => (error as NodeJS.ErrnoException).code === 'ECONNREFUSED',
      ),
    );
    release();
    const reply = await answered;
    expect([reply.status, reply.headers.connection]).to.deep.equal([200, 'close']);
    await stopped;
  });
});
