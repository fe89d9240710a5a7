import { saslprep as rfc4013 } from '@mongodb-js/saslprep';

const ASCII_BYTES = 0x80;

/**
 * A password as PostgreSQL hashes it (pg_saslprep in src/common/saslprep.c, and how its callers use it): ASCII as it
 * is, control characters included; else by RFC 4013; and what that prohibits as the raw bytes, so that passwords in
 * other encodings still work. Bytes that are not UTF-8 stay as they are.
 */
export function preparePassword(password: string | Buffer): Buffer {
  const raw = typeof password === 'string' ? Buffer.from(password, 'utf8') : password;
  if (raw.every((byte) => byte < ASCII_BYTES)) return raw;
  const text = decodeUtf8(raw);
  if (text === undefined) return raw;
  try {
    return Buffer.from(rfc4013(text), 'utf8');
  } catch (error) {
    // Error: prohibited. TypeError: nothing was left after mapping, which PostgreSQL counts as prohibited too.
    if (error instanceof Error) return raw;
    throw error;
  }
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}
