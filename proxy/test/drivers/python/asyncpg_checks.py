"""asyncpg through the proxy."""

import asyncio
import datetime
import decimal
import json
import ssl

import asyncpg

from checks import ALL_BYTES, DOCUMENT, ITEM_COUNT, KILL, TAGS, Environment, equal, say


async def connect(**options):
    return await asyncpg.connect(**{"ssl": False, "timeout": 10, **options})


class Session:
    """A connection for the length of a `with` block."""

    def __init__(self, **options):
        self.options = options

    async def __aenter__(self):
        self.connection = await connect(**self.options)
        return self.connection

    async def __aexit__(self, *_):
        if not self.connection.is_closed():
            await self.connection.close(timeout=5)


async def usable(connection):
    equal(await connection.fetchval("select count(*) from people"), 2)


async def refused(awaitable, error=asyncpg.InsufficientPrivilegeError):
    try:
        await awaitable
    except error:
        return
    raise AssertionError("not refused")


async def tls():
    async with Session(ssl=ssl.create_default_context(cafile=Environment.ca_file)) as connection:
        await usable(connection)
    await refused(connect(ssl=ssl.create_default_context()), ssl.SSLCertVerificationError)


async def round_trip():
    async with Session() as connection:
        at = datetime.datetime(2024, 2, 29, 12, 34, 56, 789123, tzinfo=datetime.timezone.utc)
        row = ("typed", decimal.Decimal("12345678.1234"), datetime.date(2024, 2, 29), at, True, None)
        text = (
            "insert into items (name, price, day, at, ok, raw) values ($1, $2, $3, $4, $5, $6)"
            " returning name, price, day, at, ok, raw"
        )
        equal(tuple(await connection.fetchrow(text, *row)), row)


async def arrays():
    async with Session() as connection:
        row = (TAGS, [1, None, -3])
        text = "insert into items (name, tags, counts) values ('arrays', $1, $2) returning tags, counts"
        equal(tuple(await connection.fetchrow(text, *row)), row)
        found = await connection.fetch("select id from people where id = any($1::int[]) order by id", [1, 2, 9])
        equal([record["id"] for record in found], [1, 2])


async def json_values():
    async with Session() as connection:
        for name in ("json", "jsonb"):  # asks the catalog about the type
            await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
        text = "insert into items (name, doc, plain) values ('json', $1, $2) returning doc, plain"
        equal(tuple(await connection.fetchrow(text, DOCUMENT, DOCUMENT)), (DOCUMENT, DOCUMENT))


async def binary_values():
    async with Session() as connection:
        equal(await connection.fetchval("insert into items (name, raw) values ('raw', $1) returning raw", ALL_BYTES), ALL_BYTES)


async def prepared():
    async with Session() as connection:
        statement = await connection.prepare("select id, name from people where id = $1")
        equal([attribute.name for attribute in statement.get_attributes()], ["id", "name"])
        for number in (1, 2, 1):
            equal(await statement.fetchval(number), number)


async def batch():
    async with Session() as connection:
        await connection.execute("truncate bulk")
        await connection.executemany("insert into bulk values ($1, $2)", [(n, f"p{n}") for n in range(200)])
        equal(await connection.fetchval("select count(*) from bulk"), 200)
        many = await connection.fetchmany("insert into bulk values ($1, $2) returning id", [(n, "x") for n in range(1000, 1010)])
        equal([record["id"] for record in many], list(range(1000, 1010)))


async def batch_error():
    async with Session() as connection:
        await connection.execute("truncate bulk")
        rows = [(1, "a"), (2, "b"), (1, "twice")]
        await refused(connection.executemany("insert into bulk values ($1, $2)", rows), asyncpg.UniqueViolationError)
        equal(await connection.fetchval("select count(*) from bulk"), 0)
        await refused(connection.executemany("insert into secrets values ($1, $2)", rows))
        await usable(connection)


async def copy():
    rows = [(n, f"payload {n}\t\\ü") for n in range(ITEM_COUNT)]
    async with Session() as connection:
        await connection.execute("truncate bulk")
        equal(await connection.copy_records_to_table("bulk", records=rows), f"COPY {ITEM_COUNT}")
        size = 0

        async def count(data):
            nonlocal size
            size += len(data)

        equal(await connection.copy_from_query("select id, payload from bulk where id >= $1", 0, output=count), f"COPY {ITEM_COUNT}")
        assert size > ITEM_COUNT * 10
        await connection.copy_from_table("bulk", output=count, format="binary")
        await refused(connection.copy_from_table("secrets", output=count))
        await usable(connection)


