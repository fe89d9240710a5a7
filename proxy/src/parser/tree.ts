import type { Misunderstood } from '#proxy/sql/inspection';
import { TOO_DEEP, tooLarge } from './guard.ts';

/**
 * Limits of a parse tree, as JSON: what the main thread reads in one go (some 25 ms; an INSERT of
 * PostgreSQL's 65,535 parameters stays below) and what a recursive analysis may
 * walk. Flat texts stay below both by their number of tokens.
 */
const MAX_TREE = { bytes: 12 * 1024 * 1024, objects: 180_000, depth: 2_500 } as const;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** undefined: within the limits. `json` is well formed: libpg-query writes it. */
export function guardTree(json: Uint8Array): Misunderstood | undefined {
  if (json.length > MAX_TREE.bytes) return tooLarge('statement is too long', 'Send it in smaller parts.');
  const { objects, depth } = measure(json);
  if (depth > MAX_TREE.depth) return TOO_DEEP;
  if (objects > MAX_TREE.objects) return tooLarge('statement has too many parts', 'Send it in smaller parts.');
  return undefined;
}

function measure(json: Uint8Array): { readonly objects: number; readonly depth: number } {
  let objects = 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < json.length; at += 1) {
    switch (json[at]) {
      case QUOTE:
        at = endOfString(json, at);
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        if (json[at] === OPEN_OBJECT) objects += 1;
        depth += 1;
        if (depth > deepest) deepest = depth;
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        depth -= 1;
        break;
      default:
    }
  }
  return { objects, depth: deepest };
}

function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
