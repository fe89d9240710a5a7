import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Message, RawClient } from '#test/harness/raw-client';

/** What is sent, and at what the wait for the reply ends: the n-th message of one of these types. */
export interface Exchange {
  readonly send: readonly Buffer[];
  readonly until: string;
  readonly count: number;
}

/** A conversation that leaves the session idle and the database as it was. */
export interface Script {
  readonly name: string;
  readonly exchanges: readonly Exchange[];
  /** Only from this server major on. */
  readonly since?: number;
  /** OIDs of tables made on the way differ from run to run: they are numbered by first appearance. */
  readonly newTables?: true;
  /** Each exchange depends on the reply to the one before: it can't all be sent at once. */
  readonly inTurns?: true;
}

export type Pace = 'in turns' | 'byte by byte' | 'all at once';

const PATIENCE = 15_000;

/** The reply as lines that can be compared: one per message, its type and its bytes (latin1, so that none is lost). */
export async function play(client: RawClient, script: Script, pace: Pace): Promise<string[]> {
  const messages: Message[] = [];
  if (pace === 'all at once' && script.inTurns !== true) {
    client.send(...script.exchanges.flatMap(({ send }) => send));
    for (const exchange of script.exchanges) messages.push(...(await collect(client, exchange)));
  } else {
    for (const exchange of script.exchanges) {
      await write(client, exchange.send, pace);
      messages.push(...(await collect(client, exchange)));
    }
  }
  return describe(messages, script);
}

async function write(client: RawClient, send: readonly Buffer[], pace: Pace): Promise<void> {
  const bytes = Buffer.concat(send);
  if (pace !== 'byte by byte' || bytes.length > 20_000) {
    client.send(bytes);
    return;
  }
  for (let at = 0; at < bytes.length; at++) {
    client.send(bytes.subarray(at, at + 1));
    await nextTurn(); // so that the other side, in this very process, reads it by itself
  }
}

async function collect(client: RawClient, { until, count }: Exchange): Promise<Message[]> {
  let left = count;
  if (left === 0) return [];
  return await client.readUntil(({ type }) => until.includes(type) && --left === 0, PATIENCE);
}

/** A notification's process id is left out: it is the server's own, and differs from session to session. */
function describe(messages: readonly Message[], script: Script): string[] {
  const tables = new Map<number, number>();
  return messages.map(({ type, body }) => {
    if (type === 'E' || type === 'N') return `${type} ${withoutPlace(body)}`;
    if (type === 'A') return `A ${body.toString('latin1', 4)}`;
    if (type === 'T' && script.newTables === true) return `T ${renumbered(body, tables).toString('latin1')}`;
    return `${type} ${body.toString('latin1')}`;
  });
}

/** Without F, L and R: file, line and routine of the server's source, which the proxy keeps to itself. */
function withoutPlace(body: Buffer): string {
  const fields = body.toString('latin1').split('\0');
  return fields.filter((field) => !/^[FLR]/.test(field)).join('\0');
}

/** RowDescription: per column a name, then table OID (4), attribute (2), type (4), size (2), modifier (4), format (2). */
function renumbered(body: Buffer, tables: Map<number, number>): Buffer {
  const copy = Buffer.from(body);
  let at = 2;
  for (let column = copy.readInt16BE(0); column > 0; column--) {
    at = copy.indexOf(0, at) + 1;
    const oid = copy.readUInt32BE(at);
    if (oid >= 16_384) {
      if (!tables.has(oid)) tables.set(oid, tables.size + 1);
      copy.writeUInt32BE(tables.get(oid) ?? 0, at);
    }
    at += 18;
  }
  return copy;
}
