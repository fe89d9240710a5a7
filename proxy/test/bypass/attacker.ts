import { setTimeout as sleep } from 'node:timers/promises';
import * as frontend from '#test/harness/frontend';
import type { Value } from '#test/harness/frontend';
import { ConnectionEnded, errorFields, RawClient, rows } from '#test/harness/raw-client';
import type { Message } from '#test/harness/raw-client';
import { bind, execute, extended, parse, sync } from './messages.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export interface Surroundings {
  /** The owner's own connection to the database that is attacked, past the proxy. */
  readonly owner: RawClient;
  readonly serverPort: number;
  readonly serverPassword: string;
  /** Takes back what `temporary` may read; does nothing where there is no proxy. */
  readonly revoke: () => void;
}

const PATIENCE = 5_000;

/** A session of somebody who means harm, and all that came back to it. */
export class Attacker {
  received: Message[] = [];
  readonly database: string;
  readonly #client: RawClient;
  readonly #surroundings: Surroundings;

  private constructor(client: RawClient, target: Target, surroundings: Surroundings) {
    this.#client = client;
    this.database = target.database;
    this.#surroundings = surroundings;
  }

  static async login(target: Target, surroundings: Surroundings): Promise<Attacker> {
    return new Attacker(await RawClient.login(target), target, surroundings);
  }

  get serverPort(): number {
    return this.#surroundings.serverPort;
  }

  get serverPassword(): string {
    return this.#surroundings.serverPassword;
  }

  get ended(): boolean {
    return this.#client.ended;
  }

  /** SQLSTATEs of all errors so far. */
  get codes(): readonly string[] {
    return this.received.filter(({ type }) => type === 'E').map((message) => errorFields(message).C ?? '');
  }

  get transaction(): string {
    return this.received.findLast(({ type }) => type === 'Z')?.body.toString() ?? 'I';
  }

  send(...messages: readonly Buffer[]): void {
    this.#client.send(...messages);
  }

  async query(sql: string): Promise<void> {
    await this.run([frontend.query(sql)]);
  }

  async extended(sql: string, ...values: readonly Value[]): Promise<void> {
    await this.run(extended(sql, values));
  }

  /** Sends all in one write and reads a ReadyForQuery for each message that earns one. */
  async run(messages: readonly Buffer[]): Promise<void> {
    this.send(...messages);
    await this.settled(messages.filter((bytes) => 'QSF'.includes(bytes.toString('latin1', 0, 1))).length);
  }

  /** Until so many ReadyForQuery have come or the connection has ended. */
  async settled(readies: number): Promise<void> {
    for (let left = readies; left > 0; left--) if (!(await this.until('Z'))) return;
  }

  /** Until a message of one of these types has come; false: the connection ended before. */
  async until(...types: readonly string[]): Promise<boolean> {
    try {
      for (;;) {
        const message = await this.#client.readMessage(PATIENCE);
        this.received.push(message);
        if (types.includes(message.type)) return true;
      }
    } catch (error) {
      if (error instanceof ConnectionEnded) return false;
      throw error;
    }
  }

  async pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds);
  }

  /** The permission is taken back; what came before was allowed and is forgotten. */
  revoke(): Promise<void> {
    this.#surroundings.revoke();
    this.received = [];
    return Promise.resolve();
  }

  /** The first value that the owner's statement answers. */
  async owner(sql: string): Promise<string> {
    const reply = await this.#surroundings.owner.query(sql);
    const failed = reply.find(({ type }) => type === 'E');
    if (failed !== undefined) throw new Error(`the owner's ${sql}: ${errorFields(failed).M ?? ''}`);
    return rows(reply)[0]?.[0] ?? '';
  }

  /** As `owner`, in a transaction that stays open. */
  async ownerBegin(sql: string): Promise<string> {
    await this.owner('begin isolation level repeatable read');
    return await this.owner(sql);
  }

  call(oid: number, ...values: readonly Value[]): Buffer {
    return frontend.functionCall(oid, values);
  }

  parseTyped(sql: string, ...types: readonly number[]): Buffer {
    return parse(sql, '', types);
  }

  bound(...values: readonly Value[]): readonly Buffer[] {
    return [bind({ values }), execute(), sync()];
  }

  /** Messages that ask for nothing forbidden and leave a pipeline open. */
  allowed(): readonly Buffer[] {
    return [parse('select note from public.orders'), bind(), execute()];
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
