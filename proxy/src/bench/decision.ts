import { randomBytes } from 'node:crypto';
import type { SnapshotBackend, SnapshotUser } from '#contract/snapshot/types';
import { compilePolicy } from '#contract/policy/evaluate';
import { InspectionCache } from '../relay-inspections.ts';
import { judge } from '../relay-judge.ts';
import { createSqlParser } from '../parser/parser.ts';
import type { BoundUser } from '../snapshot/directory.ts';
import type { ResolutionState } from '../sql/inspection.ts';
import { median } from './statistics.ts';

const STATE: ResolutionState = {
  id: 'bench',
  database: 'postgres',
  major: 18,
  path: ['public'],
  outside: { generation: 1, functions: new Map(), operators: new Map(), types: new Map() },
};

const REPEATS = 200_000;
const ROUNDS = 7;

/** Nanoseconds from the bytes of a known statement to its decision: look it up by its shape, judge it by the policy at hand. */
export async function cachedDecision(user: SnapshotUser, backend: SnapshotBackend): Promise<number> {
  const parser = createSqlParser();
  const inspections = new InspectionCache(parser, 8 * 1024 * 1024);
  const bound: BoundUser = {
    user,
    backend,
    revision: 1,
    audit: 'access',
    policy: compilePolicy(user, backend),
    decisions: new WeakMap(),
  };
  const texts = Array.from({ length: 100 }, () => {
    const account = randomBytes(2).readUInt16BE();
    return Buffer.from(`SELECT abalance FROM pgbench_accounts WHERE aid = ${account};`);
  });
  const decide = (bytes: Buffer): boolean => {
    const inspection = inspections.of(inspections.text(bytes), STATE);
    if (inspection instanceof Promise || !inspection.understood) throw new Error('not understood');
    return judge(bound, [{ statements: inspection.statements }], 0).allowed;
  };
  await parser.parse(18, texts[0] ?? Buffer.alloc(0));
  if (!texts.every(decide)) throw new Error('the statement that is timed is refused');
  const rounds = Array.from({ length: ROUNDS }, () => {
    const started = process.hrtime.bigint();
    for (let index = 0; index < REPEATS; index += 1) decide(texts[index % texts.length] ?? Buffer.alloc(0));
    return Number(process.hrtime.bigint() - started) / REPEATS;
  });
  await parser.close();
  return median(rounds);
}
