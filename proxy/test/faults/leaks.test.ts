import { expect } from 'chai';
import * as f from '#test/harness/frontend';
import { RawClient } from '#test/harness/raw-client';
import { makeScene, OWNER, READER, type Scene } from '#test/relay/scene';

/** In every form that a statement may hold it. */
const SECRET = 'Zq7xKw9';
const DIGITS = '918273645';
const HEX = Buffer.from(SECRET).toString('hex');
const BITS = '110100111001';

const TEXTS: readonly string[] = [
  `select '${SECRET}'`,
  `select E'${SECRET}\\n'`,
  `select U&'${SECRET}' uescape '!'`,
  `select $$${SECRET}$$, $a$${SECRET}$a$`,
  `select x'${HEX}', b'${BITS}', '\\x${HEX}'::bytea`,
  `select ${DIGITS}, -${DIGITS}.5, ${DIGITS}e3, 0x${HEX.slice(0, 8)}`,
  `select date '${SECRET}'`,
  `select interval '${SECRET}' day`,
  `select '${SECRET}'::int`,
  `select * from open where text = '${SECRET}' or id in (${DIGITS})`,
  `select * from closed where secret = '${SECRET}'`,
  `select /* ${SECRET} */ 1 -- ${SECRET}`,
  `insert into notes values (${DIGITS}, '${SECRET}')`,
  `insert into notes values (${DIGITS}, '${SECRET}')`,
  `update notes set text = '${SECRET}' where id = ${DIGITS}`,
  `prepare p as select '${SECRET}'`,
  `execute p('${SECRET}')`,
  `declare c cursor with hold for select '${SECRET}'`,
  `set application_name = '${SECRET}'`,
  `set session authorization '${SECRET}'`,
  `alter role u password '${SECRET}'`,
  `create user u password '${SECRET}'`,
  `do $$ begin raise exception '${SECRET}'; end $$`,
  `comment on table open is '${SECRET}'`,
  `copy (select '${SECRET}') to stdout`,
  `select '${SECRET}' syntax error here '${SECRET}`,
  `select '${SECRET}`,
  `select $$${SECRET}`,
  `notify a, '${SECRET}'`,
  `select set_config('work_mem', '${SECRET}', false)`,
  `select json '{"a": "${SECRET}"}' -> '${SECRET}'`,
  `select * from open order by id limit ${DIGITS} offset ${DIGITS}`,
  `select * from open tablesample system (${DIGITS})`,
  `select cast('${SECRET}' as varchar(${DIGITS}))`,
];

describe('constants, parameters, data and passwords', function () {
  this.timeout(30_000);
  let scene: Scene;

  before(async function () {
    scene = await makeScene(this);
  });
  after(async function () {
    this.timeout(20_000);
    await (scene as Scene | undefined)?.stop();
  });

  for (const audit of ['denied', 'access', 'statements'] as const) {
    it(`are in nothing that is recorded at the level ${audit}`, async () => {
      scene.proxy.apply(scene.snapshot([READER, OWNER], { audit }));
      for (const user of ['reader', 'owner']) {
        const client = await scene.login(user);
        for (const text of TEXTS) await client.query(text);
        for (const text of TEXTS) {
          client.send(f.extended(text), f.sync());
          await client.readUntilReady();
        }
        client.send(f.extended('insert into notes values ($1, $2)', [DIGITS, SECRET]), f.sync());
        await client.readUntilReady();
        client.send(f.query('copy notes from stdin'), f.copyData(`${DIGITS}\t${SECRET}\n`), f.copyFail(SECRET));
        await client.readUntilReady();
        client.destroy();
      }
      const options = { port: scene.proxy.port, user: 'reader', password: SECRET };
      await RawClient.login(options).catch(() => undefined);
      const texts = scene.proxy.events.filter(({ statement }) => statement !== undefined);
      expect(texts.length > 0).to.equal(audit === 'statements');
      const recorded = JSON.stringify([scene.proxy.events, scene.proxy.troubles, scene.proxy.denials]);
      const found = [SECRET, DIGITS, HEX, HEX.slice(0, 8), BITS].filter((constant) =>
        recorded.toLowerCase().includes(constant.toLowerCase()),
      );
      const where = scene.proxy.events
        .filter((event) => found.some((constant) => JSON.stringify(event).includes(constant)))
        .map((event) => event.statement ?? JSON.stringify(event));
      expect(where).to.eql([]);
      expect(found).to.eql([]);
    });
  }
});
