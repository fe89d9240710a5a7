import { expect } from 'chai';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderPolicy } from './folder-policy.ts';
import type { Look } from './folder-policy.ts';

describe('a folder as the source of policy', () => {
  let folder: string;
  let now: number;
  let policy: FolderPolicy;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'articdbm-policy-'));
    now = 1_000;
    policy = new FolderPolicy(
      folder,
      () => 'verifier',
      () => now,
    );
    write('backend.yaml', BACKEND);
    write('login.yaml', login('one'));
    expect(await policy.look(true)).to.deep.include({ kind: 'sound', swapped: true });
    now = 2_000;
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const revision = (): number | undefined => policy.snapshots.current()?.revision;
  const kinds = (look: Look): unknown => (look.kind === 'sound' ? [look.kind, look.swapped] : look.kind);

  it('nothing new: no swap, and the policy is confirmed', async () => {
    const before = revision();
    expect(kinds(await policy.look(false))).to.equal('unchanged');
    expect(policy.confirmed).to.equal(2_000);
    expect(kinds(await policy.look(true))).to.deep.equal(['sound', false]);
    write('comment.yaml', '# nothing but this\n');
    expect(kinds(await policy.look(false))).to.deep.equal(['sound', false]);
    expect(revision()).to.equal(before);
  });

  it('another login at the server is a swap, though the snapshot has none of it', async () => {
    const [backend] = policy.snapshots.current()?.snapshot.backends ?? [];
    if (backend === undefined) throw new Error('no backend');
    expect(policy.loginFor(backend)).to.deep.equal({ username: 'u', password: 'one' });
    let during: unknown;
    policy.snapshots.onSwap(() => (during = policy.loginFor(backend)));
    write('login.yaml', login('two'));
    expect(kinds(await policy.look(false))).to.deep.equal(['sound', true]);
    expect(during).to.deep.equal({ username: 'u', password: 'two' });
  });

  it('revisions only rise, even when the clock goes back', async () => {
    const before = revision() ?? 0;
    now = 5;
    write('login.yaml', login('two'));
    await policy.look(false);
    expect(revision()).to.be.above(before);
  });

  it('broken: what was in force stays whole and is no longer confirmed, until the folder is mended', async () => {
    const before = revision();
    write('login.yaml', login('two'));
    write('broken.yaml', 'a: [');
    expect(kinds(await policy.look(false))).to.equal('broken');
    now = 3_000;
    expect(kinds(await policy.look(false))).to.equal('unchanged');
    expect(revision()).to.equal(before);
    expect(policy.confirmed).to.equal(1_000);
    rmSync(join(folder, 'broken.yaml'));
    expect(kinds(await policy.look(false))).to.deep.equal(['sound', true]);
    expect(policy.confirmed).to.equal(3_000);
  });

  it('the folder gone and back again', async () => {
    renameSync(folder, `${folder}.away`);
    expect(kinds(await policy.look(false))).to.equal('broken');
    expect(kinds(await policy.look(true))).to.equal('unchanged');
    expect(policy.inForce).not.to.equal(undefined);
    renameSync(`${folder}.away`, folder);
    expect(kinds(await policy.look(false))).to.deep.equal(['sound', false]);
    expect(policy.confirmed).to.equal(2_000);
  });

  it('no folder at the first look is the caller’s to tell', async () => {
    const nowhere = new FolderPolicy(
      join(folder, 'nowhere'),
      () => '',
      () => now,
    );
    const error = await nowhere.look(true).catch((reason: unknown) => reason);
    expect(error).to.have.property('code', 'ENOENT');
    mkdirSync(join(folder, 'nowhere'));
    expect(kinds(await nowhere.look(true))).to.deep.equal(['sound', true]);
  });
});

const BACKEND = `apiVersion: articdbm.io/v1alpha1
kind: DatabaseBackend
metadata: {name: shop}
spec:
  protocol: postgresql
  endpoints: [{name: primary, host: 127.0.0.1}]
  database: shop
  credentialsSecretRef: {name: login}
`;

const login = (password: string): string =>
  `apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {username: u, password: ${password}}\n`;
