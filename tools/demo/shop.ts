import pg from 'pg';
import type { PostgresServer } from '#test/harness/postgres-server';

/** The shared login's, as in docs/examples/shop/backend.yaml. */
const LOGIN = { user: 'shop_login', password: 'the-shared-login' };

const SCHEMA = `
create table customers (
  id int primary key generated always as identity,
  name text not null, email text not null, ssn text not null, country text not null, since date not null);
create table products (id int primary key generated always as identity, title text not null, price numeric not null);
create table orders (
  id int primary key generated always as identity, customer_id int not null references customers,
  placed timestamptz not null default now());
create table order_items (
  order_id int not null references orders, product_id int not null references products, quantity int not null);
create table baskets (customer_id int references customers, product_id int references products, quantity int);
create function order_total(int) returns numeric stable language sql as
  'select sum(quantity * price) from order_items join products on product_id = products.id where order_id = $1';

insert into customers (name, email, ssn, country, since) values
  ('Aino Virtanen', 'aino@example.fi', '131052-308T', 'FI', '2021-03-04'),
  ('Bruno Costa', 'bruno@example.pt', '29912345678', 'PT', '2022-11-20'),
  ('Chiara Rossi', 'chiara@example.it', 'RSSCHR80A41F205X', 'IT', '2023-01-09'),
  ('Eero Laine', 'eero@example.fi', '010190-123A', 'FI', '2024-06-30');
insert into products (title, price) values ('lantern', 24.50), ('ice axe', 89.00), ('wool socks', 12.00);
insert into orders (customer_id) values (1), (1), (2), (3);
insert into order_items values (1, 1, 2), (1, 3, 4), (2, 2, 1), (3, 3, 6), (4, 1, 1), (4, 2, 1);
`;

/** The database with its data, owned by an ordinary role that is no superuser: the login that the proxy shares. */
export async function createShop(server: PostgresServer): Promise<void> {
  const { host, port, user, password } = server;
  const admin = new pg.Client({ host, port, user, password, database: 'postgres' });
  await admin.connect();
  await admin.query(`create role ${LOGIN.user} login password '${LOGIN.password}'`);
  await admin.query(`create database shop owner ${LOGIN.user}`);
  await admin.end();
  const owner = new pg.Client({ host, port, ...LOGIN, database: 'shop' });
  await owner.connect();
  await owner.query(SCHEMA);
  await owner.end();
}
