import { expect } from 'chai';
import * as grammar15 from 'pg-query-15';
import * as grammar18 from 'pg-query-18';
import { analyse } from '#proxy/sql/postgres/analyse';
import type { Statement } from '#proxy/sql/postgres/ast';
import type { AccessRequest } from '#contract/policy/request';
import { requirePostgres, type PostgresServer } from '#test/harness/postgres-server';
import { Oracle, passedTheChecks, privilegesOf, withoutOne } from './privileges.ts';
import { SqlWriter, seeded } from './random-sql.ts';
import { Spared } from './spared.ts';
import { EXACT, STRICTER } from './statements.ts';

const INSUFFICIENT_PRIVILEGE = '42501';
/** Repeatable; another seed finds other statements: `ORACLE_SEED=7 ORACLE_ROUNDS=400000`. */
const SEED = Number(process.env.ORACLE_SEED ?? 20260);
const ROUNDS = Number(process.env.ORACLE_ROUNDS ?? 6000);

/** For one in so many it is measured, too, which of its requests the server would not have needed. */
const MEASURED_EACH = 20;

const GRAMMARS = { 15: grammar15, 18: grammar18 } as const;

for (const major of [15, 18] as const) {
  describe(`PostgreSQL ${String(major)} as the oracle of what statements ask for`, function () {
    this.timeout(Math.max(120_000, ROUNDS * 10));
    let server: PostgresServer;
    let oracle: Oracle;

    before(async function () {
      server = await requirePostgres(this, { major });
      await GRAMMARS[major].loadModule();
      const { host, port, user, password, database } = server;
      oracle = await Oracle.connect({ host, port, user, password, database }, major);
    });

    after(async () => {
      await oracle.close();
      await server.stop();
    });

    function requestsOf(statement: string): readonly AccessRequest[] | undefined {
      const tree = GRAMMARS[major].parseSync(statement) as { readonly stmts?: readonly Statement[] };
      const [inspected] = analyse(Buffer.from(statement), tree.stmts ?? [], oracle.state).statements;
      return inspected && privilegesOf(inspected.ask);
    }

    for (const statement of [...EXACT, ...STRICTER]) {
      it(`runs with what it asks for: ${statement}`, async () => {
        const requests = requestsOf(statement);
        expect(requests, 'requests').to.not.equal(undefined);
        expect(await oracle.run(statement, requests ?? [])).to.equal(undefined);
      });
    }

    for (const statement of EXACT) {
      it(`is refused by the server with any part less: ${statement}`, async () => {
        for (const fewer of withoutOne(requestsOf(statement) ?? [])) {
          expect(await oracle.run(statement, fewer), JSON.stringify(fewer)).to.equal(INSUFFICIENT_PRIVILEGE);
        }
      });
    }

    it(`asks for enough in ${String(ROUNDS)} statements made at random from seed ${String(SEED)}`, async () => {
      const writer = new SqlWriter(seeded(SEED));
      const spared = new Spared(oracle);
      let judged = 0;
      for (let round = 0; round < ROUNDS; round += 1) {
        const statement = writer.statement();
        const requests = understood(statement);
        if (requests === undefined) continue;
        const outcome = await oracle.run(statement, requests);
        expect(outcome, statement).to.not.equal(INSUFFICIENT_PRIVILEGE);
        if (!passedTheChecks(outcome)) continue;
        judged += 1;
        if (judged % MEASURED_EACH === 0) await spared.measure(statement, requests);
      }
      console.log(`      ${String(judged)} passed the server's checks; ${spared.summary()}`);
      expect(judged, 'statements that passed the checks').to.be.greaterThan(ROUNDS / 8);
    });

    /** undefined: not of this grammar, or nothing that privileges can say. */
    function understood(statement: string): readonly AccessRequest[] | undefined {
      try {
        return requestsOf(statement);
      } catch (error) {
        if (error instanceof GRAMMARS[major].SqlError) return undefined;
        throw error;
      }
    }
  });
}