async def portions():
    async with Session() as connection:
        async with connection.transaction():
            total = 0
            async for record in connection.cursor("select n, repeat('x', 500) from generate_series(1, 20000) n", prefetch=500):
                total += record[0]
            equal(total, 20000 * 20001 // 2)
            cursor = await connection.cursor("select n from generate_series(1, 10) n")
            await cursor.forward(3)
            equal([record[0] for record in await cursor.fetch(2)], [4, 5])
        await usable(connection)


async def cancel():
    async with Session() as connection:
        task = asyncio.create_task(connection.execute("select pg_sleep(30)"))
        await asyncio.sleep(0.3)
        task.cancel()
        await refused(task, asyncio.CancelledError)
        await usable(connection)
        await refused(connection.execute("select pg_sleep(30)", timeout=0.3), asyncio.TimeoutError)
        await usable(connection)


async def failed_transaction():
    async with Session() as connection:

        async def twice():
            async with connection.transaction():
                await connection.execute("insert into bulk values (-1, 'gone')")
                await connection.execute("insert into bulk values (-1, 'twice')")

        await refused(twice(), asyncpg.UniqueViolationError)
        equal(await connection.fetchval("select count(*) from bulk where id = -1"), 0)


async def savepoints():
    async with Session() as connection:
        outer = connection.transaction()
        await outer.start()
        await connection.execute("insert into bulk values (-2, 'stays')")

        async def divide():
            async with connection.transaction():
                await connection.execute("select 1/0")

        await refused(divide(), asyncpg.DivisionByZeroError)
        equal(await connection.fetchval("select count(*) from bulk where id = -2"), 1)
        await outer.rollback()


async def commit():
    async with Session() as connection, Session() as other:
        seen = "select count(*) from bulk where id = -3"
        await connection.execute("delete from bulk where id = -3")
        async with connection.transaction(isolation="repeatable_read"):
            await connection.execute("insert into bulk values (-3, 'seen')")
            equal(await other.fetchval(seen), 0)
        equal(await other.fetchval(seen), 1)


async def refused_table():
    async with Session() as connection:
        await refused(connection.fetch("select * from secrets"))
        await refused(connection.fetch("select word from secrets where id = $1", 1))
        await refused(connection.execute("select word from secrets"))
        await usable(connection)


async def refused_column():
    async with Session() as connection:
        await refused(connection.fetch("select ssn from people"))
        await refused(connection.fetch("select * from people"))
        await usable(connection)


async def refused_in_transaction():
    async with Session() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await refused(connection.fetch("select word from secrets"))
        await refused(connection.fetch("select 1"), asyncpg.InFailedSQLTransactionError)
        await transaction.rollback()
        await usable(connection)


async def notifications():
    async with Session(user=Environment.boss) as connection:
        heard = asyncio.get_running_loop().create_future()
        await connection.add_listener("news", lambda *event: heard.set_result(event))
        await connection.execute("select pg_notify('news', 'hello')")
        _, _, channel, payload = await asyncio.wait_for(heard, 5)
        equal((channel, payload), ("news", "hello"))
        await connection.reset()


async def reconnect():
    async with asyncpg.create_pool(ssl=False, min_size=1, max_size=2) as pool:
        equal(await pool.fetchval("select count(*) from people"), 2)
        superuser = await asyncpg.connect(Environment.superuser_url)
        await superuser.execute(KILL)
        await superuser.close()
        await asyncio.sleep(0.2)
        equal(await pool.fetchval("select count(*) from people"), 2)


async def wrong_password():
    await refused(connect(password="wrong"), asyncpg.InvalidPasswordError)


async def many():
    async with asyncpg.create_pool(ssl=False, min_size=10, max_size=10) as pool:
        counts = await asyncio.gather(*(pool.fetchval("select count(*) from people") for _ in range(50)))
        equal(set(counts), {2})


CHECKS = {
    "TLS with a verified certificate, and none without": tls,
    "numbers, dates and NULL there and back": round_trip,
    "arrays": arrays,
    "json and jsonb": json_values,
    "bytea": binary_values,
    "a prepared statement, used again": prepared,
    "a batch or pipeline": batch,
    "an error in a batch leaves the session usable": batch_error,
    "COPY in and out": copy,
    "a large result in portions": portions,
    "cancel, then usable": cancel,
    "an error inside a transaction, then rollback": failed_transaction,
    "savepoints": savepoints,
    "a commit is seen by another connection": commit,
    "a refused table is 42501, then usable": refused_table,
    "a refused column is 42501, then usable": refused_column,
    "a refusal inside a transaction fails it until rollback": refused_in_transaction,
    "notifications": notifications,
    "reconnects after its connection was killed": reconnect,
    "a wrong password is 28P01": wrong_password,
    "ten connections at once": many,
}


async def main():
    for name, check in CHECKS.items():
        try:
            await asyncio.wait_for(check(), 20)
            say(name)
        except Exception as error:  # each check is told by itself
            say(name, error)


asyncio.run(main())
