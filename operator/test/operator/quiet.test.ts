import { expect } from 'chai';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { stopApiServers } from '../harness/api-server.ts';
import { killOperators, type OperatorProcess } from '../harness/operator.ts';
import { eventually } from '../publish/proxies.ts';
import { ClusterScene, GATEWAY, pause, SHOP, SIDECAR, tablesOf, user } from './cluster-scene.ts';

interface AuditEvent {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly name?: string };
  readonly requestURI: string;
}

const READS = new Set(['get', 'list', 'watch']);

describe('an operator that is restarted when nothing has changed', function () {
  this.timeout(180_000);
  let scene: ClusterScene;
  let folder: string;
  before(async function () {
    folder = mkdtempSync(path.join(tmpdir(), 'articdbm-audit-'));
    const policy = path.join(folder, 'policy.yaml');
    writeFileSync(policy, 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n');
    scene = await ClusterScene.open(this, {
      users: ['operator'],
      flags: [`--audit-policy-file=${policy}`, `--audit-log-path=${path.join(folder, 'audit.log')}`],
    });
    await scene.apiServer.letAll('operator');
    // One of each: in order, and with something to say in every condition.
    await scene.apply(...Object.values(SHOP), user('shop/lost', { passwordSecretRef: { name: 'nowhere' } }));
  });
  afterEach(killOperators);
  after(async () => {
    await (scene as ClusterScene | undefined)?.close();
    await stopApiServers();
    rmSync(folder, { recursive: true, force: true });
  });

  async function running(): Promise<OperatorProcess> {
    const operator = await scene.operator({ token: 'operator-token' });
    await operator.ready();
    await operator.leads();
    return operator;
  }

  /** What the operator has asked of the API server to change, each as `verb resource`. */
  const writes = (): readonly string[] =>
    readFileSync(path.join(folder, 'audit.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditEvent)
      .filter(({ user: { username }, verb }) => username === 'operator' && !READS.has(verb))
      .map(({ verb, objectRef, requestURI }) => `${verb} ${objectRef?.resource ?? requestURI}`)
      .filter((write) => !write.endsWith(' leases'));

  const rowCounts = async (): Promise<unknown> => {
    const { rows } = await scene.store.query(
      `select relname, n_tup_ins, n_tup_upd, n_tup_del from pg_stat_user_tables where schemaname = 'articdbm' order by 1`,
    );
    return rows;
  };

  /** Of all clients, whatever is no reading, as `COMMAND key`. */
  async function watchRedis(): Promise<{ readonly written: () => readonly string[]; readonly monitor: Redis }> {
    const monitor = await scene.redisServer.client().monitor();
    const lines: string[] = [];
    monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => {
      if (/^(set|del|hdel|hset|expire|publish|incr|flush)/i.test(command))
        lines.push(`${command.toUpperCase()} ${key}`);
    });
    return { written: () => [...new Set(lines)].sort(), monitor };
  }

  it('writes nothing to the API server, the store or Redis, but the lease and the beat', async () => {
    const first = await running();
    for (const scope of [SIDECAR, GATEWAY]) await scene.until(scope, (now) => tablesOf(now).length === 1);
    await eventually(async () => (await scene.readyCondition(SHOP.user)).startsWith('True'), 'Ready', 20_000);
    await pause(12_000); // proxies are counted every 10 s
    expect(await first.stop()).to.equal(0);
    expect(writes(), 'it sees writes').to.include('patch dbusers');
    const before = { writes: writes().length, documents: await scene.redis.keys('articdbm:{*}:doc:*') };
    const heads = await Promise.all([SIDECAR, GATEWAY].map((scope) => scene.inForce(scope)));
    await pause(1_500); // the store's counts come late
    const rows = await rowCounts();
    expect(JSON.stringify(rows)).to.match(/"relname":"revisions","n_tup_ins":"[1-9]/);

    const redis = await watchRedis();
    const second = await running();
    const beats = async (): Promise<boolean> =>
      (await second.metric('articdbm_operator_beats_total{outcome="ok"}')) === 1;
    await eventually(beats, 'the beat', 45_000);
    await pause(2_000);
    expect(await second.stop()).to.equal(0);
    redis.monitor.disconnect();
    await pause(1_500);

    expect(writes().slice(before.writes)).to.deep.equal([]);
    expect(await rowCounts()).to.deep.equal(rows);
    const documents = [...before.documents].sort();
    expect(redis.written()).to.deep.equal(
      [
        ...documents.map((key) => `EXPIRE ${key}`),
        ...[SIDECAR, GATEWAY].map((scope) => `SET articdbm:{${scope}}:head`),
        'SET articdbm:term',
      ].sort(),
    );
    const now = await Promise.all([SIDECAR, GATEWAY].map((scope) => scene.inForce(scope)));
    expect(now.map((one) => one?.head.revision)).to.deep.equal(heads.map((one) => one?.head.revision));
    expect(now.map((one) => one?.head.digest)).to.deep.equal(heads.map((one) => one?.head.digest));
  });
});
