import { expect } from 'chai';
import fc from 'fast-check';
import type { SnapshotBackend, SnapshotRule, SnapshotUser, SqlRule } from '../snapshot/types.ts';
import { compilePolicy, evaluate } from './evaluate.ts';
import type { AccessRequest, Action, Columns } from './request.ts';

/*
 * The reference: written from the words of design.md and of request.ts alone, by brute force, sharing no code with what
 * it judges. All names are made of a and b, of one to three letters, so every name that could matter can be tried.
 */

const UNIVERSE = ['a', 'b'].flatMap((one) => [
  one,
  ...['a', 'b'].flatMap((two) => [one + two, `${one}${two}a`, `${one}${two}b`]),
]);

function likes(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(name));
}

/** No star reaches what is the system's. */
function likesSchema(patterns: readonly string[], name: string): boolean {
  return /^pg_|^information_schema$/.test(name) ? patterns.includes(name) : likes(patterns, name);
}

function selectsObject(rule: SqlRule, { action, resource }: AccessRequest): boolean {
  if (!likes(rule.databases, resource.database)) return false;
  if (rule.actions.includes('admin')) return true;
  if (resource.kind === 'backend') return false;
  if (resource.kind === 'schema') return action === 'usage' && likesSchema(rule.schemas, resource.name);
  if (!rule.actions.includes(action)) return false;
  if (resource.schema === null ? !rule.schemas.includes('*') : !likesSchema(rule.schemas, resource.schema))
    return false;
  const selectors = { relation: rule.tables, function: rule.functions, sequence: rule.sequences, type: rule.types };
  return likes(selectors[resource.kind] ?? [], resource.name);
}

const holdsColumn = (rule: SqlRule, column: string): boolean =>
  rule.actions.includes('admin') || rule.columns === undefined || likes(rule.columns, column);
const holdsEveryColumn = (rule: SqlRule): boolean =>
  rule.actions.includes('admin') || rule.columns === undefined || rule.columns.includes('*');

/** One rule of the user, and if there is a ceiling, one of the ceiling: both say yes to the same question. */
function someRule(
  rules: readonly SnapshotRule[],
  request: AccessRequest,
  now: number,
  question: (...both: SqlRule[]) => boolean,
): boolean {
  return rules
    .filter((rule) => rule.expiresAt === undefined || now < rule.expiresAt)
    .some(({ sql, ceiling }) =>
      ceiling === undefined
        ? selectsObject(sql, request) && question(sql)
        : ceiling.some((top) => selectsObject(sql, request) && selectsObject(top, request) && question(sql, top)),
    );
}

/** A rule reaches into a schema when it allows something there: some action on some name of some kind. */
function allowsSomething(...both: SqlRule[]): boolean {
  const selects = (kind: 'tables' | 'functions' | 'sequences' | 'types', name: string): boolean =>
    both.every((rule) => rule.actions.includes('admin') || likes(rule[kind] ?? [], name));
  const shared = [...objectActions, 'admin' as const].some((action) =>
    both.every((rule) => rule.actions.includes('admin') || rule.actions.includes(action)),
  );
  const kinds = ['tables', 'functions', 'sequences', 'types'] as const;
  return shared && kinds.some((kind) => UNIVERSE.some((name) => selects(kind, name)));
}

function reference(rules: readonly SnapshotRule[], request: AccessRequest, now: number): boolean {
  const { resource, action } = request;
  if (resource.kind === 'schema') return someRule(rules, request, now, allowsSomething);
  if (resource.kind !== 'relation') return someRule(rules, request, now, () => true);
  const columns = action === 'delete' || action === 'truncate' ? 'all' : resource.columns;
  if (columns === 'all') return someRule(rules, request, now, (...both) => both.every(holdsEveryColumn));
  if (columns === 'any') {
    return someRule(rules, request, now, (...both) =>
      UNIVERSE.some((column) => both.every((rule) => holdsColumn(rule, column))),
    );
  }
  return columns.every((column) =>
    someRule(rules, request, now, (...both) => both.every((rule) => holdsColumn(rule, column))),
  );
}

// ---- what is judged ------------------------------------------------------------------------------------------------

