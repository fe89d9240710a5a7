import * as frontend from '#test/harness/frontend';
import type { Exchange, Script } from './script.ts';

/** Messages that end in so many ReadyForQuery. */
export function ready(count: number, ...send: readonly Buffer[]): Exchange {
  return { send, until: 'Z', count };
}

/** Messages after which the n-th message of one of the types ends the wait. */
export function until(types: string, count: number, ...send: readonly Buffer[]): Exchange {
  return { send, until: types, count };
}

/** One simple query. */
export function simple(text: string): Script {
  return { name: text.length > 100 ? `${text.slice(0, 97)}...` : text, exchanges: [ready(1, frontend.query(text))] };
}

/** Simple queries one after another; the session ends up idle. */
export function several(name: string, ...texts: readonly string[]): Script {
  return { name, exchanges: texts.map((text) => ready(1, frontend.query(text))) };
}

/** Messages of the extended protocol; a Sync is put at the end. */
export function extended(name: string, ...send: readonly Buffer[]): Script {
  return { name, exchanges: [ready(1, ...send, frontend.sync())] };
}

/** Parse, Describe, Bind, Describe, Execute, Sync of one statement, values and results in the format that is given. */
export function prepared(text: string, values: readonly frontend.Value[] = [], format = 0): Script {
  const bind = frontend.bind({ values, formats: values.length > 0 ? [0] : [], resultFormats: [format] });
  const messages = [frontend.parse(text), frontend.describeStatement(), bind, frontend.describePortal()];
  return extended(`prepared: ${text}`, ...messages, frontend.execute());
}
