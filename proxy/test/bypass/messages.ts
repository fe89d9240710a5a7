/** The harness's messages in the short forms that cases are written in. */
import * as frontend from '#test/harness/frontend';
import type { Text, Value } from '#test/harness/frontend';

export const { copyData, copyDone, execute, flush, message, query, sync } = frontend;

export const parse = (sql: Text, name: Text = '', types: readonly number[] = []): Buffer =>
  frontend.parse(sql, { name, types });

export interface Binding {
  readonly portal?: Text;
  readonly statement?: Text;
  readonly values?: readonly Value[];
  /** 0 text, 1 binary; one for all columns. */
  readonly results?: 0 | 1;
}

export const bind = ({ results = 0, ...binding }: Binding = {}): Buffer =>
  frontend.bind({ ...binding, resultFormats: [results] });

export const describe_ = (kind: 'S' | 'P', name: Text = ''): Buffer =>
  kind === 'S' ? frontend.describeStatement(name) : frontend.describePortal(name);

export const close = (kind: 'S' | 'P', name: Text = ''): Buffer =>
  kind === 'S' ? frontend.closeStatement(name) : frontend.closePortal(name);

/** A whole extended round: Parse, Bind, Execute, Sync, all unnamed. */
export const extended = (sql: Text, values: readonly Value[] = []): readonly Buffer[] => [
  parse(sql),
  bind({ values }),
  execute(),
  sync(),
];
