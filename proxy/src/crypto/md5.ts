import { createHash } from 'node:crypto';

const md5 = (...parts: readonly Uint8Array[]): string => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/**
 * Answer to AuthenticationMD5Password (PostgreSQL §54.2.1): 'md5' + md5(md5(password + user) + salt).
 * Weak, and there only because servers still ask for it. salt: the 4 bytes that the server sent.
 */
export function md5Password(user: string, password: string, salt: Uint8Array): string {
  const stored = md5(Buffer.from(password, 'utf8'), Buffer.from(user, 'utf8'));
  return `md5${md5(Buffer.from(stored, 'latin1'), salt)}`;
}
