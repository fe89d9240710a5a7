import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { KubeClient } from '#operator/kube/client';
import { requireApiServer, stopApiServers } from '../harness/api-server.ts';
import { createRestrictedNamespaces, kindNamed } from './cluster.ts';
import { find, NAMESPACE, requireHelm, ROOT, URLS, type Helm, type Manifest, type Values } from './helm.ts';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}
type Role = Manifest & { readonly rules: readonly Rule[] };

const rulesOf = (manifests: readonly Manifest[], kind: string, name: string): readonly Rule[] =>
  (find(manifests, kind, name) as Role).rules;

/** [where, apiGroup, resources, names, verbs] of each rule, as docs/rbac.md has them. */
type Row = readonly [string, string, string, string, string];

const rowOf = (where: string, { apiGroups, resources, resourceNames = [], verbs }: Rule): Row => [
  where,
  apiGroups.map((group) => (group === '' ? 'core' : group)).join(', '),
  resources.join(', '),
  resourceNames.join(', '),
  verbs.join(', '),
];

function documentedRows(): readonly Row[] {
  const text = readFileSync(path.join(ROOT, 'docs/rbac.md'), 'utf8');
  const lines = text.split('\n').filter((line) => /^\| (its namespace|cluster|watched) /.test(line));
  return lines.map((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    expect(cells[6], line).not.to.equal(''); // for what
    expect(cells[7], line).not.to.equal(''); // without it
    return cells.slice(1, 6) as unknown as Row;
  });
}

interface Question {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly namespace?: string;
}

interface Who {
  readonly user: string;
  readonly groups?: readonly string[];
}

