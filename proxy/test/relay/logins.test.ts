import net from 'node:net';
import { once } from 'node:events';
import { expect } from 'chai';
import * as frontend from '#test/harness/frontend';
import { RawClient } from '#test/harness/raw-client';
import { makeScene, OWNER, READER, until, type Scene } from './scene.ts';

const EXTRA = [
  { ...READER, name: 'off', enabled: false },
  { ...READER, name: 'old', expiresAt: 1 },
];

describe('logins that came to nothing', () => {
  let scene: Scene;

  before(async function () {
    scene = await makeScene(this, { limits: { clientLogin: 300, connections: 3 }, backend: { audit: 'access' } });
    scene.proxy.apply(scene.snapshot([READER, OWNER, ...EXTRA]));
  });
  after(() => (scene as Scene | undefined)?.stop());
  beforeEach(() => scene.proxy.events.splice(0));

  const reasons = (): unknown[] =>
    scene.proxy.events.map(({ kind, outcome, reason, username }) => ({ kind, outcome, reason, username }));

  async function fails(user: string, password: string, parameters = {}): Promise<void> {
    const login = RawClient.login({ port: scene.proxy.port, user, password, database: 'postgres', parameters });
    await login.then(
      () => expect.fail('logged in'),
      () => undefined,
    );
    await until(() => scene.proxy.events.length > 0 && scene.proxy.gauges.connections === 0);
  }

  for (const [reason, user, password, parameters] of [
    ['password', 'reader', 'wrong', {}],
    ['unknown', 'nobody', 'r', {}],
    ['disabled', 'off', 'r', {}],
    ['expired', 'old', 'r', {}],
    ['setting', 'reader', 'r', { options: '-c role=postgres' }],
  ] as const) {
    it(`are audited: ${reason}`, async () => {
      await fails(user, password, parameters);
      expect(reasons()).to.eql([{ kind: 'login', outcome: 'refused', reason, username: user }]);
      expect(scene.proxy.events[0]?.revision).to.be.above(0);
      expect(JSON.stringify(scene.proxy.events)).not.to.contain('wrong');
    });
  }

  it('are audited: the deadline', async () => {
    const socket = net.connect(scene.proxy.port, '127.0.0.1');
    socket.write(frontend.startup({ user: 'reader' }));
    socket.resume();
    await once(socket, 'close');
    await until(() => scene.proxy.events.length > 0);
    expect(reasons()).to.eql([{ kind: 'login', outcome: 'refused', reason: 'deadline', username: 'reader' }]);
  });

  it('are audited: one connection too many', async () => {
    const clients = [await scene.login(), await scene.login(), await scene.login()];
    scene.proxy.events.splice(0);
    const socket = net.connect(scene.proxy.port, '127.0.0.1');
    socket.resume();
    await once(socket, 'close');
    expect(reasons()).to.eql([{ kind: 'login', outcome: 'refused', reason: 'limit', username: undefined }]);
    for (const client of clients) await client.close();
    await until(() => scene.proxy.gauges.connections === 0);
  });
});
