import { expect } from 'chai';
import type { Finding } from '#contract/compile/compile';
import type { DatabaseBackend, DbPermission, DbUser } from '#contract/resources/types.gen';
import { checkResource } from '#contract/resources/validate';
import { renderStatus } from './status.ts';
import { renderTable } from './table.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');

function resource(kind: string, name: string, spec: object, namespace = 'default'): never {
  const checked = checkResource({ apiVersion: 'articdbm.io/v1alpha1', kind, metadata: { name, namespace }, spec });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.resource as never;
}

const backend: DatabaseBackend = resource('DatabaseBackend', 'shop', {
  protocol: 'postgresql',
  endpoints: [{ name: 'primary', host: 'db.example' }],
  database: 'shop',
  credentialsSecretRef: { name: 'login' },
});
const user = (name: string, spec: object = {}): DbUser => resource('DbUser', name, { username: name, ...spec });
const permission = (name: string, spec: object = {}, namespace = 'default'): DbPermission =>
  resource(
    'DbPermission',
    name,
    {
      userRef: { name: 'app' },
      backendRef: { name: 'shop', namespace: 'default' },
      rules: [{ sql: { tables: ['t'], actions: ['read'] } }],
      ...spec,
    },
    namespace,
  );
const finding = (kind: Finding['kind'], name: string, more: Partial<Finding> = {}): Finding => ({
  kind,
  namespace: 'default',
  name,
  severity: 'error',
  reason: 'SecretNotFound',
  message: '',
  ...more,
});

describe('the table', () => {
  it('answers what a person asks: where, who, until when, and why not', () => {
    const text = renderStatus(
      {
        backends: [backend],
        users: [
          user('app'),
          user('off', { enabled: false }),
          user('old', { expiresAt: '2026-01-01T00:00:00Z' }),
          user('mute'),
          user('lost'),
        ],
        permissions: [permission('reads'), permission('was', { expiresAt: '2026-05-31T00:00:00Z' }, 'other')],
        findings: [finding('DbUser', 'lost'), finding('DbUser', 'mute', { severity: 'warning', reason: 'NoPassword' })],
        addresses: new Map([['default/shop', '127.0.0.1:15432']]),
      },
      NOW,
    );
    expect(text).to.equal(`\
BACKEND   PROTOCOL     HOST              DATABASE   ADDRESS           READY
shop      postgresql   db.example:5432   shop       127.0.0.1:15432   True

USER   USERNAME   ENABLED   EXPIRES                READY   REASON
app    app        true      never                  True
off    off        false     never                  False   Disabled
old    old        true      2026-01-01T00:00:00Z   False   Expired
mute   mute       true      never                  False   NoPassword
lost   lost       true      never                  False   SecretNotFound

PERMISSION   USER        BACKEND   RULES   EXPIRES                READY   REASON
reads        app         shop      1       never                  True
other/was    other/app   shop      1       2026-05-31T00:00:00Z   False   Expired
`);
  });

  it('a backend without a listener is not ready', () =>
    expect(
      renderStatus({ backends: [backend], users: [], permissions: [], findings: [], addresses: new Map() }, NOW),
    ).to.match(/False +NoListener/));

  it('a name can not move the cursor or hide what follows', () =>
    expect(renderTable(['A'], [['a\u001b[2J\u202eb\n']])).to.equal('A\na?[2J?b?\n'));

  it('nothing at all is no table', () => expect(renderTable(['A'], [])).to.equal(''));
});
