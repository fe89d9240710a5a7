import { KeysError, parseKeyRing, type KeyRing } from '#contract/snapshot/keys';
import type { Clock, Random } from '../runtime/clock.ts';
import type { HeldSecret, OwnSecret } from './own-secret.ts';

export interface KeySecretOptions {
  readonly secret: OwnSecret;
  readonly clock: Clock;
  /** Epoch milliseconds. */
  readonly wall: () => number;
  readonly random: Random;
  /** That many bytes from the system's generator. */
  readonly randomBytes: (length: number) => Buffer;
  /** Readings and writes that came to nothing; they are tried again. No error holds a key. */
  readonly onError: (error: unknown) => void;
  readonly rereadEvery?: number;
}

/** Throws KeysError, which says what to do and names no value. */
export function ringOf({ data }: HeldSecret, { title }: OwnSecret): KeyRing {
  try {
    return parseKeyRing(data);
  } catch (error) {
    if (!(error instanceof KeysError)) throw error;
    throw new KeysError(
      `${title} is not as the operator writes it (${error.message}), so it is left alone. Put it back from a backup; ` +
        'or empty it (kubectl patch … {"data":null}): new keys are then made, and every proxy fetches them',
    );
  }
}
