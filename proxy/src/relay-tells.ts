/** What of the server's own messages a user may read: an error's DETAIL can hold rows that no rule lets it see. */
import { evaluate } from '#contract/policy/evaluate';
import type { AccessRequest } from '#contract/policy/request';
import type { BoundUser } from './snapshot/directory.ts';

export interface RelationName {
  readonly database: string;
  readonly schema: string;
  readonly name: string;
}

export function mayReadWhole(user: BoundUser, { database, schema, name }: RelationName, now: number): boolean {
  const resource = { kind: 'relation', database, schema, name, columns: 'all' } as const;
  return evaluate(user.policy, [{ action: 'select', resource }], now).outcome === 'allow';
}

/** A relation that no rule can name: only one for all relations of all schemas allows it. */
const anyRelation = (database: string): AccessRequest => ({
  action: 'select',
  resource: { kind: 'relation', database, schema: null, name: '\0', columns: 'all' },
});

export const mayReadAll = (user: BoundUser, database: string, now: number): boolean =>
  evaluate(user.policy, [anyRelation(database)], now).outcome === 'allow';
