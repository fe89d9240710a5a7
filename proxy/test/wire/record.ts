/**
 * Records what real clients and a real server say to each other, as vectors for the codecs:
 * `node proxy/test/wire/record.ts` writes proxy/src/protocols/postgres/testdata/capture-<major>.json.
 * Passwords in there are those of a server that lived for a second.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import net from 'node:net';
import pg from 'pg';
import postgres from 'postgres';
import { startPostgres } from '#test/harness/postgres-server';
import { encodeFunctionCall, encodeQuery, encodeTerminate } from '#proxy/protocols/postgres/encode';
import type { PostgresServer } from '#test/harness/postgres-server';

type Chunk = readonly [from: 'client' | 'server', base64: string];

interface Capture {
  readonly name: string;
  readonly chunks: readonly Chunk[];
}

interface Tap {
  readonly port: number;
  readonly connections: Chunk[][];
  close(): void;
}

async function startTap(server: PostgresServer): Promise<Tap> {
  const connections: Chunk[][] = [];
  const listener = net.createServer((client) => {
    const chunks: Chunk[] = [];
    connections.push(chunks);
    const upstream = net.connect(server.port, server.host);
    client.on('data', (bytes: Buffer) => {
      chunks.push(['client', bytes.toString('base64')]);
      upstream.write(bytes);
    });
    upstream.on('data', (bytes: Buffer) => {
      chunks.push(['server', bytes.toString('base64')]);
      client.write(bytes);
    });
    client.on('end', () => upstream.end()).on('error', () => upstream.destroy());
    upstream.on('end', () => client.end()).on('error', () => client.destroy());
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as net.AddressInfo;
  return { port, connections, close: () => listener.close() };
}

const PSQL_SCRIPT = `
create temp table t (id int primary key, name text);
insert into t values (1, 'one'), (2, null);
select * from t; select 'two' as second, 2.5::numeric;

select 1/0;
begin; select nothing; rollback;
do $$ begin raise notice 'noted' using hint = 'a hint'; end $$;
copy t to stdout;
copy t from stdin;
3	three
\\.
copy t from stdin;
x	y
\\.
copy (select 1) to stdout (format binary);
set timezone = 'Europe/Berlin';
listen c; notify c, 'payload';
`;

async function psql(server: PostgresServer, port: number): Promise<void> {
  const url = `postgresql://${server.user}:${server.password}@127.0.0.1:${port}/postgres?sslmode=prefer`;
  const child = spawn('psql', ['-X', '-q', '-f', '-', url], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.end(PSQL_SCRIPT);
  await once(child, 'exit');
}

async function pgClient(server: PostgresServer, port: number): Promise<void> {
  const { user, password } = server;
  const client = new pg.Client({ host: '127.0.0.1', port, user, password, database: 'postgres' });
  await client.connect();
  await client.query('select $1::int + 1 as n, $2::text', [41, null]);
  await client.query({ name: 'named', text: 'select $1::bytea', values: [Buffer.from([0, 1, 255])] });
  await client.query({ name: 'named', text: 'select $1::bytea', values: [Buffer.alloc(3)] });
  await client.query({ name: 'wrong', text: 'select $1::int', values: ['x'] }).catch(() => undefined);
  await client.query({ text: '', values: [] });
  await client.end();
}

async function postgresClient(server: PostgresServer, port: number): Promise<void> {
  const { user: username, password } = server;
  const sql = postgres({ host: '127.0.0.1', port, username, password, database: 'postgres', max: 1 });
  await Promise.all([sql`select ${1}::int as a`, sql`select ${'b'}::text`, sql`select ${[1, 2]}::int[]`]);
  await sql`select generate_series(1, 5) as n`.cursor(2, () => undefined);
  await sql.begin((tx) => tx`select 1/0`).catch(() => undefined);
  await sql.end();
}

/** Fast-path calls are in no driver. */
async function functionCalls(server: PostgresServer, port: number): Promise<void> {
  const client = new pg.Client({ host: '127.0.0.1', port, user: server.user, password: server.password });
  await client.connect();
  client.on('error', () => undefined); // that it was cut off
  const { stream } = (client as unknown as { connection: { stream: net.Socket } }).connection;
  const oid = 2; // no such function
  const int4pl = 177;
  const four = Buffer.from([0, 0, 0, 4]);
  stream.removeAllListeners('data');
  for (const message of [
    encodeFunctionCall({ oid: int4pl, formats: [1], parameters: [four, four], resultFormat: 1 }),
    encodeFunctionCall({ oid: int4pl, formats: [1, 1], parameters: [four, null], resultFormat: 0 }),
    encodeFunctionCall({ oid, formats: [], parameters: [] }),
    encodeQuery(Buffer.from('')),
    encodeTerminate(),
  ]) {
    stream.write(message);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  stream.destroy();
}

for (const major of [15, 18] as const) {
  const server = await startPostgres({ major });
  if (server === undefined) throw new Error(`no PostgreSQL ${major} here`);
  const captures: Capture[] = [];
  for (const [name, run] of Object.entries({ psql, pg: pgClient, postgres: postgresClient, functionCalls })) {
    const tap = await startTap(server);
    await run(server, tap.port);
    tap.close();
    for (const chunks of tap.connections) captures.push({ name, chunks });
  }
  await server.stop();
  const file = new URL(`../../src/protocols/postgres/testdata/capture-${major}.json`, import.meta.url);
  await writeFile(file, `${JSON.stringify(captures, null, 2)}\n`);
}
