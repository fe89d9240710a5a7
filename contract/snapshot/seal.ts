import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { nonceKey, sealKey, type MasterKey } from './keys.ts';

/**
 * A document: `ADB1`, one byte that tells the length of the key id, the key id, 12 bytes of nonce, AES-256-GCM ciphertext,
 * 16 bytes of tag. Authenticated besides: `articdbm-doc-1\n` and the scope, so one scope's document is no other's.
 * The nonce is an HMAC of the plaintext under a key of its own (the synthetic nonce of RFC 8452's idea): the same content
 * gives the same bytes, and no two contents share a nonce.
 */
export interface SealedDocument {
  readonly bytes: Buffer;
  /** SHA-256 of the bytes, hexadecimal: its name in Redis and in the head. */
  readonly digest: string;
}

const MAGIC = Buffer.from('ADB1');
const NONCE_BYTES = 12; // NIST SP 800-38D, section 5.2.1.1
const TAG_BYTES = 16;
/** Beyond, a document is not even tried: no scope comes near it. */
export const DOCUMENT_BYTES = 64 * 1024 * 1024;

export function sealDocument(plaintext: string, scope: string, key: MasterKey): SealedDocument {
  const content = Buffer.from(plaintext);
  const nonce = createHmac('sha256', nonceKey(key, scope)).update(content).digest().subarray(0, NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', sealKey(key, scope), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additional(scope));
  const id = Buffer.from(key.id);
  const body = [cipher.update(content), cipher.final(), cipher.getAuthTag()];
  const bytes = Buffer.concat([MAGIC, Buffer.of(id.length), id, nonce, ...body]);
  if (bytes.length > DOCUMENT_BYTES) throw new RangeError(`the document is larger than ${DOCUMENT_BYTES} bytes`);
  return { bytes, digest: digestOf(bytes) };
}

export function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export type Opened =
  | { readonly kind: 'opened'; readonly plaintext: string }
  | { readonly kind: 'malformed' }
  /** Nothing is known of the document: the key may be newer than what is held here. */
  | { readonly kind: 'unknown-key'; readonly key: string }
  /** Altered, another scope's, or sealed by somebody else. */
  | { readonly kind: 'forged' };

/** sealKeyOf: the scope's seal key of that id. */
export function openDocument(bytes: Buffer, scope: string, sealKeyOf: (id: string) => Buffer | undefined): Opened {
  const parts = takeApart(bytes);
  if (parts === undefined) return { kind: 'malformed' };
  const key = sealKeyOf(parts.id);
  if (key === undefined) return { kind: 'unknown-key', key: parts.id };
  const decipher = createDecipheriv('aes-256-gcm', key, parts.nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additional(scope));
  decipher.setAuthTag(parts.tag);
  const head = decipher.update(parts.ciphertext);
  try {
    return { kind: 'opened', plaintext: Buffer.concat([head, decipher.final()]).toString() };
  } catch (error) {
    if (error instanceof Error) return { kind: 'forged' }; // final() throws for exactly this: the tag does not fit
    throw error;
  }
}

interface Parts {
  readonly id: string;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

function takeApart(bytes: Buffer): Parts | undefined {
  const idAt = MAGIC.length + 1;
  if (bytes.length < idAt || bytes.length > DOCUMENT_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return;
  const nonceAt = idAt + bytes.readUInt8(MAGIC.length);
  const tagAt = bytes.length - TAG_BYTES;
  if (tagAt < nonceAt + NONCE_BYTES) return;
  const id = bytes.toString('latin1', idAt, nonceAt);
  if (!/^[0-9A-Za-z]{1,63}$/.test(id)) return;
  return {
    id,
    nonce: bytes.subarray(nonceAt, nonceAt + NONCE_BYTES),
    ciphertext: bytes.subarray(nonceAt + NONCE_BYTES, tagAt),
    tag: bytes.subarray(tagAt),
  };
}

const additional = (scope: string): Buffer => Buffer.from(`articdbm-doc-1\n${scope}`);
