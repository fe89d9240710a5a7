import { expect } from 'chai';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileFolder } from './compile-folder.ts';
import { formatDiagnostic } from './diagnostic.ts';
import { loadFolder } from './load.ts';
import { folderFingerprint } from './read-folder.ts';

const TESTDATA = join(import.meta.dirname, 'testdata');

describe('a folder of resources', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'articdbm-folder-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string | Buffer): void => writeFileSync(join(folder, name), text, { mode: 0o600 });
  const problems = async (): Promise<string[]> =>
    (await loadFolder(folder)).diagnostics.map((each) => formatDiagnostic(each).replaceAll(`${folder}/`, ''));
  const findings = async (): Promise<string[]> =>
    compileFolder(await loadFolder(folder), () => 'verifier').diagnostics.map((each) =>
      formatDiagnostic(each).replaceAll(`${folder}/`, ''),
    );

  it('says all that is wrong at once, each with its place and what to do', async () => {
    const [, ...parts] = readFileSync(join(TESTDATA, 'bad.txt'), 'utf8').split(/^=== (.*)\n/m);
    for (let part = 0; part < parts.length; part += 2) write(parts[part] ?? '', parts[part + 1] ?? '');
    const said = `${(await problems()).join('\n')}\n`;
    const golden = join(TESTDATA, 'bad.expected.txt');
    if (process.env.ARTICDBM_REFRESH_GOLDEN === '1') writeFileSync(golden, said);
    expect(said).to.equal(readFileSync(golden, 'utf8'));
    expect(said).not.to.match(/hunter/);
  });

  it('the example is free of problems and findings', async () => {
    const example = await loadFolder(join(import.meta.dirname, '../../docs/examples/shop'));
    expect(example.diagnostics).to.deep.equal([]);
    expect(compileFolder(example, () => 'verifier').diagnostics).to.deep.equal([]);
  });

  it('findings point at the field that they are about, in YAML and in JSON', async () => {
    write('user.yaml', `${user('a')}---\n${user('b', 'spec: {username: b, passwordSecretRef: {name: nowhere}}')}`);
    write('permission.json', JSON.stringify(permission('p', 'missing'), null, 2));
    expect(await findings()).to.deep.equal([
      'permission.json:12:7: error: DbPermission default/p spec.backendRef.name: ' +
        'DatabaseBackend default/missing is not there: create it, or name another',
      'user.yaml:4:1: warning: DbUser default/a spec: ' +
        'no password is accepted for this user: name a Secret in spec.passwordSecretRef to have one',
      'user.yaml:9:21: error: DbUser default/b spec.passwordSecretRef: ' +
        'there is no Secret default/nowhere with a key password: create it, or name another',
    ]);
  });

  it('reads passwords from data and stringData, the latter first, and hands the login over beside the snapshot', async () => {
    write('backend.yaml', BACKEND);
    write(
      'secret.yaml',
      secret('login', `data: {username: ${base64('u1')}, password: ${base64('p1')}}\nstringData: {password: p2}`),
    );
    const { snapshot, logins } = compileFolder(await loadFolder(folder), () => 'verifier');
    expect(logins.get('default/shop')).to.deep.equal({ username: 'u1', password: 'p2' });
    expect(JSON.stringify(snapshot)).not.to.match(/p1|p2/);
  });

  it('a line break at the end of a password is worth a warning, one inside a certificate is not', async () => {
    write('secret.yaml', secret('login', `data: {password: ${base64('p\n')}, ca.crt: ${base64('a\nb\n')}}`));
    expect(await problems()).to.deep.equal([
      'secret.yaml:4:8: warning: Secret default/login data.password: ends with a line break, which is part of the ' +
        'value: leave it out (printf %s instead of echo; |- instead of |)',
    ]);
  });

  it('tells which files with Secrets everybody on the machine may read', async () => {
    write('secret.yaml', secret('login', 'stringData: {password: p}'));
    write('user.yaml', user('a'));
    chmodSync(join(folder, 'user.yaml'), 0o644);
    expect((await loadFolder(folder)).exposed).to.deep.equal([]);
    chmodSync(join(folder, 'secret.yaml'), 0o644);
    expect((await loadFolder(folder)).exposed).to.deep.equal([join(folder, 'secret.yaml')]);
  });

  it('a mounted ConfigMap is read through its links, and its swap is seen', async () => {
    mkdirSync(join(folder, '..one'));
    writeFileSync(join(folder, '..one', 'user.yaml'), user('a'));
    symlinkSync('..one', join(folder, '..data'));
    symlinkSync('..data/user.yaml', join(folder, 'user.yaml'));
    const before = await loadFolder(folder);
    expect(before.users.map(({ metadata }) => metadata.name)).to.deep.equal(['a']);
    mkdirSync(join(folder, '..two'));
    writeFileSync(join(folder, '..two', 'user.yaml'), user('b'));
    symlinkSync('..two', join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    expect(await folderFingerprint(folder)).not.to.equal(before.fingerprint);
    expect((await loadFolder(folder)).users.map(({ metadata }) => metadata.name)).to.deep.equal(['b']);
  });

  it('a copied uid does not make two users one', async () => {
    const twin = (name: string): string => user(name).replace('metadata: {', 'metadata: {uid: same, ');
    write('user.yaml', `${twin('a')}---\n${twin('b')}`);
    const { users } = await loadFolder(folder);
    expect(users.map(({ metadata }) => metadata.uid)).to.deep.equal([undefined, undefined]);
  });

  it('a link into nowhere, a folder by that name, bytes that are no text', async () => {
    symlinkSync('nowhere', join(folder, 'a.yaml'));
    mkdirSync(join(folder, 'b.yaml'));
    write('c.yaml', Buffer.from([0x6b, 0xff]));
    expect(await problems()).to.deep.equal([
      'a.yaml: error: can not be read (ENOENT): mend its link or its permissions',
      'c.yaml: error: is not UTF-8 text: save it as UTF-8',
    ]);
  });

  it('a file that is too big is not read', async () => {
    write('big.yaml', '#'.repeat((1 << 20) + 1));
    expect(await problems()).to.deep.equal(['big.yaml: error: is larger than 1 MiB: split it']);
  });

  it('an alias bomb does not go off', async () => {
    const levels = Array.from({ length: 9 }, (_, n) => `k${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]\n`);
    write('bomb.yaml', `k0: &a0 [x]\n${levels.join('')}`);
    const started = performance.now();
    expect(await problems()).to.deep.equal([
      'bomb.yaml:1:1: error: uses more than 100 aliases, or one in itself: write it out',
    ]);
    expect(performance.now() - started).to.be.below(2000);
  });

  for (const [what, text] of [
    ['brackets', '['.repeat(200_000)],
    ['brackets that close', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['indentation', Array.from({ length: 1_200 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('')],
    ['dashes', '- '.repeat(100_000)],
  ] as const) {
    it(`a depth of ${what} is a problem and no crash`, async () => {
      write('deep.yaml', text);
      expect(await problems()).not.to.deep.equal([]);
    }).timeout(10_000);
  }

  it('an alias of itself is a problem and no endless loop', async () => {
    write('loop.yaml', 'a: &a\n  b: *a\n');
    expect(await problems()).to.have.length(1);
  });

  it('a key that JavaScript knows is an unknown field like any other', async () => {
    write('proto.yaml', user('a', 'spec: {username: a, __proto__: {enabled: false}, constructor: 1}'));
    const said = await problems();
    expect(said).to.have.length(2);
    expect(said.join()).to.match(/unknown field __proto__.*unknown field constructor/);
  });
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const user = (name: string, spec = `spec: {username: ${name}}`): string =>
  `apiVersion: articdbm.io/v1alpha1\nkind: DbUser\nmetadata: {name: ${name}}\n${spec}\n`;

const secret = (name: string, rest: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: ${name}}\n${rest}\n`;

const permission = (name: string, backend: string): unknown => ({
  apiVersion: 'articdbm.io/v1alpha1',
  kind: 'DbPermission',
  metadata: { name },
  spec: {
    userRef: { name: 'a' },
    backendRef: { name: backend },
    rules: [{ sql: { tables: ['t'], actions: ['read'] } }],
  },
});

const BACKEND = `
apiVersion: articdbm.io/v1alpha1
kind: DatabaseBackend
metadata: {name: shop}
spec:
  protocol: postgresql
  endpoints: [{name: primary, host: 127.0.0.1}]
  database: shop
  credentialsSecretRef: {name: login}
`;
