/**
 * The proxy's own question: what is the search path? Asked by Parse, Bind and Execute under reserved names, for a Query
 * would drop the client's unnamed statement.
 */
import { decodeDataRow } from './decode.ts';
import { encodeBind, encodeClose, encodeExecute, encodeFlush, encodeParse, encodeSync } from './encode.ts';
import type { EntryKind } from './in-flight.ts';
import { parseSearchPath } from './search-path.ts';

const TEXT = `select pg_catalog.to_json(pg_catalog.current_schemas(true)),
  pg_catalog.current_setting('search_path'), current_user`;

/** What is sent, and what kinds of replies it leads to. `within`: inside a batch of the client's, which must not end. */
export function pathQuestion(nonce: string, within: boolean): { bytes: Buffer; kinds: readonly EntryKind[] } {
  const name = Buffer.from(`${nonce}p`);
  const messages = [
    encodeClose('S', name), // what a question that was cancelled midway has left (closing what is not there is no error)
    encodeParse(name, Buffer.from(TEXT)),
    encodeBind({ portal: name, statement: name }),
    encodeExecute(name),
    encodeClose('P', name),
    encodeClose('S', name),
    within ? encodeFlush() : encodeSync(),
  ];
  const kinds: EntryKind[] = ['close', 'parse', 'bind', 'execute', 'close', 'close'];
  if (!within) kinds.push('sync');
  return { bytes: Buffer.concat(messages), kinds };
}

/** The schemas that the path names, existing or not. undefined: not understood. */
export function readPathAnswer(body: Buffer): readonly string[] | undefined {
  const [existing, setting, user] = decodeDataRow(body).map((value) => value?.toString('utf8'));
  if (existing === undefined || setting === undefined || user === undefined) return undefined;
  const named = parseSearchPath(setting, user);
  return named === undefined ? undefined : [...named, ...schemaNames(existing)];
}

/** to_json of name[]. */
function schemaNames(json: string): string[] {
  const names: unknown = JSON.parse(json);
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}
