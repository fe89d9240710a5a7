import { setTimeout as sleep } from 'node:timers/promises';

/** Tries until it gives something; after `seconds` throws what it last threw. */
export async function eventually<T>(seconds: number, attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
    }
    await sleep(200);
  }
}