const letters = fc.constantFrom('a', 'b', 'ab', 'ba');
/** At most one star and two letters: whatever two of them have in common shows within three letters. */
const pattern = fc.oneof({ weight: 3, arbitrary: letters }, fc.constantFrom('*', 'a*', 'b*', '*a', '*b', 'a*b', 'ab*'));
const selector = fc.uniqueArray(pattern, { minLength: 1, maxLength: 3 });
/** Where objects are: mostly the same place, or hardly any two rules would ever meet. */
const place = fc.constantFrom('a', 'a', 'a', 'b');
const places = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(['a'], ['*'], ['a', 'b']) }, selector);
/** The system's own schemas among them, by name and by patterns that would reach them if they were like others. */
const systemPlace = fc.constantFrom('pg_a', 'information_schema');
const schemaPlace = fc.oneof({ weight: 4, arbitrary: place }, systemPlace);
const schemaPlaces = fc.oneof(
  { weight: 4, arbitrary: places },
  fc.constantFrom(['pg_a'], ['pg_*'], ['*a', 'pg_a'], ['*', 'information_schema'], ['a', 'information*']),
);
const maybe = fc.option(fc.oneof(selector, fc.constant(['*'])), { nil: undefined, freq: 4 });

const objectActions: Action[] = ['select', 'insert', 'update', 'delete', 'truncate', 'execute', 'usage'];
const actions = fc.oneof(
  { weight: 8, arbitrary: fc.uniqueArray(fc.constantFrom(...objectActions), { minLength: 1, maxLength: 7 }) },
  { weight: 1, arbitrary: fc.constant<Action[]>(['admin']) },
);

function without<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as never;
}

const sqlRule: fc.Arbitrary<SqlRule> = fc
  .record({
    databases: places,
    schemas: schemaPlaces,
    tables: maybe,
    columns: maybe,
    functions: maybe,
    sequences: maybe,
    types: maybe,
    actions,
  })
  .map((rule) => without(rule) as SqlRule);

const times = fc.constantFrom(10, 20, 30);
const rule: fc.Arbitrary<SnapshotRule> = fc
  .record({
    permission: fc.constant('shop/p'),
    expiresAt: fc.option(times, { nil: undefined }),
    sql: sqlRule,
    ceiling: fc.option(fc.array(sqlRule, { maxLength: 3 }), { nil: undefined }),
  })
  .map((made) => without(made) as SnapshotRule);
const rules = fc.array(rule, { maxLength: 5 });

const columns: fc.Arbitrary<Columns> = fc.oneof(
  fc.constantFrom<Columns>('any', 'all'),
  fc.array(letters, { minLength: 1, maxLength: 3 }),
);
const schema = fc.option(schemaPlace, { nil: null, freq: 5 });
const anyAction = fc.constantFrom<Action>(...objectActions, 'references', 'admin');

const request: fc.Arbitrary<AccessRequest> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(anyAction, place, schema, letters, columns)
      .map(([action, database, inSchema, name, cols]): AccessRequest => ({
        action,
        resource: { kind: 'relation', database, schema: inSchema, name, columns: cols },
      })),
  },
  fc
    .tuple(
      anyAction,
      fc.constantFrom('function' as const, 'sequence' as const, 'type' as const),
      place,
      schema,
      letters,
    )
    .map(([action, kind, database, inSchema, name]): AccessRequest => ({
      action,
      resource: { kind, database, schema: inSchema, name },
    })),
  fc
    .tuple(fc.constantFrom<Action>('usage', 'usage', 'admin', 'select'), place, schemaPlace)
    .map(([action, database, name]): AccessRequest => ({ action, resource: { kind: 'schema', database, name } })),
  fc
    .tuple(anyAction, place)
    .map(([action, database]): AccessRequest => ({ action, resource: { kind: 'backend', database, what: 'DO' } })),
);
const requests = fc.oneof(
  request.map((one) => [one]),
  fc.array(request, { maxLength: 3 }),
);

const backend = { database: 'a' } as SnapshotBackend;

function judge(
  own: readonly SnapshotRule[],
  asked: readonly AccessRequest[],
  now: number,
): ReturnType<typeof evaluate> {
  const user = { name: 'u', enabled: true, rules: own } as unknown as SnapshotUser;
  return evaluate(compilePolicy(user, backend), asked, now);
}

const allows = (...of: Parameters<typeof judge>): boolean => judge(...of).outcome === 'allow';

