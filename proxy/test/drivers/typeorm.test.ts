import 'reflect-metadata';
import { expect } from 'chai';
import { DataSource, EntitySchema, QueryFailedError } from 'typeorm';
import type { DataSourceOptions } from 'typeorm';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFixture } from './fixture.ts';
import type { DriverFixture } from './fixture.ts';

interface Author {
  id: number;
  name: string;
  books?: Book[];
}

interface Book {
  id: number;
  title: string;
  year: number | null;
  author?: Author;
}

interface Item {
  id: number;
  name: string;
  tags: string[] | null;
  doc: unknown;
  raw: Buffer | null;
  price: string | null;
  day: string | null;
  at: Date | null;
}

/* Schemas without decorators, which are no erasable syntax; the tables are there already. */
/* eslint-disable @typescript-eslint/no-unsafe-class-instance-assignment -- EntitySchemaOptions is a class in name only */
const AuthorEntity = new EntitySchema<Author>({
  name: 'author',
  tableName: 'authors',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    name: { type: 'varchar', length: 50, unique: true },
  },
  relations: { books: { type: 'one-to-many', target: 'book', inverseSide: 'author', cascade: ['insert'] } },
});

const BookEntity = new EntitySchema<Book>({
  name: 'book',
  tableName: 'books',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    title: { type: 'text' },
    year: { type: 'int', nullable: true },
  },
  relations: { author: { type: 'many-to-one', target: 'author', joinColumn: { name: 'author_id' }, nullable: false } },
});

const ItemEntity = new EntitySchema<Item>({
  name: 'item',
  tableName: 'items',
  columns: {
    id: { type: 'int', primary: true, generated: 'increment' },
    name: { type: 'text' },
    tags: { type: 'text', array: true, nullable: true },
    doc: { type: 'jsonb', nullable: true },
    raw: { type: 'bytea', nullable: true },
    price: { type: 'numeric', precision: 12, scale: 4, nullable: true },
    day: { type: 'date', nullable: true },
    at: { type: 'timestamptz', nullable: true },
  },
});

const SecretEntity = new EntitySchema<{ id: number; word: string }>({
  name: 'secret',
  tableName: 'secrets',
  columns: { id: { type: 'int', primary: true }, word: { type: 'text' } },
});

async function connect(fixture: DriverFixture, options: Partial<DataSourceOptions> = {}): Promise<DataSource> {
  const source = new DataSource({
    type: 'postgres',
    host: fixture.host,
    port: fixture.port,
    username: fixture.user,
    password: fixture.password,
    database: fixture.database,
    entities: [AuthorEntity, BookEntity, ItemEntity, SecretEntity],
    synchronize: false,
    installExtensions: false, // CREATE EXTENSION is no business of a user with named tables
    ...options,
  } as DataSourceOptions);
  return await source.initialize();
}

async function sqlstate(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof QueryFailedError) return (error.driverError as { code?: string }).code ?? 'no code';
    throw error;
  }
  return 'no error';
}

