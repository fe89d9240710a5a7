import type { SecretTrouble } from './secrets.ts';

/** What the API server said of one Secret when it was last asked. */
export interface HeldSecret {
  /** undefined: it is not there, or may not be read. */
  readonly version: string | undefined;
  readonly trouble: SecretTrouble | undefined;
  /** The keys that were wanted, and what stands under those that are there. */
  readonly wanted: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  /** By the clock: when it was asked for, and when it is to be again. */
  readonly at: number;
  readonly due: number;
  /** How often in a row there was nothing to read. */
  readonly misses: number;
}

export const isSame = (one: HeldSecret, other: HeldSecret): boolean =>
  one.version === other.version && one.trouble === other.trouble;

/** A key that the CRDs' rules allow; what else stands in a Secret is nobody's business. */
export function wantedValues(
  data: Readonly<Record<string, string>> | undefined,
  wanted: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const key of wanted) {
    if (data === undefined || !Object.hasOwn(data, key)) continue;
    values.set(key, Buffer.from(data[key] ?? '', 'base64').toString());
  }
  return values;
}
