import { readFile, rename, writeFile } from 'node:fs/promises';

/** What a restarted container needs to go on without anybody: head and document, as they came. */
export interface KeptPolicy {
  readonly head: string;
  readonly document: Buffer;
}

export interface PolicyKeeper {
  /** undefined: nothing is kept. What is found is judged like anything that is received. */
  load(): Promise<KeptPolicy | undefined>;
  save(policy: KeptPolicy): Promise<void>;
}

/** In one file, on a volume in memory: the head, a line feed, the sealed document. */
export function keepPolicyIn(file: string): PolicyKeeper {
  return {
    load: async () => {
      const bytes = await readOrNothing(file);
      const end = bytes?.indexOf('\n') ?? -1;
      if (bytes === undefined || end < 0) return undefined;
      return { head: bytes.toString('latin1', 0, end), document: bytes.subarray(end + 1) };
    },
    save: async ({ head, document }) => {
      await writeFile(`${file}.new`, Buffer.concat([Buffer.from(`${head}\n`), document]), { mode: 0o600 });
      await rename(`${file}.new`, file);
    },
  };
}

async function readOrNothing(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