const OPERATOR: Who = {
  user: `system:serviceaccount:${NAMESPACE}:articdbm-operator`,
  groups: ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`, 'system:authenticated'],
};

/** `verb group/resource/subresource name @namespace`; the core's group is left out. */
function questionOf(text: string): Question {
  const [verb = '', what = '', ...rest] = text.split(' ');
  const parts = what.split('/');
  const [group, resource = '', subresource] = what.includes('.') ? parts : ['', ...parts];
  const named = rest.find((word) => !word.startsWith('@'));
  const within = rest.find((word) => word.startsWith('@'))?.slice(1);
  return {
    verb,
    group: group ?? '',
    resource,
    ...(subresource === undefined ? {} : { subresource }),
    ...(named === undefined ? {} : { name: named }),
    ...(within === undefined ? {} : { namespace: within }),
  };
}

async function may(client: KubeClient, who: Who, text: string): Promise<boolean> {
  const spec = { ...who, resourceAttributes: questionOf(text) };
  const path = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec };
  const answer = await client.request<{ readonly status: { readonly allowed: boolean } }>({
    method: 'POST',
    path,
    body,
  });
  return answer.status.allowed;
}

const MAY_ANYWAY = [
  `get secrets articdbm-keys @${NAMESPACE}`,
  `update secrets articdbm-tls @${NAMESPACE}`,
  `get coordination.k8s.io/leases articdbm-operator @${NAMESPACE}`,
  `update coordination.k8s.io/leases articdbm-operator @${NAMESPACE}`,
  `create coordination.k8s.io/leases @${NAMESPACE}`,
  'create authentication.k8s.io/tokenreviews',
  'get admissionregistration.k8s.io/mutatingwebhookconfigurations articdbm',
  'patch admissionregistration.k8s.io/validatingwebhookconfigurations articdbm',
];

const WHERE_IT_LOOKS = [
  'list articdbm.io/dbbackends',
  'watch articdbm.io/dbusers',
  'list articdbm.io/dbpermissions',
  'patch articdbm.io/dbusers/status',
  'get secrets orders-db',
  'list pods',
  'watch pods',
  'create events.k8s.io/events',
  'patch events.k8s.io/events',
];

const NEVER = [
  'list secrets @prod',
  'watch secrets @prod',
  'list secrets',
  `list secrets @${NAMESPACE}`,
  'update secrets orders-db @prod',
  'patch secrets orders-db @prod',
  'create secrets @prod',
  'delete secrets orders-db @prod',
  `create secrets @${NAMESPACE}`,
  `update secrets articdbm-evaluation @${NAMESPACE}`,
  `delete secrets articdbm-keys @${NAMESPACE}`,
  'update secrets articdbm-keys @prod',
  'create pods @prod',
  'update pods app @prod',
  'delete pods app @prod',
  'create pods/exec @prod',
  'create pods/eviction @prod',
  'create serviceaccounts/token @prod',
  `create serviceaccounts/token articdbm-operator @${NAMESPACE}`,
  'impersonate users',
  'impersonate serviceaccounts @prod',
  'create apps/deployments @prod',
  'update articdbm.io/dbusers @prod',
  'create articdbm.io/dbpermissions @prod',
  'delete articdbm.io/dbbackends @prod',
  'create rbac.authorization.k8s.io/clusterrolebindings',
  'escalate rbac.authorization.k8s.io/roles @prod',
  'bind rbac.authorization.k8s.io/clusterroles',
  'get coordination.k8s.io/leases kube-scheduler @kube-system',
  'update coordination.k8s.io/leases other @prod',
  `update coordination.k8s.io/leases other @${NAMESPACE}`,
  'create coordination.k8s.io/leases @kube-system',
  'patch admissionregistration.k8s.io/mutatingwebhookconfigurations other',
  'create admissionregistration.k8s.io/mutatingwebhookconfigurations',
  'delete admissionregistration.k8s.io/validatingwebhookconfigurations articdbm',
  'patch apiextensions.k8s.io/customresourcedefinitions dbusers.articdbm.io',
  'list namespaces',
  'get configmaps x @prod',
  'list nodes',
];

const everywhere = (questions: readonly string[], ...namespaces: readonly string[]): readonly string[] =>
  namespaces.flatMap((namespace) => questions.map((question) => `${question} @${namespace}`));

describe('what the chart lets the operator do, and people', function () {
  this.timeout(120_000);
  let helm: Helm;
  before(function () {
    helm = requireHelm(this);
  });

  it('docs/rbac.md has each rule of the chart and no other', () => {
    const all = helm.render(URLS);
    const rows = [
      ...rulesOf(all, 'Role', 'articdbm-operator').map((rule) => rowOf('its namespace', rule)),
      ...rulesOf(all, 'ClusterRole', 'articdbm-operator').map((rule) => rowOf('cluster', rule)),
      ...rulesOf(all, 'ClusterRole', 'articdbm-operator-watched').map((rule) => rowOf('watched', rule)),
    ];
    expect(documentedRows()).to.deep.equal(rows);
  });

  it('what is given to the operator is bound to nobody else, and nothing else is bound', () => {
    for (const values of [URLS, { ...URLS, watchNamespaces: ['prod', 'shop'] }]) {
      const bindings = helm.render(values).filter(({ kind }) => kind.endsWith('RoleBinding'));
      expect(bindings.length).to.be.greaterThan(2);
      for (const binding of bindings) {
        expect(binding).to.deep.include({
          subjects: [{ kind: 'ServiceAccount', name: 'articdbm-operator', namespace: NAMESPACE }],
        });
      }
    }
  });

  it('no rule has a star, and none of the operator reads a list of Secrets', () => {
    const roles = helm.render(URLS).filter((manifest): manifest is Role => manifest.kind.endsWith('Role'));
    for (const { metadata, rules } of roles) {
      for (const { apiGroups, resources, verbs } of rules) {
        expect([...apiGroups, ...resources, ...verbs], metadata.name).not.to.include('*');
        if (resources.includes('secrets')) expect(verbs).to.not.include.members(['list']).and.not.include('watch');
      }
    }
  });

  it('view, edit and admin get what the table says, by the labels that the API server gathers them by', () => {
    const all = helm.render(URLS);
    const aggregated = all.filter(({ metadata }) =>
      Object.keys(metadata.labels ?? {}).some((label) => label.includes('aggregate-to')),
    );
    expect(aggregated.map(({ metadata }) => metadata.name)).to.deep.equal(['articdbm-view', 'articdbm-admin']);
    const labels = (name: string) => find(all, 'ClusterRole', name).metadata.labels;
    expect(labels('articdbm-view')).to.include({ 'rbac.authorization.k8s.io/aggregate-to-view': 'true' });
    expect(labels('articdbm-admin')).to.include({ 'rbac.authorization.k8s.io/aggregate-to-admin': 'true' });
    const none = helm.render({ ...URLS, rbac: { aggregate: false } });
    expect(JSON.stringify(none)).not.to.contain('aggregate-to');
  });

  const settings: readonly (readonly [string, Values, readonly string[], readonly string[]])[] = [
    ['cluster-wide', URLS, everywhere(WHERE_IT_LOOKS, 'prod', 'elsewhere'), []],
    [
      'in two namespaces',
      { ...URLS, watchNamespaces: ['prod', 'shop'] },
      everywhere(WHERE_IT_LOOKS, 'prod', 'shop'),
      [...everywhere(WHERE_IT_LOOKS, 'elsewhere', 'kube-system'), ...WHERE_IT_LOOKS],
    ],
  ];
  for (const [where, values, looks, looksNot] of settings) {
    describe(`a real API server's word, ${where}`, () => {
      let client: KubeClient;
      before(async function () {
        client = (await requireApiServer(this)).client();
        await createRestrictedNamespaces(client);
        for (const manifest of helm.render(values)) {
          if (/Role(Binding)?$|^ServiceAccount$/.test(manifest.kind)) {
            await client.create(kindNamed(manifest.kind), manifest);
          }
        }
      });
      after(stopApiServers);

      for (const question of [...MAY_ANYWAY, ...looks]) {
        it(`the operator may ${question}`, async () => {
          expect(await may(client, OPERATOR, question)).to.equal(true);
        });
      }
      for (const question of [...NEVER, ...looksNot]) {
        it(`the operator may not ${question}`, async () => {
          expect(await may(client, OPERATOR, question)).to.equal(false);
        });
      }
    });
  }

  describe("a real API server's word about people", () => {
    let client: KubeClient;
    before(async function () {
      client = (await requireApiServer(this)).client();
      await createRestrictedNamespaces(client);
      for (const manifest of helm.render(URLS)) {
        if (manifest.kind === 'ClusterRole') await client.create(kindNamed('ClusterRole'), manifest);
      }
      // Aggregation is the controller-manager's; here each is bound by itself.
      for (const name of ['articdbm-view', 'articdbm-admin', 'articdbm-backends']) {
        await client.create(kindNamed('RoleBinding'), {
          metadata: { name, namespace: 'prod' },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
          subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
        } as never);
      }
    });
    after(stopApiServers);

    const cases: readonly (readonly [user: string, may: readonly string[], mayNot: readonly string[]])[] = [
      [
        'articdbm-view',
        ['get articdbm.io/dbusers x @prod', 'list articdbm.io/dbpermissions @prod', 'watch articdbm.io/dbusers @prod'],
        [
          'create articdbm.io/dbpermissions @prod',
          'get articdbm.io/dbbackends x @prod',
          'list articdbm.io/dbusers @shop',
        ],
      ],
      [
        'articdbm-admin',
        [
          'create articdbm.io/dbpermissions @prod',
          'patch articdbm.io/dbusers x @prod',
          'delete articdbm.io/dbusers x @prod',
        ],
        [
          'create articdbm.io/dbbackends @prod',
          'patch articdbm.io/dbusers/status x @prod',
          'update articdbm.io/dbpermissions/status x @prod',
        ],
      ],
      [
        'articdbm-backends',
        ['create articdbm.io/dbbackends @prod', 'get articdbm.io/dbbackends x @prod'],
        [
          'create articdbm.io/dbpermissions @prod',
          'patch articdbm.io/dbbackends/status x @prod',
          'get secrets x @prod',
        ],
      ],
    ];
    for (const [user, yes, no] of cases) {
      it(`${user}: what is in the table and no more`, async () => {
        for (const question of yes) expect(await may(client, { user }, question), question).to.equal(true);
        for (const question of no) expect(await may(client, { user }, question), question).to.equal(false);
      });
    }

    it('the API server gathers view, edit and admin by these labels', async () => {
      for (const name of ['view', 'edit', 'admin']) {
        const role = await client.get(kindNamed('ClusterRole'), { name });
        const label = `rbac.authorization.k8s.io/aggregate-to-${name}`;
        expect(role).to.deep.include({
          aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] },
        });
        const above = { view: 'edit', edit: 'admin' }[name];
        if (above === undefined) continue;
        expect(role?.metadata.labels).to.include({ [`rbac.authorization.k8s.io/aggregate-to-${above}`]: 'true' });
      }
    });
  });
});
