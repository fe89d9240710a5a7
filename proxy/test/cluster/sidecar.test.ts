import { once } from 'node:events';
import net from 'node:net';
import { expect } from 'chai';
import { cancelRequest, gssencRequest, message, query, sslRequest, startup } from '#test/harness/frontend';
import { ConnectionEnded, errorFields, firstError, RawClient, rows, types } from '#test/harness/raw-client';
import { eventually } from '../../../operator/test/publish/proxies.ts';
import type { ProxyPod } from './proxy-process.ts';
import { Cluster, login, READS, refusal } from './scene.ts';

const ANNA = { name: 'anna', password: 'a', ...READS };
const BERT = { name: 'bert', ...READS };
const BOSS = {
  name: 'boss',
  password: 'b',
  rules: [{ databases: ['*'], schemas: ['*'], actions: ['admin' as const] }],
};

describe('on a pod’s loopback', () => {
  let cluster: Cluster;
  let pod: ProxyPod;

  before(async function () {
    cluster = await Cluster.make(this);
    await cluster.reset();
    await cluster.publish({ bound: [ANNA], others: [BOSS] });
    pod = await cluster.pod().start();
    await pod.ready();
  });
  after(() => (cluster as Cluster | undefined)?.stop());

  /** Publishes, and waits until the proxy has it. */
  async function apply(policy: Parameters<Cluster['policy']>[0]): Promise<void> {
    const before = await pod.metric('articdbm_proxy_policy_revision');
    await cluster.publish(policy);
    await eventually(async () => (await pod.metric('articdbm_proxy_policy_revision')) !== before, 'a swap');
  }

  it('the only user gets in by any of its names, without being asked for a password', async () => {
    for (const user of ['articdbm', 'anna']) {
      const client = await login(pod, { user });
      expect(types(client.loginMessages), user).to.match(/^RS+KZ$/);
      expect(client.loginMessages[0]?.body, 'AuthenticationOk, first').to.deep.equal(Buffer.alloc(4));
      expect(rows(await client.query('select id from open'))).to.deep.equal([['1']]);
      expect(firstError(await client.query('select * from closed'))).to.have.property('C', '42501');
      await client.close();
    }
  });

  it('the database articdbm, or none, is the backend’s default', async () => {
    for (const database of [{}, { database: 'articdbm' }, { database: 'postgres' }]) {
      const client = await login(pod, database);
      expect(rows(await client.query('select current_database()'))).to.deep.equal([['postgres']]);
      await client.close();
    }
    expect((await refusal(pod, { database: 'template1' }))[0]).to.equal('42501');
  });

  it('nobody else gets in, whatever it calls itself and whatever password it has', async () => {
    const names = [
      'boss',
      'postgres',
      'ANNA',
      'Articdbm',
      'anna ',
      'anna\u0301',
      'аnna',
      '"anna"',
      'anna,boss',
      'x'.repeat(63),
    ];
    for (const user of names) {
      const [code, text] = await refusal(pod, { user, password: 'b' });
      expect(code, user).to.equal('28000');
      expect(text, user).to.include(`is not bound to this pod's ServiceAccount shop/app: "anna" is`);
    }
    expect((await refusal(pod, { user: '' }))[0]).to.equal('28000');
    expect((await refusal(pod, { parameters: { replication: 'database' } }))[0]).to.equal('0A000');
  });

  it('a name in bytes that are no UTF-8 is refused', async () => {
    const client = await RawClient.connect({ port: pod.port });
    client.send(startup([['user', Buffer.from([0xff, 0xfe]) as unknown as string]]));
    const [error] = await client.readToEnd();
    expect(error === undefined ? '' : errorFields(error).C).to.equal('22021');
  });

  it('settings that the start-up packet must not bring are refused as anywhere', async () => {
    for (const parameters of [
      { role: 'postgres' },
      { options: '-c session_authorization=postgres' },
      { search_path: 'secret' },
    ]) {
      expect((await refusal(pod, { parameters }))[0], JSON.stringify(parameters)).to.equal('42501');
    }
  });

  it('on ::1 as on 127.0.0.1', async function () {
    const [client] = await Promise.allSettled([RawClient.login({ host: '::1', port: pod.port, user: 'articdbm' })]);
    if (client.status === 'rejected' && (client.reason as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL')
      return this.skip();
    if (client.status === 'rejected') throw client.reason;
    expect(rows(await client.value.query('select id from open'))).to.deep.equal([['1']]);
    await client.value.close();
  });

  it('and nowhere else', async () => {
    const socket = net.connect({ host: '127.0.0.2', port: pod.port });
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).to.equal('ECONNREFUSED');
  });

  it('SSLRequest and GSSENCRequest are answered N, and the login goes on in the clear', async () => {
    const socket = net.connect({ host: '127.0.0.1', port: pod.port });
    for (const request of [sslRequest(), gssencRequest()]) {
      socket.write(request);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString()).to.equal('N');
    }
    socket.write(startup({ user: 'articdbm' }));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.subarray(0, 9)).to.deep.equal(Buffer.from('520000000800000000', 'hex'));
    socket.destroy();
  });

  it('direct TLS ends without a word', async () => {
    const socket = net.connect({ host: '127.0.0.1', port: pod.port });
    const said: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => said.push(chunk));
    socket.write(Buffer.from('16030100050100000100', 'hex'));
    await once(socket, 'close');
    expect(Buffer.concat(said).length).to.equal(0);
  });

  it('what is sent along with the start-up packet is judged like all else', async () => {
    for (const pace of ['at once', 'byte by byte']) {
      const client = await RawClient.connect({ port: pod.port });
      const bytes = Buffer.concat([
        startup({ user: 'articdbm' }),
        query('select id from open'),
        query('select * from closed'),
        query('select 2'),
      ]);
      if (pace === 'at once') client.send(bytes);
      else for (const byte of bytes) client.send(Buffer.of(byte));
      await client.readUntilReady();
      expect(rows(await client.readUntilReady()), pace).to.deep.equal([['1']]);
      expect(firstError(await client.readUntilReady()), pace).to.have.property('C', '42501');
      expect(rows(await client.readUntilReady()), pace).to.deep.equal([['2']]);
      await client.close();
    }
  });

  it('a password that nobody asked for is a protocol error of the session, not a login', async () => {
    const client = await RawClient.connect({ port: pod.port });
    client.send(startup({ user: 'articdbm' }), message('p', Buffer.from('a\0')));
    const messages = await client.readToEnd();
    expect(firstError(messages)).to.have.property('C', '08P01');
  });

  it('who is refused cannot go on with another name on the same connection', async () => {
    const client = await RawClient.connect({ port: pod.port });
    client.send(startup({ user: 'boss' }), startup({ user: 'articdbm' }), query('select id from open'));
    expect(types(await client.readToEnd())).to.equal('E');
  });

  it('cancel keys work, and wrong ones do nothing', async () => {
    const client = await login(pod);
    const cancel = async (key: Buffer): Promise<void> => {
      const socket = net.connect({ host: '127.0.0.1', port: pod.port });
      socket.end(cancelRequest(client.pid, key));
      socket.resume();
      await once(socket, 'close');
    };
    client.send(query('select count(*) from open a, generate_series(1, 1000000000) b'));
    await cancel(Buffer.alloc(client.key.length, 1));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(client.take()).to.deep.equal([]);
    await cancel(client.key);
    expect(firstError(await client.readUntilReady())).to.have.property('C', '57014');
    await client.close();
  });

  it('with several that are bound the client must say which', async () => {
    await apply({ bound: [ANNA, BERT], others: [BOSS] });
    const [code, text] = await refusal(pod);
    expect(code).to.equal('28000');
    expect(text).to.include('several are: "anna", "bert"');
    expect(await refusal(pod, { user: 'bert' })).to.deep.equal(['ok']);
    expect(await refusal(pod, { user: 'anna' })).to.deep.equal(['ok']);
    expect((await refusal(pod, { user: 'boss' }))[1]).to.include(': "anna", "bert" are');
    await apply({ bound: [ANNA], others: [BOSS] });
  });

  it('who is disabled or expired is refused with that reason', async () => {
    await apply({ bound: [{ ...ANNA, enabled: false }] });
    expect((await refusal(pod)).slice(0, 2)).to.deep.equal(['28000', 'user "anna" is disabled']);
    await apply({ bound: [{ ...ANNA, expiresAt: Date.now() - 1 }] });
    expect((await refusal(pod)).slice(0, 2)).to.deep.equal(['28000', 'user "anna" has expired']);
    await apply({ bound: [ANNA], others: [BOSS] });
  });

  it('a swap judges the open session’s next statement, and what is in flight', async () => {
    await apply({ bound: [ANNA, BERT] });
    const [open, busy] = [await login(pod, { user: 'anna' }), await login(pod, { user: 'anna' })];
    busy.send(query('select count(*) from open a, generate_series(1, 1000000000) b'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await apply({ bound: [{ ...ANNA, rules: [{ tables: ['closed'], actions: ['select'] }] }, BERT] });
    expect(firstError(await open.query('select id from open'))).to.have.property('C', '42501');
    expect(firstError(await busy.readUntilReady())).to.have.property('C', '42501');
    await Promise.all([open.close(), busy.close()]);
    await apply({ bound: [ANNA], others: [BOSS] });
  });

  it('the session of one who is bound no more is ended, though the user is still in the policy', async () => {
    await apply({ bound: [ANNA, BERT] });
    const [anna, bert] = [await login(pod, { user: 'anna' }), await login(pod, { user: 'bert' })];
    await apply({ bound: [BERT], others: [ANNA] });
    const error = firstError(await anna.readToEnd());
    expect([error?.C, error?.M]).to.deep.equal([
      '57P01',
      'terminating connection: user "anna" is no longer bound to this pod',
    ]);
    expect(rows(await bert.query('select id from open'))).to.deep.equal([['1']]);
    expect((await refusal(pod, { user: 'anna', password: 'a' }))[0]).to.equal('28000');
    await bert.close();
    await apply({ bound: [ANNA], others: [BOSS] });
  });

  it('with nobody bound nobody gets in, and it stays ready and says so', async () => {
    await apply({ others: [ANNA, BOSS] });
    for (const user of ['articdbm', 'anna', 'boss']) {
      expect((await refusal(pod, { user, password: 'a' }))[1]).to.equal(
        `no DbUser of DatabaseBackend prod/orders is bound to this pod's ServiceAccount shop/app`,
      );
    }
    const said = await pod.readyz();
    expect([said?.status, said?.text]).to.deep.equal([
      200,
      'ok, but waiting for a DbUser whose spec.serviceAccounts names app, with a DbPermission for DatabaseBackend prod/orders (in namespace shop)',
    ]);
    await apply({ bound: [ANNA], others: [BOSS] });
  });
});

