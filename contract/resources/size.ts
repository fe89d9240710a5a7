/**
 * More than the largest DbPermission that the schema allows, and far beyond what people write. What is larger is not looked
 * into: who sends it may be anybody, and each thing that is wrong in it costs time and memory.
 */
export const MOST_VALUES = 32_768;
const MOST_LEVELS = 64;

/** Maps, lists, their fields and items, all counted together. */
export function isTooLarge(value: unknown): boolean {
  let level: readonly unknown[] = [value];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    count += level.length;
    if (count > MOST_VALUES || depth > MOST_LEVELS) return true;
    level = level.flatMap(insideOf);
  }
  return false;
}

function insideOf(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Array.isArray(value) ? value : Object.values(value);
}
