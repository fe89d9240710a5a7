import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { AnswerError, parseBootstrap, type Bootstrap } from '#contract/bootstrap/answer';
import { KeysError } from '#contract/snapshot/keys';
import type { Reading } from './operator-clock.ts';

/** The operator's answer, and the moment here at which its `now` was true. */
export interface KeptAnswer {
  readonly bootstrap: Bootstrap;
  /** As it came: what is written. */
  readonly json: unknown;
  readonly at: Reading;
}

export interface AnswerKeeper {
  /** undefined: nothing is kept. Rejects with StateError. */
  load(): Promise<KeptAnswer | undefined>;
  /** Rejects with StateError. */
  save(answer: KeptAnswer): Promise<void>;
}

/** The volume can't be used, or what is on it. The message names no content. */
export class StateError extends Error {
  readonly code = 'STATE';
}

/** Other formats are not read: the answer is asked for anew. */
const FORMAT = 1;
const shape = z.strictObject({
  format: z.literal(FORMAT),
  at: z.strictObject({ wall: z.number(), monotonic: z.number(), boot: z.string().max(64) }),
  answer: z.unknown(),
});

/** In `bootstrap.json` of a folder in memory, readable by nobody else: it holds keys and passwords. */
export function keepAnswerIn(folder: string): AnswerKeeper {
  const file = join(folder, 'bootstrap.json');
  return {
    load: async () => {
      const text = await readOrNothing(file);
      return text === undefined ? undefined : parseKept(text);
    },
    save: async ({ json, at }) => {
      const text = JSON.stringify({ format: FORMAT, at, answer: json });
      try {
        await writeFile(`${file}.new`, text, { mode: 0o600 });
        await rename(`${file}.new`, file);
      } catch (cause) {
        throw new StateError(`bootstrap.json can not be written (${codeOf(cause)})`, { cause });
      }
    },
  };
}

async function readOrNothing(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT') return undefined;
    throw new StateError(`bootstrap.json can not be read (${code})`, { cause });
  }
}

function parseKept(text: string): KeptAnswer {
  try {
    const { at, answer } = shape.parse(JSON.parse(text));
    return { bootstrap: parseBootstrap(answer), json: answer, at };
  } catch (error) {
    if (!isMalformed(error)) throw error;
    throw new StateError('bootstrap.json is damaged, or of another version'); // its parser's words quote the content
  }
}

const isMalformed = (error: unknown): boolean =>
  error instanceof SyntaxError ||
  error instanceof z.ZodError ||
  error instanceof AnswerError ||
  error instanceof KeysError;

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown';