for (const major of [15, 18] as const) {
  describe(`TypeORM, PostgreSQL ${String(major)}`, function () {
    this.timeout(30_000);
    let fixture: DriverFixture;
    let source: DataSource;

    before(async function () {
      fixture = await startFixture(this, major);
      source = await connect(fixture);
    });
    after(async () => {
      await (source as DataSource | undefined)?.destroy();
      await (fixture as DriverFixture | undefined)?.stop();
    });

    it('connects over TLS with a verified certificate', async () => {
      const secured = await connect(fixture, {
        ssl: { ca: fixture.ca, servername: 'localhost' },
      });
      expect(await secured.getRepository(AuthorEntity).count()).to.be.a('number');
      await secured.destroy();
    });

    it('saves, finds, updates and removes by repository, relations included', async () => {
      const authors = source.getRepository(AuthorEntity);
      const saved = await authors.save({
        name: 'Lem',
        books: [
          { title: 'Solaris', year: 1961 },
          { title: 'Fiasko', year: null },
        ],
      } as Author);
      expect(saved.id).to.be.a('number');
      const found = await authors.findOneOrFail({ where: { name: 'Lem' }, relations: { books: true } });
      expect(found.books?.map(({ title }) => title).sort()).to.eql(['Fiasko', 'Solaris']);
      const books = source.getRepository(BookEntity);
      await books.update({ title: 'Fiasko' }, { year: 1986 });
      expect((await books.findOneByOrFail({ title: 'Fiasko' })).year).to.equal(1986);
      expect(
        await books.findAndCount({ where: { author: { name: 'Lem' } }, order: { year: 'DESC' }, take: 1 }),
      ).to.have.nested.property('[1]', 2);
      await books.delete({ author: { id: saved.id } });
      await authors.remove(found);
      expect(await authors.existsBy({ name: 'Lem' })).to.equal(false);
    });

    it('upserts, inserts many, counts and sums', async () => {
      const authors = source.getRepository(AuthorEntity);
      await authors.upsert([{ name: 'A' }, { name: 'B' }], ['name']);
      await authors.upsert([{ name: 'A' }], ['name']);
      expect(await authors.count()).to.equal(2);
      expect(await authors.maximum('id')).to.be.a('number');
      await source.createQueryBuilder().delete().from(AuthorEntity).execute();
    });

    it('builds joins, groups, subqueries and locks with QueryBuilder', async () => {
      await source.getRepository(AuthorEntity).save({
        name: 'Q',
        books: [
          { title: 'one', year: 1 },
          { title: 'two', year: 2 },
        ],
      } as Author);
      const builder = source.getRepository(AuthorEntity).createQueryBuilder('a').leftJoinAndSelect('a.books', 'b');
      const [author] = await builder.where('b.year >= :year', { year: 2 }).orderBy('b.year').take(5).getMany();
      expect(author?.books?.map(({ title }) => title)).to.eql(['two']);
      const grouped = await source
        .getRepository(BookEntity)
        .createQueryBuilder('b')
        .select('b.author_id', 'author')
        .addSelect('count(*)', 'n')
        .groupBy('b.author_id')
        .having('count(*) > 1')
        .getRawMany();
      expect(grouped).to.have.length(1);
      const recent = source.getRepository(BookEntity).createQueryBuilder('b');
      const newest = recent.where(`b.year = ${recent.subQuery().select('max(x.year)').from('book', 'x').getQuery()}`);
      expect((await newest.getOneOrFail()).title).to.equal('two');
      await source.transaction(async (manager) => {
        const locked = manager.getRepository(BookEntity).createQueryBuilder('b').setLock('pessimistic_write');
        expect(await locked.getMany()).to.have.length(2);
      });
      await source.createQueryBuilder().delete().from(BookEntity).execute();
      await source.createQueryBuilder().delete().from(AuthorEntity).execute();
    });

    it('keeps arrays, json, bytea, numeric, date and timestamptz', async () => {
      const items = source.getRepository(ItemEntity);
      const at = new Date('2024-02-29T12:34:56.789Z');
      const value = {
        name: 'typed',
        tags: ['a', 'b,c'],
        doc: { deep: [1, null] },
        raw: Buffer.from([0, 255, 1]),
        price: '1.5000',
        day: '2024-02-29',
        at,
      };
      const { id } = await items.save(value as Item);
      const found = await items.findOneByOrFail({ id });
      expect({ ...found, raw: found.raw?.toString('hex') }).to.eql({ ...value, id, raw: '00ff01' });
    });

    it('rolls a failed transaction back, and nests by savepoints', async () => {
      const attempt = source.transaction(async (manager) => {
        await manager.getRepository(AuthorEntity).insert({ name: 'lost' });
        await manager.getRepository(AuthorEntity).insert({ name: 'lost' });
      });
      expect(await sqlstate(attempt)).to.equal('23505');
      await source.transaction(async (outer) => {
        await outer.getRepository(AuthorEntity).insert({ name: 'kept' });
        const inner = outer.transaction((manager) => manager.query('select 1/0'));
        expect(await sqlstate(inner)).to.equal('22012');
      });
      expect((await source.getRepository(AuthorEntity).find()).map(({ name }) => name)).to.eql(['kept']);
    });

    it('streams a large result', async () => {
      const runner = source.createQueryRunner();
      let count = 0;
      for await (const row of await runner.stream("select n, repeat('x', 200) from generate_series(1, 5000) n"))
        if (row !== undefined) count++;
      expect(count).to.equal(5_000);
      await runner.release();
    });

    it('a refusal is 42501 in its own class, and the pool usable after', async () => {
      expect(await sqlstate(source.getRepository(SecretEntity).find())).to.equal('42501');
      expect(await sqlstate(source.query('select ssn from people'))).to.equal('42501');
      expect(await sqlstate(source.query('create table mine (id int)'))).to.equal('42501');
      expect(await source.query('select name from people where id = $1', [1])).to.eql([{ name: 'ada' }]);
    });

    it('a refusal inside a transaction rolls it back', async () => {
      const attempt = source.transaction(async (manager) => {
        await manager.getRepository(AuthorEntity).insert({ name: 'with a secret' });
        await manager.getRepository(SecretEntity).count();
      });
      expect(await sqlstate(attempt)).to.equal('42501');
      expect(await source.getRepository(AuthorEntity).existsBy({ name: 'with a secret' })).to.equal(false);
    });

    it('reconnects after its connections were killed', async () => {
      await source.query('select 1');
      await fixture.killLinks();
      await sleep(200);
      expect(await source.query('select 1 as one')).to.eql([{ one: 1 }]);
    });
  });
}
