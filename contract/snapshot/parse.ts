import { z } from 'zod';
import { parsePattern } from '../policy/pattern.ts';
import { ACTIONS } from '../policy/rule.ts';
import { SNAPSHOT_FORMAT, type Snapshot } from './types.ts';

/** Bounds are generous: they keep a broken document from being believed, not a large installation from working. */
const text = (most: number): z.ZodString => z.string().min(1).max(most);
const name = text(63);
const reference = text(400);
const moment = z.number().int().min(0).max(8.64e15);
const milliseconds = z
  .number()
  .int()
  .min(0)
  .max(7 * 86_400_000);
const audit = z.enum(['none', 'denied', 'access', 'statements']);

const pattern = text(256).refine((source) => parsePattern(source) !== undefined, { error: 'malformed pattern' });
const patterns = z.array(pattern).min(1).max(256);

const sqlRule = z.strictObject({
  databases: patterns,
  schemas: patterns,
  tables: patterns.exactOptional(),
  columns: patterns.exactOptional(),
  functions: patterns.exactOptional(),
  sequences: patterns.exactOptional(),
  types: patterns.exactOptional(),
  actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length),
});

const rule = z.strictObject({
  permission: reference,
  expiresAt: moment.exactOptional(),
  sql: sqlRule,
  ceiling: z.array(sqlRule).max(4096).exactOptional(),
});

const user = z.strictObject({
  name,
  ref: reference,
  uid: reference,
  enabled: z.boolean(),
  expiresAt: moment.exactOptional(),
  verifier: text(512).exactOptional(),
  bound: z.literal(true).exactOptional(),
  limits: z.strictObject({
    connections: z.number().int().min(1).exactOptional(),
    statementsPerSecond: z.number().int().min(1).exactOptional(),
    burst: z.number().int().min(1).exactOptional(),
  }),
  audit: audit.exactOptional(),
  rules: z.array(rule).max(65_536),
});

const backend = z.strictObject({
  id: reference,
  protocol: z.literal('postgresql'),
  endpoints: z
    .array(
      z.strictObject({ name, host: text(253), port: z.number().int().min(1).max(65_535), role: z.literal('primary') }),
    )
    .length(1),
  database: name,
  searchPath: z.array(name).min(1).max(64),
  tls: z.strictObject({
    mode: z.enum(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']),
    ca: text(1_048_576).exactOptional(),
    allowCleartextPassword: z.boolean(),
  }),
  timeouts: z.strictObject({ connect: milliseconds, login: milliseconds, statement: milliseconds, idle: milliseconds }),
  audit,
  users: z.array(user).max(65_536).refine(distinct('name'), { error: 'two users of one name' }),
});

const snapshot: z.ZodType<Snapshot> = z.strictObject({
  format: z.literal(SNAPSHOT_FORMAT),
  scope: reference,
  backends: z.array(backend).max(4096).refine(distinct('id'), { error: 'two backends of one id' }),
});

/**
 * Reads what `serialiseSnapshot` wrote, believing nothing: unknown fields, malformed patterns and doubles are errors.
 * Throws SnapshotError, whose message names the place and never the value.
 */
export function parseSnapshot(json: string): Snapshot {
  const result = snapshot.safeParse(parseJson(json));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue?.path.map(String).join('.') ?? '';
  throw new SnapshotError(
    `the snapshot is not valid at ${place === '' ? 'its root' : place}: ${issue?.code ?? 'unknown'}`,
  );
}

export class SnapshotError extends Error {
  readonly code = 'SNAPSHOT_INVALID';
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SnapshotError';
  }
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    // It is not passed on: its message quotes the text around the error, and the text holds verifiers.
    throw new SnapshotError('the snapshot is not JSON');
  }
}

function distinct<Key extends string>(key: Key): (list: readonly Readonly<Record<Key, string>>[]) => boolean {
  return (list) => new Set(list.map((item) => item[key])).size === list.length;
}
