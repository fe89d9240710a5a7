import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { query } from '#test/harness/frontend';
import { RawClient } from '#test/harness/raw-client';
import type { Target } from './pgbench.ts';
import { memoryOf } from './processes.ts';

export interface IdleMemory {
  readonly clients: number;
  /** Resident bytes of the process with one client that has done 20,000 statements. */
  readonly idle: number;
  /** Bytes that each idle client adds. */
  readonly perClient: number;
}

async function open(target: Target, clients: number, tls: boolean): Promise<RawClient[]> {
  const opened: RawClient[] = [];
  for (let index = 0; index < clients; index += 1) {
    const { port, user, password, database } = target;
    const client = await RawClient.login({ port, user, password, database, tls: tls ? 'request' : 'none' });
    opened.push(client);
  }
  return opened;
}

async function close(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) {
    const gone = once(client.socket, 'close');
    client.socket.destroy();
    await gone;
  }
}

/** Milliseconds for what is closed or compiled to settle. */
const SETTLE = 1_500;
/** Statements after which the collector has been by, several times over. */
const STATEMENTS = 20_000;

/** Resident bytes once a busy client has made the collector run: garbage of the logins does not count as what they keep. */
async function settled(pid: number, busy: RawClient): Promise<number> {
  for (let done = 0; done < STATEMENTS; done += 100) {
    busy.send(...Array.from({ length: 100 }, () => query('select 1')));
    let ready = 0;
    await busy.readUntil(({ type }) => type === 'Z' && (ready += 1) === 100);
  }
  await delay(SETTLE);
  return memoryOf(pid).rss;
}

/**
 * What idle clients cost a proxy process: logged in, then silent. The slope from a few to many, since the first ones find
 * room that the process had taken already.
 */
export async function idleMemory(
  pid: number,
  target: Target,
  options: { readonly clients: number; readonly tls: boolean },
): Promise<IdleMemory> {
  const few = Math.floor(options.clients / 4);
  const [busy] = await open(target, 1, options.tls);
  if (busy === undefined) throw new Error('no client');
  const idle = await settled(pid, busy);
  const opened = await open(target, few, options.tls);
  const before = await settled(pid, busy);
  opened.push(...(await open(target, options.clients - few, options.tls)));
  const after = await settled(pid, busy);
  await close([...opened, busy]);
  return { clients: options.clients, idle, perClient: (after - before) / (options.clients - few) };
}
