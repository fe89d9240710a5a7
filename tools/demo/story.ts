import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { PostgresServer } from '#test/harness/postgres-server';
import { allowed, heading, line, mustBe, note, refused } from './narrator.ts';
import type { StandaloneProcess } from './standalone-process.ts';

export interface Stage {
  readonly folder: string;
  readonly standalone: StandaloneProcess;
  readonly server: PostgresServer;
  /** Of the proxy's listener. */
  readonly port: number;
  readonly admin: number;
}

export async function tell(stage: Stage): Promise<void> {
  await stage.standalone.until(/PERMISSION[^]*metrics on/);
  line(
    `PostgreSQL ${stage.server.major} is on 127.0.0.1:${stage.server.port}; its one login for the shop is no superuser and owns the tables.`,
  );
  line(`articdbm standalone ${stage.folder}`);
  line(stage.standalone.told.trimEnd());

  const reporting = await connect(stage, 'reporting');
  const app = await connect(stage, 'app');
  try {
    await whatIsPermitted(reporting, app);
    await whatIsRefused(reporting, app);
    await aChange(stage, reporting);
    await aMistake(stage, reporting);
    await aLockedDoor(stage, app);
    await metrics(stage);
  } finally {
    await Promise.allSettled([reporting.end(), app.end()]);
  }
}

async function connect({ port }: Stage, user: string): Promise<pg.Client> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, password: `${user}-password`, database: 'shop' });
  client.on('error', () => undefined); // a session that is closed for it is part of the story
  await client.connect();
  return client;
}

async function whatIsPermitted(reporting: pg.Client, app: pg.Client): Promise<void> {
  heading('What is permitted passes, unchanged');
  await allowed(reporting, 'reporting', 'select country, count(*) from customers group by country order by 1');
  await allowed(reporting, 'reporting', 'select id, order_total(id) from orders order by id limit 2');
  await allowed(app, 'app', 'insert into orders (customer_id) values (4) returning id');
}

async function whatIsRefused(reporting: pg.Client, app: pg.Client): Promise<void> {
  heading('What is not, is refused in PostgreSQL’s own way, and the session goes on');
  const column = (name: string): string =>
    `user "reporting" may not select column "${name}" of relation "public.customers"`;
  await refused(reporting, 'reporting', 'select name, ssn from customers', column('name'));
  note('columns are followed wherever they hide:');
  await refused(
    reporting,
    'reporting',
    'with c (a, b) as (select id, ssn from customers) select a from c where b like $$13%$$',
    column('ssn'),
  );
  await refused(
    reporting,
    'reporting',
    'delete from orders',
    'user "reporting" may not delete from relation "public.orders"',
  );
  note('the shared login itself could read what its other sessions run, and end them; its users can not:');
  await refused(
    reporting,
    'reporting',
    'select query from pg_stat_activity',
    /^user "reporting" may not .*pg_stat_activity/,
  );
  await refused(app, 'app', 'select pg_terminate_backend(1)', /^user "app" may not .*pg_terminate_backend/);
  await allowed(reporting, 'reporting', 'select count(*) as still_here from orders');
}

const PREPARED = { name: 'orders-of', text: 'select count(*) from orders where customer_id = $1', values: [1] };

async function aChange(stage: Stage, reporting: pg.Client): Promise<void> {
  heading('A permission is edited while the session is open');
  await allowed(reporting, 'reporting', PREPARED);
  const milliseconds = await editing(
    stage,
    'tables: [orders, order_items, products]',
    'tables: [products]',
    async () => {
      await until(
        () => reporting.query(PREPARED),
        (result) => result instanceof pg.DatabaseError && result.code === '42501',
      );
    },
  );
  note(
    `permissions.yaml no longer has orders; felt by the open session after ${milliseconds} ms, prepared statement and all:`,
  );
  await refused(reporting, 'reporting', PREPARED, 'user "reporting" may not select from relation "public.orders"');
  await editing(stage, 'tables: [products]', 'tables: [orders, order_items, products]', async () => {
    await until(
      () => reporting.query(PREPARED),
      (result) => !(result instanceof Error),
    );
  });
  note('and put back:');
  await allowed(reporting, 'reporting', PREPARED);
}

async function aMistake(stage: Stage, reporting: pg.Client): Promise<void> {
  heading('A mistake changes nothing, and is told with its place');
  const before = stage.standalone.told.length;
  const file = join(stage.folder, 'permissions.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('actions: [read]', 'actions: [raed]'));
  const [told] = await stage.standalone.until(/.*permissions\.yaml:\d+:\d+: error: [^]*stays in force/, before);
  line(`   ${told.replaceAll('\n', '\n   ')}`);
  await allowed(reporting, 'reporting', PREPARED);
  writeFileSync(file, text);
  await stage.standalone.until(/is valid again/, before);
}

async function aLockedDoor(stage: Stage, app: pg.Client): Promise<void> {
  heading('A user is disabled: its sessions end, and no new one begins');
  const gone = new Promise<Error>((resolve) => app.once('error', resolve));
  const file = join(stage.folder, 'users.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('  username: app\n', '  username: app\n  enabled: false\n'));
  const error = await gone;
  line(`   app’s open session: ${error.message}`);
  mustBe(error.message === 'terminating connection: user "app" has been disabled', 'the session is told why it ends');
  const again = await connect(stage, 'app').catch((reason: unknown) => reason);
  mustBe(again instanceof pg.DatabaseError && again.code === '28P01', 'a disabled user can not log in');
  line(`   app, again: ${again.message}`);
  writeFileSync(file, text);
}

async function metrics({ admin }: Stage): Promise<void> {
  heading('What happened is counted (the asking until an edit was felt, too), and each event is a JSON line on stdout');
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const lines = text
    .split('\n')
    .filter((each) => /^articdbm_proxy_(statements|denials|logins|connections)[^ ]* [1-9]/.test(each));
  for (const each of lines) line(`   ${each}`);
  mustBe(
    lines.some((each) => each.includes('reason="permission"')),
    'denials are counted',
  );
}

/** Edits permissions.yaml and gives the milliseconds until `felt` resolves. */
async function editing({ folder }: Stage, from: string, to: string, felt: () => Promise<void>): Promise<number> {
  const file = join(folder, 'permissions.yaml');
  const text = readFileSync(file, 'utf8');
  mustBe(text.includes(from), `${from} in permissions.yaml`);
  writeFileSync(file, text.replace(from, to));
  const started = performance.now();
  await felt();
  return Math.round(performance.now() - started);
}

async function until(run: () => Promise<unknown>, done: (result: unknown) => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if (done(await run().catch((error: unknown) => error))) return;
    await delay(10);
  }
  throw new Error('the demo expected an edit to be felt within 10 s');
}
