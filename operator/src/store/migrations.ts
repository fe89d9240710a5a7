export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** In order, without gaps. Held in code and not in .sql files, so that a bundle has them. */
export const MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: 'revisions',
    sql: `
      create table articdbm.office (
        -- one row: the term of the newest leader that wrote here
        single boolean primary key default true check (single),
        term bigint not null
      );
      insert into articdbm.office (term) values (0);
      create table articdbm.revisions (
        scope text not null,
        revision bigint not null,
        term bigint not null,
        who text not null,
        why text not null,
        at timestamptz not null,
        digest text not null,
        -- as compiled, without verifiers
        document jsonb not null,
        primary key (scope, revision)
      );
    `,
  },
];