describe('evaluate, against a reference by brute force', function () {
  this.timeout(60_000);

  it('allows what it allows, and refuses what it refuses', () => {
    let allowed = 0;
    fc.assert(
      fc.property(rules, requests, fc.constantFrom(5, 10, 15, 25, 35), (own, asked, now) => {
        const expected = asked.every((one) => reference(own, one, now));
        if (expected && asked.length > 0) allowed++;
        expect(allows(own, asked, now)).to.equal(expected);
      }),
      { numRuns: 6_000 },
    );
    expect(allowed, 'cases that were not refused').to.be.above(300);
  });

  it('lets no star reach a schema of the system', () => {
    const everywhere = (schemas: string[]): SnapshotRule[] => [
      { permission: 'shop/p', sql: { databases: ['a'], schemas, functions: ['*'], actions: ['execute'] } },
    ];
    const asked = (schema: string): AccessRequest[] => [
      { action: 'execute', resource: { kind: 'function', database: 'a', schema, name: 'pg_read_file' } },
    ];
    for (const schemas of [['*'], ['pg_*'], ['*g'], ['pg_catalo*', 'public'], ['information_schem*']]) {
      for (const schema of ['pg_catalog', 'information_schema', 'pg_temp', 'pg_toast']) {
        expect(allows(everywhere(schemas), asked(schema), 5), `${schemas.join()} ${schema}`).to.equal(false);
      }
    }
    expect(allows(everywhere(['*', 'pg_catalog']), asked('pg_catalog'), 5)).to.equal(true);
    expect(allows(everywhere(['pg_catalog']), asked('pg_catalog'), 5)).to.equal(true);
    expect(allows(everywhere(['*']), asked('pgx'), 5)).to.equal(true);
  });

  it('allows until the very moment at which the reference would refuse', () => {
    fc.assert(
      fc.property(rules, requests, (own, asked) => {
        const decision = judge(own, asked, 5);
        if (decision.outcome === 'deny') return;
        const ends = [10, 20, 30].find((time) => !asked.every((one) => reference(own, one, time))) ?? Infinity;
        expect(decision.until).to.equal(ends);
      }),
      { numRuns: 4_000 },
    );
  });

  it('names the first request that the reference refuses', () => {
    fc.assert(
      fc.property(rules, requests, (own, asked) => {
        const decision = judge(own, asked, 15);
        if (decision.outcome === 'allow') return;
        expect(decision.denial.request).to.equal(asked.find((one) => !reference(own, one, 15)));
        expect(decision.denial.message).to.match(/^user "u" may not /);
      }),
    );
  });

  it('tells expiry and missing consent from missing permission', () => {
    fc.assert(
      fc.property(rules, request, (own, asked) => {
        const decision = judge(own, [asked], 15);
        if (decision.outcome === 'allow') return;
        const eternal = own.map(({ expiresAt: _, ...rest }): SnapshotRule => rest);
        const consented = (list: readonly SnapshotRule[]): SnapshotRule[] =>
          list.map(({ ceiling: _, ...rest }): SnapshotRule => rest);
        const { reason } = decision.denial;
        if (reference(eternal, asked, 15)) expect(reason).to.equal('expired');
        else if (reference(consented(own), asked, 15)) expect(reason).to.equal('consent');
        else expect(reason).to.equal(reference(consented(eternal), asked, 15) ? 'expired' : 'permission');
      }),
      { numRuns: 3000 },
    );
  });
});

describe('evaluate', function () {
  this.timeout(60_000);

  it('gives the same answer whatever the order of the rules', () => {
    const shuffled = rules.chain((own) =>
      fc.tuple(fc.constant(own), fc.shuffledSubarray(own, { minLength: own.length })),
    );
    fc.assert(
      fc.property(shuffled, requests, ([own, other], asked) => {
        const [one, two] = [judge(own, asked, 5), judge(other, asked, 5)];
        expect(one.outcome).to.equal(two.outcome);
        if (one.outcome === 'allow' && two.outcome === 'allow') expect(one.until).to.equal(two.until);
        else expect(one).to.deep.equal(two);
      }),
    );
  });

  it('never allows less for a rule more', () => {
    fc.assert(
      fc.property(rules, rule, requests, (own, more, asked) => {
        if (allows(own, asked, 5)) expect(allows([...own, more], asked, 5)).to.equal(true);
      }),
    );
  });

  it('never allows more under a ceiling, nor with a ceiling of fewer rules', () => {
    fc.assert(
      fc.property(rules, fc.array(sqlRule, { maxLength: 3 }), sqlRule, requests, (own, ceiling, more, asked) => {
        const open = own.map(({ ceiling: _, ...rest }): SnapshotRule => rest);
        const narrow = open.map((one) => ({ ...one, ceiling }));
        const wider = open.map((one) => ({ ...one, ceiling: [...ceiling, more] }));
        if (allows(narrow, asked, 5)) expect(allows(wider, asked, 5)).to.equal(true);
        if (allows(wider, asked, 5)) expect(allows(open, asked, 5)).to.equal(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('never allows more as time goes by', () => {
    fc.assert(
      fc.property(rules, requests, (own, asked) => {
        for (const [early, late] of [
          [5, 10],
          [10, 20],
          [20, 30],
        ] as const) {
          if (allows(own, asked, late)) expect(allows(own, asked, early)).to.equal(true);
        }
      }),
    );
  });
});
