import { expect } from 'chai';
import type { Manifest } from '../harness/kubectl.ts';
import {
  IMAGE,
  account,
  backend,
  database,
  permission,
  podTemplate,
  psqlEnv,
  resourcesReady,
  user,
} from '../harness/resources.ts';
import type { PodParts } from '../harness/resources.ts';
import { story } from '../harness/story.ts';

const HERE = 'story-jobs';

const job = (name: string, parts: PodParts): Manifest => {
  const { metadata, spec } = podTemplate(parts);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: HERE },
    spec: { backoffLimit: 0, template: { metadata, spec: { restartPolicy: 'Never', ...spec } } },
  };
};

const statement = (text: string): string[] => ['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text];

interface Statuses {
  readonly items: readonly {
    readonly status: {
      readonly phase: string;
      readonly initContainerStatuses: readonly {
        readonly name: string;
        readonly restartCount: number;
        readonly state: { readonly terminated?: { readonly exitCode: number } };
      }[];
    };
  }[];
}

story('a Job', [HERE], (scene) => {
  before('a database, and who changes its schema', async function () {
    this.timeout(120_000);
    const { cluster, kubectl } = scene();
    const server = database(HERE);
    await cluster.kubectl.apply(
      ...server.objects,
      ...backend(HERE, 'shop', server),
      account(HERE, 'migrator'),
      user(HERE, 'migrator', { serviceAccounts: ['migrator'] }),
      permission(HERE, 'schema', 'migrator', 'shop', { databases: ['shop'], actions: ['admin'] }),
    );
    await resourcesReady(kubectl);
    await kubectl.ready(60, 'pod/database');
  });

  /** Completed, the proxy ended by itself and in order, and nothing was tried twice. */
  async function completes(name: string): Promise<void> {
    const { kubectl } = scene();
    await kubectl.wait([`job/${name}`], 'condition=Complete', 60);
    const pods = await kubectl.json<Statuses>('get', 'pods', '-l', `job-name=${name}`);
    expect(pods.items).to.have.length(1);
    const [proxy] = pods.items[0]?.status.initContainerStatuses ?? [];
    expect(pods.items[0]?.status.phase).to.equal('Succeeded');
    expect(proxy?.name).to.equal('articdbm-proxy');
    expect(proxy?.restartCount).to.equal(0);
    expect(proxy?.state.terminated?.exitCode).to.equal(0);
  }

  it('completes: the sidecar ends after the application', async () => {
    const container = { command: statement("insert into orders values (4, 'bed') returning item") };
    await scene().cluster.kubectl.apply(job('insert', { account: 'migrator', backends: 'shop', container }));
    await completes('insert');
    expect(await scene().kubectl.run(['logs', 'job/insert', '-c', 'app'])).to.equal('bed\n');
  });

  it('may migrate the schema in an init container, which has the sidecar already', async () => {
    const migrate = {
      name: 'migrate',
      image: IMAGE,
      env: psqlEnv('shop'),
      command: statement('create table migrated as select id, item from orders'),
    };
    const container = { command: statement('select count(*) from migrated where id <= 3') };
    await scene().cluster.kubectl.apply(
      job('migrate', { account: 'migrator', backends: 'shop', container, spec: { initContainers: [migrate] } }),
    );
    await completes('migrate');
    expect(await scene().kubectl.run(['logs', 'job/migrate', '-c', 'app'])).to.equal('3\n');
  });

  it('fails when its statement is refused, and says why', async () => {
    const { cluster, kubectl } = scene();
    const container = { command: statement("select pg_read_file('/etc/passwd')") };
    await cluster.kubectl.apply(job('refused', { account: 'migrator', backends: 'shop', container }));
    await kubectl.wait(['job/refused'], 'condition=Failed', 60);
    expect(await kubectl.run(['logs', 'job/refused', '-c', 'app'])).to.match(/ERROR: /);
  });
});
