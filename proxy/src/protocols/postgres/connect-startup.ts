import type { ConnectContext } from './connect.ts';

type Setting = readonly [name: string, value: string];

/** Would make another connection than the one meant, or set what nobody judged. */
const NOT_SETTINGS: ReadonlySet<string> = new Set(['user', 'database', 'options', 'replication']);

/**
 * What the start-up packet says. The analysis of statements rests on the encoding and on how strings are written, so
 * these two are ours and can't be set otherwise. Throws RangeError on what is no setting: a bug of the caller.
 */
export function startupParameters(context: ConnectContext): readonly Setting[] {
  const fixed: readonly Setting[] = [
    ['user', context.login.username],
    ['database', context.database],
    ['client_encoding', 'UTF8'],
    ['standard_conforming_strings', 'on'],
  ];
  const names = new Set(fixed.map(([name]) => name));
  const settings: Setting[] = [];
  for (const [name, value] of context.settings) {
    const lowered = name.toLowerCase();
    if (NOT_SETTINGS.has(lowered) || lowered.startsWith('_pq_.')) throw new RangeError('not a setting');
    if (!names.has(lowered)) settings.push([name, value]);
  }
  return [...fixed, ...settings];
}
