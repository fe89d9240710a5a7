import { createPublicKey } from 'node:crypto';
import type { Redis } from 'ioredis';
import { readHead, type Head } from '#contract/snapshot/head';
import { firstRing } from '#contract/snapshot/keys-rotation';
import { makeKey, PAIR_BYTES, sealKey, type KeyRing } from '#contract/snapshot/keys';
import { parseSnapshot } from '#contract/snapshot/parse';
import { parseRedisUrl, redisNames, type RedisAddress } from '#contract/snapshot/redis';
import { digestOf, openDocument } from '#contract/snapshot/seal';
import type { Snapshot } from '#contract/snapshot/types';
import { Publisher, type PublisherOptions } from '#operator/publish/publisher';
import { connectRedis, type RedisClient } from '#operator/publish/redis-client';
import type { History } from '#operator/store/history';
import type { RevisionRecord } from '#operator/store/revisions';

export const RING: KeyRing = firstRing(makeKey(Date.parse('2026-11-24T09:00:00Z'), Buffer.alloc(PAIR_BYTES, 1)));

/** A scope's policy that differs by the user's name. */
export function snapshotOf(scope: string, user: string): Snapshot {
  return {
    format: 1,
    scope,
    backends: [
      {
        id: 'prod/orders',
        protocol: 'postgresql',
        endpoints: [{ name: 'primary', host: 'db', port: 5432, role: 'primary' }],
        database: 'orders',
        searchPath: ['public'],
        tls: { mode: 'verify-full', allowCleartextPassword: false },
        timeouts: { connect: 3000, login: 10_000, statement: 0, idle: 0 },
        audit: 'denied',
        users: [
          {
            name: user,
            ref: 'shop/app',
            uid: '1',
            enabled: true,
            verifier: 'SCRAM-SHA-256$4096:salt$stored:server',
            limits: {},
            rules: [],
          },
        ],
      },
    ],
  };
}

export const userOf = (snapshot: Snapshot | undefined): string | undefined => snapshot?.backends[0]?.users[0]?.name;

/** Keeps what it is told, at once. */
export class MemoryHistory implements History {
  readonly records: RevisionRecord[] = [];
  readonly waiting = 0;
  enter(): void {
    // Any term is welcome here.
  }
  record(record: RevisionRecord): Promise<void> {
    this.records.push(record);
    return Promise.resolve();
  }
  latest(): Promise<ReadonlyMap<string, number>> {
    return Promise.resolve(new Map(this.records.map(({ scope, revision }) => [scope, revision])));
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

export function addressOf(url: string): RedisAddress {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error('no Redis URL');
  return address;
}

export async function ready(client: RedisClient): Promise<void> {
  const end = Date.now() + 5000;
  while (client.status !== 'ready') {
    if (Date.now() > end) throw new Error('Redis did not get ready');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Publishers that a test made, to end with it. */
export class Leaders {
  readonly #url: string;
  readonly #clients: RedisClient[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  async client(): Promise<RedisClient> {
    const client = connectRedis(addressOf(this.#url), () => undefined);
    this.#clients.push(client);
    await ready(client);
    return client;
  }

  async make(options: Partial<PublisherOptions> = {}): Promise<Publisher> {
    return new Publisher({
      redis: options.redis ?? (await this.client()),
      clustered: addressOf(this.#url).kind === 'cluster',
      history: new MemoryHistory(),
      keys: () => RING,
      now: Date.now,
      isLeader: () => Promise.resolve(true),
      ...options,
    });
  }

  close(): void {
    for (const client of this.#clients.splice(0)) client.disconnect();
  }
}

export interface InForce {
  readonly head: Head;
  readonly snapshot: Snapshot;
}

/** What a proxy without memory would take from Redis: undefined unless head and document are whole and fit each other. */
export async function inForce(
  client: Pick<Redis, 'get' | 'getBuffer'>,
  scope: string,
  ring: KeyRing = RING,
): Promise<InForce | undefined> {
  const names = redisNames(scope);
  const read = readHead((await client.get(names.head)) ?? '', scope, (id) => {
    const key = ring.keys.get(id);
    return key === undefined ? undefined : createPublicKey(key.signing);
  });
  if (read.kind !== 'head') return undefined;
  const document = await client.getBuffer(names.doc(read.head.digest));
  if (document === null || digestOf(document) !== read.head.digest) return undefined;
  const opened = openDocument(document, scope, (id) => {
    const key = ring.keys.get(id);
    return key === undefined ? undefined : sealKey(key, scope);
  });
  return opened.kind === 'opened' ? { head: read.head, snapshot: parseSnapshot(opened.plaintext) } : undefined;
}
