import { expect } from 'chai';
import type { Snapshot, SnapshotUser } from '#contract/snapshot/types';
import type { IdentityMode } from './config.ts';
import { identify } from './connection-identity.ts';
import type { Identity } from './protocols/login.ts';
import { PolicyDirectory } from './snapshot/directory.ts';

const NOW = 1_000_000;
const BACKEND = 'prod/orders';

const user = (name: string, more: Partial<SnapshotUser> = {}): SnapshotUser => ({
  name,
  ref: `shop/${name}`,
  uid: `uid-${name}`,
  enabled: true,
  limits: {},
  rules: [],
  ...more,
});
const bound = (name: string, more: Partial<SnapshotUser> = {}): SnapshotUser => user(name, { bound: true, ...more });
const withPassword = (name: string, more: Partial<SnapshotUser> = {}): SnapshotUser =>
  user(name, { verifier: `verifier of ${name}`, ...more });

function snapshotOf(users: readonly SnapshotUser[]): Snapshot {
  const backend: Snapshot['backends'][number] = {
    id: BACKEND,
    protocol: 'postgresql',
    endpoints: [],
    database: 'orders',
    searchPath: ['public'],
    tls: { mode: 'disable', allowCleartextPassword: false },
    timeouts: { connect: 1, login: 1, statement: 0, idle: 0 },
    audit: 'none',
    users,
  };
  return { format: 1, scope: 'shop/app', backends: [backend] };
}

interface Situation {
  readonly users?: readonly SnapshotUser[] | undefined;
  readonly mode?: IdentityMode;
  readonly tooOld?: boolean;
}

function ask(name: string, { users, mode = 'pod', tooOld = false }: Situation): Identity {
  const source = {
    current: () => (users === undefined ? undefined : { snapshot: snapshotOf(users), revision: 1, since: 0 }),
    onSwap: () => () => undefined,
    tooOld: () => tooOld,
  };
  const serves = (candidate: SnapshotUser): boolean =>
    mode === 'pod' ? candidate.bound === true : candidate.verifier !== undefined;
  return identify(new PolicyDirectory(source, serves), { mode, backend: BACKEND, name, now: NOW });
}

const whyNot = (name: string, situation: Situation): readonly string[] => {
  const answer = ask(name, situation);
  if (answer.kind !== 'turned-away') throw new Error(`not turned away: ${answer.kind}`);
  const { sqlstate, message, reason } = answer.why;
  return [sqlstate, message, reason];
};

describe('who a client of a pod is', () => {
  const others = [withPassword('boss'), user('nobody')];

  it('articdbm is the only one that is bound, and so is its own name', () => {
    const users = [...others, bound('anna')];
    expect(ask('articdbm', { users })).to.deep.equal({ kind: 'trusted', user: 'anna' });
    expect(ask('anna', { users })).to.deep.equal({ kind: 'trusted', user: 'anna' });
  });

  it('with several, articdbm is nobody and each is itself', () => {
    const users = [bound('anna'), bound('bert'), ...others];
    expect(ask('bert', { users })).to.deep.equal({ kind: 'trusted', user: 'bert' });
    const [sqlstate, message] = whyNot('articdbm', { users });
    expect([sqlstate, message]).to.deep.equal([
      '28000',
      `user "articdbm" means the only DbUser that is bound to this pod's ServiceAccount shop/app, and several are: "anna", "bert"`,
    ]);
  });

  it('with several, one that is really called articdbm is that one', () => {
    expect(ask('articdbm', { users: [bound('anna'), bound('articdbm')] })).to.deep.equal({
      kind: 'trusted',
      user: 'articdbm',
    });
  });

  it('who is not bound is told who is, verifier or not, known or not', () => {
    const users = [...others, bound('anna')];
    for (const name of ['boss', 'nobody', 'stranger', 'postgres', 'ANNA', 'anna ', ' anna', 'аnna', 'anna\u0301']) {
      expect(whyNot(name, { users }), name).to.deep.equal([
        '28000',
        `user "${name}" is not bound to this pod's ServiceAccount shop/app: "anna" is`,
        'not-bound',
      ]);
    }
    expect(whyNot('Articdbm', { users })[0]).to.equal('28000');
  });

  it('unicode names are compared as they are', () => {
    const users = [bound('żółw')];
    expect(ask('żółw', { users })).to.deep.equal({ kind: 'trusted', user: 'żółw' });
    expect(whyNot('żółw'.normalize('NFD'), { users })[0]).to.equal('28000');
  });

  it('a bound user’s verifier changes nothing', () => {
    expect(ask('articdbm', { users: [bound('anna', { verifier: 'v' })] }).kind).to.equal('trusted');
  });

  it('none is bound: says what would bind one', () => {
    const answer = ask('articdbm', { users: others });
    expect(answer).to.have.nested.property('why.hint').that.includes('spec.serviceAccounts');
    expect(whyNot('boss', { users: others })[1]).to.include('no DbUser of DatabaseBackend prod/orders is bound');
  });

  it('disabled and expired are told apart, by either name', () => {
    const disabled = [bound('anna', { enabled: false })];
    const expired = [bound('anna', { expiresAt: NOW })];
    for (const name of ['anna', 'articdbm']) {
      expect(whyNot(name, { users: disabled })).to.deep.equal(['28000', 'user "anna" is disabled', 'disabled']);
      expect(whyNot(name, { users: expired })).to.deep.equal(['28000', 'user "anna" has expired', 'expired']);
    }
    expect(ask('anna', { users: [bound('anna', { expiresAt: NOW + 1 })] }).kind).to.equal('trusted');
  });

  it('no policy, and one that is too old, are said to be so', () => {
    expect(whyNot('anna', { users: undefined })).to.deep.equal([
      '57P03',
      'the proxy has no policy for this backend yet',
      'unavailable',
    ]);
    expect(whyNot('anna', { users: undefined, tooOld: true })[1]).to.include('too old');
  });
});

describe('who a client of a gateway is', () => {
  const mode = 'password';
  const users = [withPassword('boss'), user('nobody'), bound('anna')];

  it('must always prove it: nobody is trusted, however named or bound', () => {
    for (const name of ['boss', 'nobody', 'anna', 'articdbm', 'stranger']) {
      expect(ask(name, { users, mode }).kind, name).to.equal('verifier');
    }
  });

  it('only users with a verifier have one, and the rest a mock', () => {
    expect(ask('boss', { users, mode })).to.deep.equal({ kind: 'verifier', verifier: 'verifier of boss' });
    for (const name of ['nobody', 'anna', 'articdbm', 'stranger']) {
      expect(ask(name, { users, mode }), name).to.deep.equal({ kind: 'verifier', verifier: undefined });
    }
    const off = [withPassword('boss', { enabled: false }), withPassword('late', { expiresAt: NOW })];
    for (const name of ['boss', 'late']) {
      expect(ask(name, { users: off, mode })).to.deep.equal({ kind: 'verifier', verifier: undefined });
    }
  });

  it('without policy nobody is asked for a password that could not be checked', () => {
    expect(whyNot('boss', { users: undefined, mode })[0]).to.equal('57P03');
    expect(whyNot('boss', { users: undefined, mode, tooOld: true })[1]).to.include('too old');
  });
});
