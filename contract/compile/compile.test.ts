import { expect } from 'chai';
import fc from 'fast-check';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { compilePolicy, evaluate } from '../policy/evaluate.ts';
import type { AccessRequest, Action } from '../policy/request.ts';
import type { DatabaseBackend, DbPermission, DbUser } from '../resources/types.gen.ts';
import { parseSnapshot } from '../snapshot/parse.ts';
import { serialiseSnapshot } from '../snapshot/serialise.ts';
import { findingsFor } from './findings-for.ts';
import { compile, type CompileInput, type CompileResult } from './compile.ts';

const TESTDATA = join(import.meta.dirname, 'testdata');
const NAMES = readdirSync(TESTDATA)
  .filter((file) => file.endsWith('.yaml') && !file.endsWith('.golden.yaml'))
  .map((file) => file.replace('.yaml', ''));

interface Secret {
  readonly kind: 'Secret';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly stringData: Readonly<Record<string, string>>;
}
type Document = DatabaseBackend | DbPermission | DbUser | Secret;

function documents(name: string): Document[] {
  const text = readFileSync(join(TESTDATA, `${name}.yaml`), 'utf8');
  return parseAllDocuments(text).map((document) => document.toJS() as Document);
}

function input(all: readonly Document[]): CompileInput {
  const of = <K extends Document['kind']>(kind: K): Extract<Document, { kind: K }>[] =>
    all.filter((one): one is Extract<Document, { kind: K }> => one.kind === kind);
  return {
    scope: 'standalone',
    backends: of('DatabaseBackend'),
    users: of('DbUser'),
    permissions: of('DbPermission'),
    secret: (namespace, name, key) =>
      of('Secret').find(({ metadata }) => metadata.namespace === namespace && metadata.name === name)?.stringData[key],
    verifier: (user, password) => {
      if (password === 'unusable') throw new Error(`the password is ${password}`);
      return `SCRAM-SHA-256$verifier of ${user.metadata.name}`;
    },
  };
}

function expectGolden(file: string, made: unknown): void {
  const golden = join(TESTDATA, file);
  const text = stringify(JSON.parse(JSON.stringify(made)), { lineWidth: 0, aliasDuplicateObjects: false });
  if (process.env.REFRESH === '1') writeFileSync(golden, text);
  expect(text).to.equal(readFileSync(golden, 'utf8'));
}

const compileNamed = (name: string): CompileResult => compile(input(documents(name)));

describe('compile', () => {
  for (const name of NAMES) {
    it(`makes of ${name}.yaml what ${name}.golden.yaml says (REFRESH=1 writes it anew)`, () => {
      expectGolden(`${name}.golden.yaml`, compileNamed(name));
    });

    it(`makes the same of ${name}.yaml in whatever order its documents stand`, () => {
      const all = documents(name).filter((one) => !isDouble(one));
      const expected = compile(input(all));
      fc.assert(
        fc.property(fc.shuffledSubarray(all, { minLength: all.length }), (shuffled) => {
          const made = compile(input(shuffled));
          expect(serialiseSnapshot(made.snapshot)).to.equal(serialiseSnapshot(expected.snapshot));
          expect(made.findings).to.deep.equal(expected.findings);
        }),
        { numRuns: 10 },
      );
    });

    it(`makes of ${name}.yaml a snapshot that the proxy reads back unchanged`, () => {
      const { snapshot } = compileNamed(name);
      expect(parseSnapshot(serialiseSnapshot(snapshot))).to.deep.equal(snapshot);
    });

    it(`tells no password of ${name}.yaml to anyone`, () => {
      expect(JSON.stringify(compileNamed(name))).to.not.match(/s3cret|the password is/);
    });
  }

  it('makes of scopes.yaml for each account what scopes.cluster.golden.yaml says', () => {
    const all = input(documents('scopes'));
    const accounts = ['prod/orders-gateway', 'prod/reporting', 'prod/reporting-job', 'shop/shop', 'shop/reporting'];
    const snapshots = accounts.map((scope) => compile({ ...all, scope }).snapshot);
    expectGolden('scopes.cluster.golden.yaml', { findings: findingsFor(all), snapshots });
  });

  it('takes no notice in a standalone scope of who is bound, and of gateways', () => {
    const named = input(documents('scopes'));
    const without = <T extends { readonly spec: object }>(list: readonly T[]): T[] =>
      list.map((one) => {
        const fields = Object.entries(one.spec).filter(([field]) => !IN_CLUSTERS.includes(field));
        return { ...one, spec: Object.fromEntries(fields) };
      });
    const plain = { ...named, backends: without(named.backends), users: without(named.users) };
    expect(compile(plain)).to.deep.equal(compileNamed('scopes'));
  });

  it('leaves every resource out whose removal changes nothing but itself', () => {
    const all = documents('broken').filter((one) => !isDouble(one));
    const good = compile(input(all)).snapshot.backends[0]?.users.find((user) => user.name === 'good');
    const needed = new Set(['DatabaseBackend good', 'DbUser good', 'DbPermission good', 'Secret pw', 'Secret db']);
    const fewer = all.filter((one) => needed.has(`${one.kind} ${one.metadata.name}`));
    expect(good).to.be.an('object');
    expect(compile(input(fewer)).snapshot.backends[0]?.users).to.deep.equal([good]);
  });

  it('lets a stranger to the backend do what both its rules and its ceiling say, and no more', () => {
    const { snapshot } = compileNamed('consent');
    const [backend] = snapshot.backends;
    const [user, ...others] = backend?.users ?? [];
    if (!backend || !user) throw new Error('no user');
    const policy = compilePolicy(user, backend);
    const on = (action: Action, database: string, schema: string, name: string): string => {
      const request: AccessRequest = { action, resource: { kind: 'relation', database, schema, name, columns: 'all' } };
      return evaluate(policy, [request], 0).outcome;
    };
    expect(others).to.deep.equal([]);
    expect(on('select', 'orders', 'public', 'anything')).to.equal('allow');
    expect(on('insert', 'orders', 'public', 'anything')).to.equal('deny');
    // The ceiling would allow this; the permission is about the default database only.
    expect(on('insert', 'crm', 'crm', 'leads')).to.equal('deny');
  });

  it('makes one verifier per user that has a name somewhere, and none for the others', () => {
    const base = input(documents('conflicts'));
    const made: string[] = [];
    compile({
      ...base,
      users: base.users.map((user) => ({
        ...user,
        spec: { ...user.spec, passwordSecretRef: { name: 'x', key: 'y' } },
      })),
      secret: () => 's3cret',
      verifier: (user) => {
        made.push(`${user.metadata.namespace ?? ''}/${user.metadata.name}`);
        return 'v';
      },
    });
    expect(made).to.have.members(['prod/app', 'b/app']);
  });

  it('takes what is no resource at all for one that is broken', () => {
    const nothing = [null, 7, 'x', {}, { metadata: null }] as unknown as DbUser[];
    const { snapshot, findings } = compile({ ...input([]), users: nothing });
    expect(snapshot.backends).to.deep.equal([]);
    expect(findings.map(({ reason }) => reason)).to.include('Invalid');
  });
});

/** Fields that say something to proxies in a cluster alone. */
const IN_CLUSTERS: readonly string[] = ['serviceAccounts', 'gateways', 'sharedLogin', 'management'];

/** Of two of one name the first counts, so their order does matter. */
function isDouble(document: Document): boolean {
  return document.kind === 'DbUser' && document.spec.username === 'second';
}
