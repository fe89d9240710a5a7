import { expect } from 'chai';
import type { KubeClient } from '#operator/kube/client';
import { ApiError } from '#operator/kube/errors';
import {
  DATABASE_BACKENDS,
  DB_PERMISSIONS,
  DB_USERS,
  collectionPath,
  objectPath,
  type KubeObject,
  type ResourceKind,
} from '#operator/kube/resource';
import type { Kind } from '#contract/resources/schemas.gen';
import { CEL_CASES } from '#contract/resources/testing-cel';
import { STRUCTURE_CASES } from '#contract/resources/testing-structure';
import { resource } from '#contract/resources/testing';
import { validateResource } from '#contract/resources/validate';
import { requireApiServer, stopApiServers, type ApiServer } from '../harness/api-server.ts';

const KINDS: Readonly<Record<Kind, ResourceKind>> = {
  DatabaseBackend: DATABASE_BACKENDS,
  DbUser: DB_USERS,
  DbPermission: DB_PERMISSIONS,
};

/** What schemas and CEL can't say: the API server takes these, and the operator says so in the status. */
const ONLY_OURS: ReadonlySet<string> = new Set([
  'a name of 64 bytes in 32 letters',
  'a pattern that no name can match',
  'a field left empty', // the API server takes null for "the default"; in a file it is more likely a mistake
]);

/** JSON can't carry it: what reaches the API server is another text. */
const NOT_SENDABLE: ReadonlySet<string> = new Set(['a lone surrogate']);

describe('the CRDs on a real API server', function () {
  this.timeout(60_000);
  let server: ApiServer;
  let client: KubeClient;
  before(async function () {
    server = await requireApiServer(this);
    client = server.client();
    await server.installCrds();
    await server.createNamespaces('prod');
  });
  after(stopApiServers);

  const refusal = async (kind: Kind, object: object): Promise<string> => {
    const query = { dryRun: 'All', fieldValidation: 'Strict' };
    try {
      await client.request({ method: 'POST', path: collectionPath(KINDS[kind], 'prod'), query, body: object });
      return '';
    } catch (error) {
      if (error instanceof ApiError && [400, 422].includes(error.status)) return error.detail;
      throw error;
    }
  };

  for (const kind of Object.keys(KINDS) as Kind[]) {
    it(`a right ${kind} is taken`, async () => {
      expect(await refusal(kind, resource(kind))).to.equal('');
    });
  }

  for (const [situation, kind, changes] of [...CEL_CASES, ...STRUCTURE_CASES]) {
    if (NOT_SENDABLE.has(situation)) continue;
    const taken = ONLY_OURS.has(situation);
    it(`${situation} is ${taken ? 'taken: only we see it' : 'refused, as it is without one'}`, async () => {
      const object = resource(kind, changes);
      expect(validateResource(object)).to.not.deep.equal([]);
      const said = await refusal(kind, object);
      if (taken) expect(said).to.equal('');
      else expect(said).to.not.equal('');
    });
  }

  it('CEL says in its refusal what we say without it', async () => {
    for (const [situation, kind, changes, ...texts] of CEL_CASES) {
      const said = await refusal(kind, resource(kind, changes));
      for (const text of texts) expect(said, situation).to.contain(text.replace(/^[^:]*: /, ''));
    }
  });

  it('the protocol of a backend can not be changed', async () => {
    const made = await client.create(DATABASE_BACKENDS, resource('DatabaseBackend') as unknown as KubeObject);
    const crd = {
      group: 'apiextensions.k8s.io',
      version: 'v1',
      plural: 'customresourcedefinitions',
      namespaced: false,
    };
    const kind: ResourceKind = { ...crd, kind: 'CustomResourceDefinition' };
    // The rule can only speak where there is a second protocol: let the schema know one for a moment.
    const path = '/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/protocol/enum';
    const request = { method: 'PATCH', contentType: 'application/json-patch+json' } as const;
    await client.request({
      ...request,
      path: objectPath(kind, { name: 'dbbackends.articdbm.io' }),
      body: [{ op: 'replace', path, value: ['postgresql', 'mysql'] }],
    });
    let said = '';
    for (let attempt = 0; attempt < 100 && !said.includes('can not be changed'); attempt++) {
      said = await changeProtocol(client, made);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(said).to.contain('the protocol can not be changed: make another DatabaseBackend');
  });
});

async function changeProtocol(client: KubeClient, made: KubeObject): Promise<string> {
  try {
    await client.mergePatch(DATABASE_BACKENDS, made.metadata, { spec: { protocol: 'mysql' } });
    return 'it was changed';
  } catch (error) {
    if (error instanceof ApiError && error.status === 422) return error.detail;
    throw error;
  }
}
