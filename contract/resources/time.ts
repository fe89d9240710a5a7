const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration such as 500ms, 3s or 1h30m; undefined: malformed. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:[0-9]{1,9}(?:ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/([0-9]+)(ms|s|m|h)/g)) sum += Number(count) * (UNITS[unit ?? ''] ?? NaN);
  return sum;
}

/** Epoch milliseconds of an RFC 3339 time; undefined: none that can be told. Times before 1970 count as 1970. */
export function parseTime(text: string): number | undefined {
  // eslint-disable-next-line no-restricted-globals -- parses a text; reads no clock
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : Math.max(0, time);
}
