import { expect } from 'chai';
import * as frontend from './frontend.ts';
import { requirePostgres } from './postgres-server.ts';
import type { PostgresServer } from './postgres-server.ts';
import { RawClient, errorFields, firstError, rows, tags, types } from './raw-client.ts';
import type { ServerError } from './raw-client.ts';

for (const major of [15, 18] as const) {
  describe(`the harness and PostgreSQL ${String(major)}`, () => {
    let server: PostgresServer;

    before(async function () {
      this.timeout(30_000);
      server = await requirePostgres(this, { major, tls: true });
    });
    after(async () => {
      await (server as PostgresServer | undefined)?.stop();
    });

    it('logs in by SCRAM, and a wrong password does not', async () => {
      const client = await RawClient.login(server);
      expect(client.parameters.find(([name]) => name === 'server_version')?.[1]).to.match(
        new RegExp(`^${String(major)}`),
      );
      expect(types(client.loginMessages)).to.match(/^RRRR?S+KZ$/);
      await client.close();
      const refused = await RawClient.login({ ...server, password: 'wrong' }).catch((error: unknown) => error);
      expect((refused as ServerError).code).to.equal('28P01');
    });

    it('verifies the certificate, by SSLRequest and from 17 on directly, and binds SCRAM to it', async () => {
      const ca = server.certificate?.ca ?? '';
      const requested = await RawClient.login({ ...server, tls: 'request', ca, channelBinding: true });
      expect(rows(await requested.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()'))).to.eql([['t']]);
      await requested.close();
      if (major < 17) return;
      const direct = await RawClient.login({ ...server, tls: 'direct', ca });
      await direct.close();
    });

    it('speaks simple and extended queries, COPY, FunctionCall and errors', async () => {
      const client = await RawClient.login(server);
      const several = await client.query('select 1; select null; create temp table t(a int, b text)');
      expect(types(several)).to.equal('TDCTDCCZ');
      expect(rows(several)).to.eql([['1'], [null]]);
      client.send(frontend.extended('select $1::int + 1', ['41']), frontend.sync());
      expect(rows(await client.readUntilReady())).to.eql([['42']]);
      client.send(frontend.query('copy t from stdin'), frontend.copyData('1\tx\n'), frontend.copyDone());
      expect(tags(await client.readUntilReady())).to.eql(['COPY 1']);
      client.send(frontend.functionCall(1397, [Buffer.from('-7')])); // abs(int4), text format
      expect((await client.readUntilReady())[0]?.body.subarray(4).toString()).to.equal('7');
      expect(firstError(await client.query('select nonsense'))?.C).to.equal('42703');
      await client.close();
    });

    it('cuts messages that come in pieces, and large ones', async () => {
      const client = await RawClient.login(server);
      const reply = await client.query("select repeat('x', 3000000), g from generate_series(1, 3) g");
      expect(rows(reply).map(([text, g]) => [text?.length, g])).to.eql([1, 2, 3].map((g) => [3_000_000, String(g)]));
      await client.close();
    });

    it('sees a connection end', async () => {
      const client = await RawClient.login(server);
      const other = await RawClient.login(server);
      await other.query(`select pg_terminate_backend(${String(client.pid)})`);
      const [last] = await client.readToEnd();
      expect(errorFields(last ?? { type: '', body: Buffer.alloc(0) }).C).to.equal('57P01');
      await other.close();
    });
  });
}
