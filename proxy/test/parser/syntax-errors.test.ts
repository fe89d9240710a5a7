import { expect } from 'chai';
import pg from 'pg';
import { createSqlParser, type SqlParser } from '#proxy/parser/parser';
import { startPostgres, type PostgresServer } from '#test/harness/postgres-server';
import { skipUnless } from '#test/harness/skip';
import { BROKEN, DIFFERENT_ON_15 } from './broken.ts';

interface SyntaxError {
  readonly sqlstate: string | undefined;
  readonly message: string;
  readonly position: number | undefined;
  readonly hint: string | undefined;
}

/** The proxy answers syntax errors itself: a client must not see the difference. */
for (const major of [15, 18] as const) {
  describe(`syntax errors as PostgreSQL ${String(major)} itself tells them`, function () {
    this.timeout(60_000);
    let server: PostgresServer | undefined;
    let client: pg.Client;
    let parser: SqlParser;

    before(async function () {
      server = await startPostgres({ major });
      skipUnless(this, server !== undefined, `PostgreSQL ${String(major)}`);
      if (server === undefined) return;
      const { host, port, user, password, database } = server;
      client = new pg.Client({ host, port, user, password, database });
      await client.connect();
      parser = createSqlParser();
    });
    after(async () => {
      if (server === undefined) return;
      await client.end();
      await server.stop();
      await parser.close();
    });

    async function told(text: string): Promise<SyntaxError | undefined> {
      try {
        await client.query('begin');
        await client.query(text);
        return undefined;
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error;
        const position = error.position === undefined ? undefined : Number(error.position);
        return { sqlstate: error.code, message: error.message, position, hint: error.hint };
      } finally {
        await client.query('rollback');
      }
    }

    for (const text of BROKEN.filter((broken) => major !== 15 || !DIFFERENT_ON_15.has(broken))) {
      it(JSON.stringify(text), async () => {
        const outcome = await parser.parse(major, Buffer.from(text));
        if (!('understood' in outcome)) throw new Error('the parser takes it');
        const { sqlstate, message, position, hint } = outcome;
        expect({ sqlstate, message, position, hint }).to.deep.equal(await told(text));
      });
    }

    if (major !== 15) return;
    it('what libpg-query 15 reads otherwise, PostgreSQL 15 refuses', async () => {
      for (const text of DIFFERENT_ON_15) expect(await told(text), text).not.to.equal(undefined);
    });
  });
}
