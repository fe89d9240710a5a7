import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { RawClient } from '#test/harness/raw-client';
import type { Target } from './pgbench.ts';
import { memoryOf } from './processes.ts';

export interface IdleMemory {
  readonly clients: number;
  /** Bytes of the process without a client, after it has served some and settled. */
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

/** Milliseconds for the collector and the sockets' ends to settle. */
const SETTLE = 3_000;

/**
 * What idle clients cost a proxy process: logged in, one statement done, then silent. A first round of as many clients is
 * opened and closed before the measurement, so that what is allocated once and kept isn't counted.
 */
export async function idleMemory(
  pid: number,
  target: Target,
  options: { readonly clients: number; readonly tls: boolean },
): Promise<IdleMemory> {
  await close(await open(target, options.clients, options.tls));
  await delay(SETTLE);
  const before = memoryOf(pid).rss;
  const clients = await open(target, options.clients, options.tls);
  await delay(SETTLE);
  const after = memoryOf(pid).rss;
  await close(clients);
  return { clients: options.clients, idle: before, perClient: (after - before) / options.clients };
}
