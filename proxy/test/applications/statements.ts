/** Statements in the manner of tools that are not run here, each as that tool writes it, and reports as people write them. */
export interface ApplicationStatement {
  readonly origin: string;
  readonly sql: string;
  /** Present: by the extended protocol, values as text. */
  readonly values?: readonly (string | null)[];
}

const by =
  (origin: string) =>
  (sql: string, ...values: readonly (string | null)[]): ApplicationStatement =>
    values.length === 0 ? { origin, sql } : { origin, sql, values };

const hibernate = by('Hibernate');
const rails = by('Rails, ActiveRecord');
const prisma = by('Prisma');
const sequelize = by('Sequelize');
const knex = by('Knex');
const drizzle = by('Drizzle');
const entity = by('EF Core, Npgsql');
const gorm = by('GORM');
const ecto = by('Ecto');
const laravel = by('Laravel, Eloquent');
const jooq = by('jOOQ');
const pgAdmin = by('pgAdmin');
const dbeaver = by('DBeaver, pgjdbc');
const report = by('a report');
const service = by('a service');

export const STATEMENTS: readonly ApplicationStatement[] = [
  hibernate(
    'select o1_0.id,o1_0.customer_id,o1_0.note,o1_0.status,o1_0.total,o1_0.version from orders o1_0 where o1_0.id=$1',
    '1',
  ),
  hibernate(
    'select c1_0.id,c1_0.city,c1_0.email,c1_0.name from customers c1_0 where c1_0.email=$1 fetch first $2 rows only',
    'ann@example.org',
    '1',
  ),
  hibernate(
    'select o1_0.id,c1_0.id,c1_0.name,o1_0.total from orders o1_0 left join customers c1_0 on c1_0.id=o1_0.customer_id where o1_0.total>$1 order by o1_0.id offset $2 rows fetch next $3 rows only',
    '10',
    '0',
    '5',
  ),
  hibernate('update orders set note=$1,total=$2,version=$3 where id=$4 and version=$5', 'h', '99.80', '2', '1', '1'),
  hibernate(
    `insert into orders (customer_id,note,status,total,version) values ($1,$2,'open',$3,1) returning id`,
    '2',
    'h',
    '12.00',
  ),
  hibernate('select count(*) from orders o1_0 where o1_0.customer_id in ($1,$2,$3)', '1', '2', '3'),
  hibernate(
    'select o1_0.id,i1_0.order_id,i1_0.line,i1_0.price,i1_0.product_id,i1_0.quantity from orders o1_0 join order_items i1_0 on o1_0.id=i1_0.order_id where o1_0.id=$1',
    '1',
  ),
  hibernate('select o1_0.id from orders o1_0 where o1_0.id=$1 for no key update', '1'),
  rails(
    'SELECT "orders".* FROM "orders" WHERE "orders"."customer_id" = $1 ORDER BY "orders"."id" ASC LIMIT $2',
    '1',
    '1',
  ),
  rails('SELECT 1 AS one FROM "customers" WHERE "customers"."email" = $1 LIMIT $2', 'ann@example.org', '1'),
  rails(
    'SELECT COUNT(*) FROM "orders" INNER JOIN "customers" ON "customers"."id" = "orders"."customer_id" WHERE "customers"."city" = $1',
    'Oslo',
  ),
  rails(
    `INSERT INTO "orders" ("customer_id", "status", "total", "note") VALUES ($1, $2, $3, $4) RETURNING "id"`,
    '1',
    'open',
    '3.5',
    null,
  ),
  rails(
    'SELECT "products".* FROM "products" WHERE "products"."id" IN ($1, $2) ORDER BY "products"."title" DESC',
    '1',
    '2',
  ),
  rails(
    'SELECT SUM("orders"."total") AS "sum_total", "orders"."status" AS "orders_status" FROM "orders" GROUP BY "orders"."status" ORDER BY "orders"."status"',
  ),
  rails(
    `SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull, a.atttypid, a.atttypmod, c.collname, col_description(a.attrelid, a.attnum) AS comment, attidentity AS identity, attgenerated as attgenerated FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum LEFT JOIN pg_type t ON a.atttypid = t.oid LEFT JOIN pg_collation c ON a.attcollation = c.oid AND a.attcollation <> t.typcollation WHERE a.attrelid = '"orders"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
  ),
  rails(
    `SELECT t.oid, t.typname, t.typelem, t.typdelim, t.typinput, r.rngsubtype, t.typtype, t.typbasetype FROM pg_type as t LEFT JOIN pg_range as r ON oid = rngtypid WHERE t.typname IN ('int2', 'int4', 'text', 'jsonb')`,
  ),
  prisma(
    'SELECT "public"."orders"."id", "public"."orders"."customer_id", "public"."orders"."total", "public"."orders"."status"::text FROM "public"."orders" WHERE ("public"."orders"."customer_id" = $1 AND 1=1) ORDER BY "public"."orders"."id" ASC LIMIT $2 OFFSET $3',
    '1',
    '10',
    '0',
  ),
  prisma(
    'SELECT "public"."customers"."id", "public"."customers"."name", "public"."customers"."email" FROM "public"."customers" WHERE ("public"."customers"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3',
    'bob@example.org',
    '1',
    '0',
  ),
  prisma(
    'INSERT INTO "public"."orders" ("customer_id","status","total","version") VALUES ($1,CAST($2::text AS "public"."order_status"),$3,$4) RETURNING "public"."orders"."id", "public"."orders"."status"::text',
    '1',
    'paid',
    '9',
    '1',
  ),
  prisma(
    'SELECT COUNT(*) FROM (SELECT "public"."orders"."id" FROM "public"."orders" WHERE 1=1 OFFSET $1) AS "sub"',
    '0',
  ),
  prisma(
    'UPDATE "public"."orders" SET "note" = $1 WHERE ("public"."orders"."id" = $2 AND 1=1) RETURNING "public"."orders"."id", "public"."orders"."note"',
    'p',
    '2',
  ),
  prisma(
    'SELECT "t1"."id", "t1"."title", "t1"."attributes" FROM "public"."products" AS "t1" WHERE ("t1"."attributes"#>ARRAY[$1]::text[])::jsonb = $2::jsonb',
    'colour',
    '"red"',
  ),
  sequelize(
    `SELECT "id", "sku", "title" FROM "products" AS "Product" WHERE "Product"."title" ILIKE '%chair%' LIMIT 10;`,
  ),
  sequelize(
    `SELECT count(*) AS "count" FROM "orders" AS "Order" WHERE "Order"."placed_at" BETWEEN '2026-01-01' AND '2026-02-28';`,
  ),
  sequelize(
    `INSERT INTO "sessions" ("token","data","expires_at") VALUES ($1,$2,$3) ON CONFLICT ("token") DO UPDATE SET "data"=EXCLUDED."data","expires_at"=EXCLUDED."expires_at" RETURNING "token";`,
    't2',
    '\\x01',
    '2031-01-01',
  ),
  sequelize(
    `SELECT "Order"."id", "items"."line" AS "items.line", "items->product"."title" AS "items.product.title" FROM "orders" AS "Order" LEFT OUTER JOIN "order_items" AS "items" ON "Order"."id" = "items"."order_id" LEFT OUTER JOIN "products" AS "items->product" ON "items"."product_id" = "items->product"."id" ORDER BY "Order"."id", "items"."line";`,
  ),
  knex(
    'select "o"."id", "c"."name" from "orders" as "o" inner join "customers" as "c" on "c"."id" = "o"."customer_id" where "o"."status" = $1 order by "o"."total" desc limit $2',
    'open',
    '3',
  ),
  knex('insert into "orders" ("customer_id", "total") values ($1, $2), ($3, $4) returning "id"', '1', '1', '2', '2'),
  knex('delete from "sessions" where "expires_at" < CURRENT_TIMESTAMP'),
  drizzle(
    'select "id", "name", "email" from "customers" where ("customers"."city" = $1 and "customers"."email" is not null) order by "customers"."name"',
    'Oslo',
  ),
  drizzle(
    `select "orders"."id", "orders_items"."data" as "items" from "orders" "orders" left join lateral (select coalesce(json_agg(json_build_array("orders_items"."line", "orders_items"."quantity")), '[]'::json) as "data" from "order_items" "orders_items" where "orders_items"."order_id" = "orders"."id") "orders_items" on true order by "orders"."id"`,
  ),
  entity(
    'SELECT o."id", o."total", c."name" FROM orders AS o INNER JOIN customers AS c ON o."customer_id" = c."id" WHERE o."total" > $1 ORDER BY o."id" LIMIT $2',
    '20',
    '5',
  ),
  entity('UPDATE orders SET "note" = $1 WHERE "id" = $2 AND "version" = $3', 'ef', '3', '1'),
  entity('SELECT EXISTS (SELECT 1 FROM orders AS o WHERE o."customer_id" = $1)', '1'),
  entity(
    `SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid FROM (SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind, elemtyp.oid AS elemtypoid FROM (SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid, CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = typ.elemoid) AS t JOIN pg_namespace AS ns ON (ns.oid = typnamespace) WHERE typtype IN ('b', 'r', 'm', 'e', 'd') ORDER BY t.oid LIMIT 20`,
  ),
  entity(
    `SELECT pg_type.oid, enumlabel FROM pg_enum JOIN pg_type ON pg_type.oid=enumtypid ORDER BY oid, enumsortorder`,
  ),
  gorm('SELECT * FROM "orders" WHERE "orders"."id" = $1 ORDER BY "orders"."id" LIMIT 1', '1'),
  gorm(
    'SELECT "customers"."id","customers"."name","customers"."email" FROM "customers" WHERE city = $1 ORDER BY "customers"."id" LIMIT 1',
    'Oslo',
  ),
  gorm(
    'INSERT INTO "sessions" ("token","data","expires_at") VALUES ($1,$2,$3) ON CONFLICT DO NOTHING',
    't1',
    '\\x00',
    '2031-01-01',
  ),
  ecto(
    'SELECT o0."id", o0."total", o0."status" FROM "orders" AS o0 WHERE (o0."customer_id" = ANY($1)) ORDER BY o0."id"',
    '{1,2}',
  ),
  ecto(
    'SELECT c0."name", sum(o1."total") FROM "customers" AS c0 LEFT OUTER JOIN "orders" AS o1 ON o1."customer_id" = c0."id" GROUP BY c0."name" HAVING (sum(o1."total") > 1) ORDER BY c0."name"',
  ),
  ecto(
    `SELECT s0."id" FROM (SELECT so0."id" AS "id", row_number() OVER (PARTITION BY so0."customer_id" ORDER BY so0."placed_at" DESC) AS "n" FROM "orders" AS so0) AS s0 WHERE (s0."n" = 1) ORDER BY s0."id"`,
  ),
  laravel('select * from "products" where "price" > $1 order by "price" asc limit 15 offset 0', '10'),
  laravel('select count(*) as aggregate from "orders" where "orders"."note" is null'),
  laravel('select exists(select * from "orders" where "status" = $1) as "exists"', 'open'),
  laravel(
    `select "customers"."id", "customers"."name", (select count(*) from "orders" where "customers"."id" = "orders"."customer_id") as "orders_count" from "customers" order by "customers"."id"`,
  ),
  jooq(
    'select "public"."orders"."id", "public"."orders"."total" from "public"."orders" where ("public"."orders"."id", "public"."orders"."customer_id") in ((1, 1), (3, 2)) order by "public"."orders"."id"',
  ),
  jooq(
    'insert into "public"."order_items" ("order_id", "line", "product_id", "quantity", "price") values ($1, $2, $3, $4, $5) on conflict ("order_id", "line") do update set "quantity" = "excluded"."quantity"',
    '1',
    '1',
    '1',
    '3',
    '49.90',
  ),
  jooq(
    'select "t"."id" from (select "public"."orders"."id", rank() over (order by "public"."orders"."total" desc) as "r" from "public"."orders") as "t" where "t"."r" <= 2 order by 1',
  ),
  pgAdmin('SELECT version()'),
  pgAdmin(
    `SELECT db.oid AS did, db.datname, db.datallowconn, pg_catalog.pg_encoding_to_char(db.encoding) AS serverencoding, pg_catalog.has_database_privilege(db.oid, 'CREATE') AS cancreate FROM pg_catalog.pg_database db WHERE db.datname = current_database()`,
  ),
  pgAdmin(
    `SELECT nsp.oid, nsp.nspname AS name FROM pg_catalog.pg_namespace nsp WHERE nspname NOT LIKE E'pg\\\\_%' ORDER BY nspname`,
  ),
  pgAdmin(
    `SELECT rel.oid, rel.relname AS name FROM pg_catalog.pg_class rel WHERE rel.relkind IN ('r', 's', 't', 'p') AND rel.relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'public') ORDER BY rel.relname`,
  ),
  dbeaver('SHOW TRANSACTION ISOLATION LEVEL'),
  dbeaver(`SET extra_float_digits = 3`),
  dbeaver(
    `SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME, CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE NULL END AS TABLE_TYPE, d.description AS REMARKS FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 and d.classoid = 'pg_class'::regclass) WHERE c.relnamespace = n.oid AND n.nspname = 'public' AND c.relkind IN ('r', 'v') ORDER BY TABLE_TYPE, TABLE_SCHEM, TABLE_NAME`,
  ),
  dbeaver(
    `SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public' AND table_name = 'orders' ORDER BY ordinal_position`,
  ),
  report(`select date_trunc('month', placed_at) as month, count(*), sum(total) from orders group by 1 order by 1`),
  report(
    `select c.city, sum(o.total) filter (where o.status = 'paid') as paid, count(distinct c.id) as customers from customers c join orders o on o.customer_id = c.id group by c.city order by 1`,
  ),
  report(
    `with monthly as (select date_trunc('month', o.placed_at) as month, sum(o.total) as total from orders o group by 1) select month, total, total - lag(total) over (order by month) as change, sum(total) over (order by month rows unbounded preceding) as running from monthly order by month`,
  ),
  report(
    `with recursive tree as (select id, name, 1 as depth from categories where parent_id is null union all select c.id, c.name, t.depth + 1 from categories c join tree t on c.parent_id = t.id) select repeat('  ', depth - 1) || name as name from tree order by id`,
  ),
  report(
    `select p.title, rank() over w, percent_rank() over w from products p window w as (order by p.price desc) order by 1`,
  ),
  report(
    `select status, grouping(status), count(*), round(avg(total), 2) from orders group by rollup (status) order by 2, 1`,
  ),
  report(
    `select d::date as day, coalesce(count(o.id), 0) from generate_series('2026-02-01'::date, '2026-02-03', interval '1 day') d left join orders o on o.placed_at::date = d::date group by 1 order by 1`,
  ),
  report(
    `select percentile_cont(0.5) within group (order by total), mode() within group (order by status) from orders`,
  ),
  report(
    `select c.name, latest.id, latest.total from customers c left join lateral (select o.id, o.total from orders o where o.customer_id = c.id order by o.placed_at desc limit 1) latest on true order by c.id`,
  ),
  report(
    `select distinct on (o.customer_id) o.customer_id, o.id, o.total from orders o order by o.customer_id, o.placed_at desc`,
  ),
  report(`select c.name, order_total(o.id) from orders o join customers c on c.id = o.customer_id order by o.id`),
  report(
    `select extract(dow from placed_at)::int as dow, to_char(placed_at, 'YYYY-MM') as month, age(placed_at, '2026-01-01'::timestamptz) from orders order by id`,
  ),
  report(
    `(select 'customers' as what, count(*) from customers) union all (select 'orders', count(*) from orders) order by 1`,
  ),
  report(`select open_orders.customer_id, sum(open_orders.total) from open_orders group by 1 order by 1`),
  service(
    `select id, attributes ->> 'colour' as colour, attributes -> 'size' ->> 'w' as w from products where attributes @> '{"legs": 4}' order by id`,
  ),
  service(
    `select p.id, a.key, a.value from products p cross join lateral jsonb_each_text(p.attributes) a order by 1, 2`,
  ),
  service(
    `select title from products where search @@ websearch_to_tsquery('simple', $1) order by ts_rank(search, websearch_to_tsquery('simple', $1)) desc`,
    'chair',
  ),
  service(`select id, tags[1], array_length(tags, 1), 'wood' = any (tags) from products order by id`),
  service(`select t.tag, count(*) from products p, unnest(p.tags) as t (tag) group by t.tag order by 1`),
  service(
    'select id, total from orders where (placed_at, id) > ($1, $2) order by placed_at, id limit 2',
    '2026-02-01',
    '1',
  ),
  service(
    `insert into customers (name, email, city) values ($1, $2, $3) on conflict (email) do update set name = excluded.name, city = excluded.city returning id, name`,
    'Dee',
    'dee@example.org',
    'Bern',
  ),
  service(
    `update orders set status = 'shipped'::order_status, version = version + 1 where id = $1 and status = 'paid' returning id, status`,
    '2',
  ),
  service(
    `with picked as (select id from orders where status = 'open' order by id for update skip locked limit 1) update orders o set note = 'picked' from picked where o.id = picked.id returning o.id`,
  ),
  service(`delete from order_items where order_id = $1 and line = $2`, '4', '1'),
  service(
    `insert into order_items (order_id, line, product_id, quantity, price) select 4, row_number() over (order by p.id), p.id, 1, p.price from products p where p.price < 60`,
  ),
  service(
    `merge into sessions s using (values ('t1', '2032-01-01'::timestamptz), ('t9', '2032-01-01'::timestamptz)) v (token, expires_at) on s.token = v.token when matched then update set expires_at = v.expires_at when not matched then insert (token, expires_at) values (v.token, v.expires_at)`,
  ),
  service(
    `select coalesce(nullif(o.note, ''), 'none'), case when o.total > 50 then 'big' else 'small' end from orders o order by o.id`,
  ),
  service(
    `select count(*) over () as total, p.id, p.title from products p where lower(p.title) like '%' || lower($1) || '%' order by p.id limit 2`,
    'a',
  ),
  service(
    `select json_build_object('id', o.id, 'items', (select json_agg(json_build_object('line', i.line, 'title', p.title) order by i.line) from order_items i join products p on p.id = i.product_id where i.order_id = o.id)) from orders o order by o.id`,
  ),
  service(
    `select customers.id, customers.name from customers where customers.id in (select orders.customer_id from orders where orders.total >= 100)`,
  ),
  service(`select encode(data, 'hex'), length(data), md5(token) from sessions where token = 't1'`),
  service(`select string_agg(distinct status::text, ',' order by status::text) from orders`),
  service(
    'select now() > $1::timestamptz, current_date > $2::date, gen_random_uuid() is not null',
    '2020-01-01',
    '2020-01-01',
  ),
  service(`begin; insert into orders (customer_id, total) values (1, 1); rollback`),
  service(`begin; savepoint a; update orders set note = 's' where id = 1; rollback to a; release a; commit`),
  service(`begin isolation level repeatable read read only; select count(*) from orders; commit`),
  service(
    `prepare by_customer (int) as select id from orders where customer_id = $1 order by id; execute by_customer (1); deallocate by_customer`,
  ),
  service(
    `begin; declare c cursor for select id from orders order by id; fetch 2 from c; move 1 in c; close c; commit`,
  ),
  service(`explain (costs off) select id from orders where customer_id = 1`),
  service(`copy (select o.id, o.total from orders o order by o.id) to stdout with (format csv, header)`),
  service(`copy orders (id, total) to stdout`),
  service(`set statement_timeout = '5s'; set application_name = 'shop'; set timezone = 'UTC'; show application_name`),
  service(`set local lock_timeout = '1s'; set session characteristics as transaction isolation level read committed`),
  service('select 1'),
  service(''),
  service('select current_user is not null, current_database(), current_schema()'),
  service(`select nextval('orders_id_seq') > 0, lastval() > 0, currval('orders_id_seq') > 0`),
];
