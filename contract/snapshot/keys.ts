import { createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto';
import { parseTime } from '../resources/time.ts';

/**
 * The Secret `articdbm-keys`: entries `master.<id>` (32 random bytes), `sign.<id>` (Ed25519, PKCS #8 PEM) and `current`.
 * An id is the moment at which its pair was made, as `20261124T090834Z`; `current` is the id in use, a space, and the
 * moment since when: rotation needs no other memory. Everything else is derived from the masters.
 */
export interface KeyRing {
  /** The id by which documents are sealed and heads are signed. */
  readonly current: string;
  /** Epoch milliseconds since when `current` is in use. */
  readonly since: number;
  /** By id, oldest first; `current` is among them. */
  readonly keys: ReadonlyMap<string, MasterKey>;
}

export interface MasterKey {
  readonly id: string;
  /** Epoch milliseconds, whole seconds. */
  readonly madeAt: number;
  readonly master: Buffer;
  readonly signing: KeyObject;
}

export const MASTER_BYTES = 32;
/** Randomness that one pair is made of: the master and the seed of the signing key. */
export const PAIR_BYTES = MASTER_BYTES + 32;

/** The Secret is not as it must be. The message names the entry, never what it holds. */
export class KeysError extends Error {
  readonly code = 'KEYS_INVALID';
  constructor(message: string) {
    super(message);
    this.name = 'KeysError';
  }
}

/** Reads the Secret's data (decoded from base64). Throws KeysError at anything that is not exactly the form above. */
export function parseKeyRing(data: Readonly<Record<string, Uint8Array>>): KeyRing {
  const keys = new Map<string, MasterKey>();
  const ids = new Set(Object.keys(data).filter(isKeyEntry).map(idOf));
  for (const id of [...ids].sort()) keys.set(id, parsePair(id, data));
  const { id: current, since } = parseCurrent(data.current);
  if (!keys.has(current)) throw new KeysError('current names a key that is not there');
  return { current, since, keys };
}

/** What parseKeyRing reads. */
export function encodeKeyRing(ring: KeyRing): Record<string, Buffer> {
  const data: Record<string, Buffer> = { current: Buffer.from(`${ring.current} ${keyId(ring.since)}`) };
  for (const { id, master, signing } of ring.keys.values()) {
    data[`master.${id}`] = master;
    data[`sign.${id}`] = Buffer.from(signing.export({ type: 'pkcs8', format: 'pem' }));
  }
  return data;
}

/** Makes a pair of PAIR_BYTES random bytes. now: epoch milliseconds. */
export function makeKey(now: number, random: Buffer): MasterKey {
  if (random.length !== PAIR_BYTES) throw new RangeError(`a pair is made of ${PAIR_BYTES} random bytes`);
  const id = keyId(now);
  const seed = random.subarray(MASTER_BYTES);
  const signing = createPrivateKey({ key: Buffer.concat([ED25519_PKCS8, seed]), format: 'der', type: 'pkcs8' });
  return { id, madeAt: momentOf(id) ?? NaN, master: Buffer.from(random.subarray(0, MASTER_BYTES)), signing };
}

export function currentKey(ring: KeyRing): MasterKey {
  const key = ring.keys.get(ring.current);
  if (key === undefined) throw new KeysError('current names a key that is not there');
  return key;
}

/** The keys and salts that are derived, 32 bytes each. HKDF-SHA-256 (RFC 5869) of the master, no salt, these infos. */
export const sealKey = ({ master }: MasterKey, scope: string): Buffer => derive(master, `seal:${scope}`);
export const nonceKey = ({ master }: MasterKey, scope: string): Buffer => derive(master, `nonce:${scope}`);
export const macKey = ({ master }: MasterKey, podUid: string): Buffer => derive(master, `mac:${podUid}`);
export const loginKey = ({ master }: MasterKey, userUid: string, n: number): Buffer =>
  derive(master, `login:${userUid}:${n}`);
export const saltOf = ({ master }: MasterKey, userUid: string, resourceVersion: string): Buffer =>
  derive(master, `salt:${userUid}:${resourceVersion}`);
/** What the salts of unknown users come from, on all proxies of the scope. */
export const mockKey = ({ master }: MasterKey, scope: string): Buffer => derive(master, `mock:${scope}`);

/** RFC 8410, section 7: everything of a PKCS #8 Ed25519 key before its 32 bytes of seed. */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function derive(master: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', master, Buffer.alloc(0), info, 32));
}

function isKeyEntry(name: string): boolean {
  if (name === 'current') return false;
  if (/^(master|sign)\.[0-9]{8}T[0-9]{6}Z$/.test(name)) return true;
  throw new KeysError('an entry is none of master.<id>, sign.<id>, current, with an id such as 20261124T090834Z');
}

const idOf = (entry: string): string => entry.slice(entry.indexOf('.') + 1);

function parsePair(id: string, data: Readonly<Record<string, Uint8Array>>): MasterKey {
  const madeAt = momentOf(id);
  if (madeAt === undefined) throw new KeysError(`the id ${id} is no moment`);
  const master = data[`master.${id}`];
  if (master?.length !== MASTER_BYTES) throw new KeysError(`master.${id} is not ${MASTER_BYTES} bytes`);
  return { id, madeAt, master: Buffer.from(master), signing: parseSigning(id, data[`sign.${id}`]) };
}

function parseSigning(id: string, pem: Uint8Array | undefined): KeyObject {
  if (pem === undefined) throw new KeysError(`sign.${id} is missing`);
  const key = readPem(Buffer.from(pem));
  if (key?.asymmetricKeyType !== 'ed25519') throw new KeysError(`sign.${id} is no Ed25519 private key in PEM`);
  return key;
}

function readPem(pem: Buffer): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    if (cause instanceof Error) return undefined; // OpenSSL's words may quote the key: they are not passed on
    throw cause;
  }
}

function parseCurrent(value: Uint8Array | undefined): { readonly id: string; readonly since: number } {
  const [, id, since] = /^(\S{16}) (\S{16})$/.exec(Buffer.from(value ?? []).toString('latin1')) ?? [];
  const moment = since === undefined ? undefined : momentOf(since);
  if (id === undefined || moment === undefined) throw new KeysError('current is not an id, a space and a moment');
  return { id, since: moment };
}

/** `20261124T090834Z` of epoch milliseconds, cut to the second. */
export function keyId(now: number): string {
  // eslint-disable-next-line no-restricted-globals -- formats a moment; reads no clock
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

function momentOf(id: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(id) ?? [];
  if (second === undefined) return undefined;
  const moment = parseTime(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return moment === undefined || keyId(moment) !== id ? undefined : moment;
}