describe('at a gateway', () => {
  let cluster: Cluster;
  let pod: ProxyPod;

  before(async function () {
    cluster = await Cluster.make(this);
    await cluster.reset();
    await cluster.publish({ bound: [BERT], others: [ANNA] });
    pod = await cluster.pod({ mode: 'gateway' }).start();
    await pod.ready();
  });
  after(() => (cluster as Cluster | undefined)?.stop());

  it('users with a verifier get in by their password', async () => {
    const client = await login(pod, { user: 'anna', password: 'a' });
    expect(rows(await client.query('select id from open'))).to.deep.equal([['1']]);
    await client.close();
  });

  it('nobody gets in without, bound or not, from wherever', async () => {
    for (const [user, password] of [
      ['articdbm', ''],
      ['bert', ''],
      ['anna', ''],
      ['anna', 'b'],
      ['boss', 'b'],
    ] as const) {
      expect((await refusal(pod, { user, password })).slice(0, 2), user).to.deep.equal([
        '28P01',
        `password authentication failed for user "${user}"`,
      ]);
    }
  });

  it('what is sent along with the start-up packet is no way past the password', async () => {
    const client = await RawClient.connect({ port: pod.port });
    client.send(startup({ user: 'anna' }), query('select id from open'));
    const messages = await client.readToEnd().catch((error: unknown) => {
      if (error instanceof ConnectionEnded) return [];
      throw error;
    });
    expect(types(messages)).to.equal('RE');
    expect(firstError(messages)).to.have.property('C', '08P01');
  });

  it('salts of unknown users are those of the operator’s answer: the same on every gateway of the scope', async () => {
    const other = await cluster.pod({ mode: 'gateway' }).start();
    await other.ready();
    const saltOf = async (at: ProxyPod, user: string): Promise<string> => {
      const client = await RawClient.connect({ port: at.port });
      const first = Buffer.from('n,,n=,r=abcdefghijklmnopqrst');
      const length = Buffer.alloc(4);
      length.writeInt32BE(first.length);
      client.send(startup({ user }));
      await client.readMessage();
      client.send(message('p', Buffer.from('SCRAM-SHA-256\0'), length, first));
      const challenge = (await client.readMessage()).body.toString();
      client.destroy();
      return /s=([^,]+)/.exec(challenge)?.[1] ?? '';
    };
    const [one, two] = [await saltOf(pod, 'nobody'), await saltOf(other, 'nobody')];
    expect(one).to.match(/^[A-Za-z0-9+/]{22}==$/);
    expect(two).to.equal(one);
    expect(await saltOf(pod, 'no-one')).not.to.equal(one);
  });

  it('the session of one who has no verifier any more is ended', async () => {
    const client = await login(pod, { user: 'anna', password: 'a' });
    await cluster.publish({ bound: [BERT, { name: 'anna', ...READS }] });
    const error = firstError(await client.readToEnd());
    expect([error?.C, error?.M]).to.deep.equal([
      '57P01',
      'terminating connection: user "anna" is no longer served here',
    ]);
  });
});
