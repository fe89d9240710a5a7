import { expect } from 'chai';
import { rows as rowsOf, ServerError } from '#test/harness/raw-client';
import type { RawClient } from '#test/harness/raw-client';
import { Arena } from './arena.ts';
import type { Attacker } from './attacker.ts';
import type { BypassCase } from './case.ts';
import { CATALOGS } from './cases/catalogs.ts';
import { CLAUSES } from './cases/clauses.ts';
import { COPIES } from './cases/copies.ts';
import { FUNCTIONS } from './cases/functions.ts';
import { HUNTED } from './cases/hunt.ts';
import { LEXING } from './cases/lexing.ts';
import { NAMES } from './cases/names.ts';
import { PATHS } from './cases/paths.ts';
import { PREPARED } from './cases/prepared.ts';
import { ROWS } from './cases/rows.ts';
import { SESSIONS, VERSIONS } from './cases/sessions.ts';
import { SETTINGS } from './cases/settings.ts';
import { SHADOWING } from './cases/shadowing.ts';
import { WRITES } from './cases/writes.ts';
import { holdsMarker, shows, summary } from './evidence.ts';

const GROUPS: Readonly<Record<string, readonly BypassCase[]>> = {
  'names and statements': NAMES,
  'forbidden columns and tables': ROWS,
  'clauses as oracles': CLAUSES,
  writes: WRITES,
  'COPY, definitions and utilities': COPIES,
  'prepared statements, portals, cursors': PREPARED,
  search_path: PATHS,
  'lexing and encodings': LEXING,
  settings: SETTINGS,
  'shadowing objects': SHADOWING,
  catalogs: CATALOGS,
  'functions of pg_catalog': FUNCTIONS,
  'sessions and policy changes': SESSIONS,
  'readings that are easily mistaken': HUNTED,
  'versions of the grammar': VERSIONS,
};

/** 0: show the attacks on the raw server only. */
const WITH_PROXY = process.env.BYPASS_PROXY !== '0';

for (const major of [18, 15] as const) {
  describe(`what a limited user can't do on PostgreSQL ${String(major)}`, function () {
    this.timeout(20_000);
    let arena: Arena;

    before(async function () {
      this.timeout(30_000);
      arena = await Arena.open(this, major);
    });
    after(async () => {
      await (arena as Arena | undefined)?.close();
    });

    for (const [group, cases] of Object.entries(GROUPS)) {
      const here = cases.filter((attacked) => (attacked.major ?? 18) === major);
      if (here.length === 0) continue;
      describe(group, () => {
        for (const attacked of here) {
          it(attacked.threat, async () => {
            const trials = WITH_PROXY ? [proveOnServer, refusedByProxy] : [proveOnServer];
            if (readsOnly(attacked)) {
              await onDatabase(arena, attacked, trials, true);
              return;
            }
            for (const trial of trials) {
              await onDatabase(
                arena,
                attacked,
                [trial],
                trial === refusedByProxy && typeof attacked.attack !== 'function',
              );
            }
          });
        }
      });
    }
  });
}

type Trial = (arena: Arena, attacked: BypassCase, database: string, owner: RawClient) => Promise<void>;

/** None rests on what another left: a database is attacked again only if a trial that succeeds leaves it untouched. */
async function onDatabase(
  arena: Arena,
  attacked: BypassCase,
  trials: readonly Trial[],
  untouched: boolean,
): Promise<void> {
  const database = await arena.database(attacked);
  const owner = await arena.owner(database);
  let succeeded = false;
  try {
    if (attacked.evidence.kind === 'notified') await owner.query('listen orders');
    for (const trial of trials) await trial(arena, attacked, database, owner);
    succeeded = true;
  } finally {
    await owner.close();
    await arena.giveBack(database, attacked, untouched && succeeded);
  }
}

/** One SELECT or the like, without a semicolon: on the raw server too it changes nothing. */
function readsOnly({ attack }: BypassCase): boolean {
  if (
    typeof attack !== 'string' ||
    /;|\b(into|insert|update|delete|merge|program|lo_\w+|pg_\w+|nextval|setval)\b/i.test(attack)
  ) {
    return false;
  }
  if (/^copy\b/i.test(attack)) return /\bto stdout\b/i.test(attack);
  return /^\W*(select|with|table|values|explain|show)\b/i.test(attack);
}

async function carryOut(attacked: BypassCase, attacker: Attacker): Promise<void> {
  const { attack } = attacked;
  if (typeof attack === 'string') await attacker.query(attack);
  else if (typeof attack === 'function') await attack(attacker);
  else await attacker.run(attack);
}

/** The threat is real: with the login that the proxy uses, the attack reads or changes what is forbidden. */
async function proveOnServer(arena: Arena, attacked: BypassCase, database: string, owner: RawClient): Promise<void> {
  const attacker = await arena.attackServer(attacked, database, owner);
  await carryOut(attacked, attacker);
  const worked = await shows(attacked.evidence, attacker, owner);
  expect(worked, `no threat on the raw server: ${summary(attacker.received)}`).to.equal(true);
  await attacker.close();
}

async function refusedByProxy(arena: Arena, attacked: BypassCase, database: string, owner: RawClient): Promise<void> {
  const expected = attacked.refusal ?? ['42501'];
  let attacker: Attacker;
  try {
    attacker = await arena.attackProxy(attacked, database, owner);
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    if (attacked.harmless !== true) expect(expected).to.include(error.code);
    return; // refused at the door
  }
  await carryOut(attacked, attacker);
  const came = summary(attacker.received);
  expect(holdsMarker(attacker.received), `the marker came back: ${came}`).to.equal(false);
  expect(await shows(attacked.evidence, attacker, owner), `the attack worked: ${came}`).to.equal(false);
  const refused = attacker.codes.some((code) => expected.includes(code));
  if (attacked.harmless !== true) expect(refused, `not refused as it should be: ${came}`).to.equal(true);
  await staysUsable(attacker, attacked.usable);
  await attacker.close();
}

async function staysUsable(attacker: Attacker, permitted = 'select 1 from public.orders limit 1'): Promise<void> {
  expect(attacker.ended, `the connection ended: ${summary(attacker.received)}`).to.equal(false);
  if (attacker.transaction !== 'I') await attacker.query('rollback');
  attacker.received = [];
  await attacker.query(permitted);
  expect(rowsOf(attacker.received), `the session is spoilt: ${summary(attacker.received)}`).to.have.lengthOf(1);
}
