import { encodeKeyRing, makeKey, PAIR_BYTES, type KeyRing } from '#contract/snapshot/keys';
import { addKey, dropKey, nextRotation, useKey, type RotationStep } from '#contract/snapshot/keys-rotation';
import { jittered, wait } from '../runtime/clock.ts';
import { NotLeadingError, type Leadership } from '../runtime/election.ts';
import { ringOf, type KeySecretOptions } from './ring.ts';

export interface RotationOptions extends KeySecretOptions {
  readonly adopt: (ring: KeyRing) => void;
}

/** Between looks; steps are an hour apart at least. */
const LOOK_MS = 60_000;

/** Takes the steps of rotation as they fall due, each one write of the Secret over the version it was judged by. */
export async function rotateKeys(options: RotationOptions, leadership: Leadership, every: number): Promise<void> {
  const { clock, random, onError } = options;
  while (!leadership.signal.aborted) {
    try {
      if ((await takeStep(options, leadership, every)) === 'again') continue;
    } catch (error) {
      if (error instanceof NotLeadingError || !leadership.leads()) return;
      onError(error);
    }
    await wait(clock, jittered(LOOK_MS, random), leadership.signal);
  }
}

async function takeStep(options: RotationOptions, leadership: Leadership, every: number): Promise<'again' | 'waits'> {
  const { secret, wall, randomBytes, adopt } = options;
  const held = await secret.read(leadership.signal);
  if (Object.keys(held.data).length === 0) return 'waits'; // the next reading makes the first ring
  const ring = ringOf(held, secret);
  const now = wall();
  const step = nextRotation(ring, now, every);
  if (step.kind === 'wait') return 'waits';
  const next = afterStep(ring, step, now, () => randomBytes(PAIR_BYTES));
  leadership.check();
  const written = await secret.write(encodeKeyRing(next), held, leadership.signal);
  if (written !== 'lost') adopt(ringOf(written, secret));
  return 'again';
}

function afterStep(
  ring: KeyRing,
  step: Exclude<RotationStep, { kind: 'wait' }>,
  now: number,
  bytes: () => Buffer,
): KeyRing {
  switch (step.kind) {
    case 'publish':
      return addKey(ring, makeKey(now, bytes()));
    case 'use':
      return useKey(ring, step.id, now);
    case 'drop':
      return dropKey(ring, step.id);
  }
}
