import { parseTime } from '../resources/time.ts';

/** The expiry as a snapshot holds it. Throws on a time that the checks should have refused: taken for none, it would never end. */
export function expiryOf(expiresAt: string | null | undefined): { readonly expiresAt?: number } {
  if (expiresAt === null || expiresAt === undefined) return {};
  const time = parseTime(expiresAt);
  if (time === undefined) throw new Error('an expiry that was checked is malformed');
  return { expiresAt: time };
}
