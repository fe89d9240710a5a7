"""psycopg 3 through the proxy."""

import datetime
import decimal
import threading

import psycopg
from psycopg.types.json import Json, Jsonb

from checks import ALL_BYTES, DOCUMENT, ITEM_COUNT, KILL, TAGS, Environment, equal, say


def connect(**options):
    options = {"sslmode": "disable", "autocommit": True, **options}
    return psycopg.connect(**options)


def usable(connection):
    equal(connection.execute("select count(*) from people").fetchone(), (2,))


def refused(connection, text, error=psycopg.errors.InsufficientPrivilege, values=None):
    try:
        connection.execute(text, values)
    except error:
        return
    raise AssertionError(f"not refused: {text}")


def tls():
    verify = {"sslmode": "verify-full", "host": "localhost", "hostaddr": Environment.host}
    with connect(**verify, sslrootcert=Environment.ca_file) as connection:
        equal(connection.pgconn.ssl_in_use, True)
        usable(connection)
    direct = {**verify, "sslnegotiation": "direct", "channel_binding": "require"}
    with connect(**direct, sslrootcert=Environment.ca_file) as connection:
        usable(connection)
    try:
        connect(**verify, sslrootcert="system")
    except psycopg.OperationalError as error:
        assert "certificate" in str(error), error
        return
    raise AssertionError("an unknown authority was accepted")


def round_trip():
    with connect() as connection:
        at = datetime.datetime(2024, 2, 29, 12, 34, 56, 789123, tzinfo=datetime.timezone.utc)
        row = ("typed", decimal.Decimal("12345678.1234"), datetime.date(2024, 2, 29), at, True, None)
        for binary in (False, True):
            with connection.cursor(binary=binary) as cursor:
                cursor.execute(
                    "insert into items (name, price, day, at, ok, raw) values (%s, %s, %s, %s, %s, %s)"
                    " returning name, price, day, at, ok, raw",
                    row,
                )
                equal(cursor.fetchone(), row)


def arrays():
    with connect() as connection:
        row = (TAGS, [1, None, -3])
        text = "insert into items (name, tags, counts) values ('arrays', %s, %s) returning tags, counts"
        equal(connection.execute(text, row).fetchone(), row)
        found = connection.execute("select id from people where id = any(%s) order by id", ([1, 2, 9],))
        equal(found.fetchall(), [(1,), (2,)])


def json_values():
    with connect() as connection:
        text = "insert into items (name, doc, plain) values ('json', %s, %s) returning doc, plain"
        equal(connection.execute(text, (Jsonb(DOCUMENT), Json(DOCUMENT))).fetchone(), (DOCUMENT, DOCUMENT))


def binary_values():
    with connect() as connection:
        for binary in (False, True):
            with connection.cursor(binary=binary) as cursor:
                cursor.execute("insert into items (name, raw) values ('raw', %b) returning raw", (ALL_BYTES,))
                equal(cursor.fetchone(), (ALL_BYTES,))


def prepared():
    with connect(prepare_threshold=0) as connection:
        for number in (1, 2, 1):
            equal(connection.execute("select id from people where id = %s", (number,)).fetchone(), (number,))


def pipeline():
    with connect() as connection:
        with connection.pipeline():
            cursors = [connection.execute("select %s::int, id from people where id = 1", (n,)) for n in range(50)]
            equal([cursor.fetchone()[0] for cursor in cursors], list(range(50)))
        with connection.cursor() as cursor:
            cursor.execute("truncate bulk")
            cursor.executemany("insert into bulk values (%s, %s)", [(n, f"p{n}") for n in range(200)])
            equal(cursor.execute("select count(*) from bulk").fetchone(), (200,))


def pipeline_error():
    with connect() as connection:
        for text, error in (
            ("select 1/0", psycopg.errors.DivisionByZero),
            ("select word from secrets", psycopg.errors.InsufficientPrivilege),
        ):
            try:
                with connection.pipeline():
                    connection.execute("select 1")
                    connection.execute(text)
                    connection.execute("select 2")
            except error:
                pass
            else:
                raise AssertionError(f"no error from {text}")
            usable(connection)


def copy():
    rows = [(n, f"payload {n}\t\\ü") for n in range(ITEM_COUNT)]
    with connect() as connection, connection.cursor() as cursor:
        cursor.execute("truncate bulk")
        with cursor.copy("copy bulk (id, payload) from stdin") as out:
            for row in rows:
                out.write_row(row)
        with cursor.copy("copy (select id, payload from bulk order by id) to stdout") as data:
            data.set_types(["int4", "text"])
            equal(list(data.rows()), rows)
        with cursor.copy("copy bulk to stdout (format binary)") as data:
            assert sum(len(block) for block in data) > ITEM_COUNT * 10
        try:
            with cursor.copy("copy secrets from stdin") as out:
                out.write("1\tx\n")
        except psycopg.errors.InsufficientPrivilege:
            pass
        else:
            raise AssertionError("COPY into a refused table")
        usable(connection)


def portions():
    with connect(autocommit=False) as connection:
        with connection.cursor("portions") as cursor:
            cursor.itersize = 500
            cursor.execute("select n, repeat('x', 500) from generate_series(1, 20000) n")
            equal(sum(row[0] for row in cursor), 20000 * 20001 // 2)
        with connection.cursor() as cursor:
            equal(sum(row[0] for row in cursor.stream("select n from generate_series(1, 5000) n")), 5000 * 5001 // 2)
        usable(connection)


def cancel():
    with connect() as connection:
        for means in (connection.cancel, connection.cancel_safe):
            timer = threading.Timer(0.3, means)
            timer.start()
            refused(connection, "select pg_sleep(30)", psycopg.errors.QueryCanceled)
            usable(connection)


def failed_transaction():
    with connect() as connection:
        try:
            with connection.transaction():
                connection.execute("insert into bulk values (-1, 'gone')")
                connection.execute("insert into bulk values (-1, 'twice')")
        except psycopg.errors.UniqueViolation:
            pass
        equal(connection.execute("select count(*) from bulk where id = -1").fetchone(), (0,))


def savepoints():
    with connect() as connection:
        with connection.transaction(force_rollback=True):
            connection.execute("insert into bulk values (-2, 'stays')")
            try:
                with connection.transaction():
                    connection.execute("select 1/0")
            except psycopg.errors.DivisionByZero:
                pass
            equal(connection.execute("select count(*) from bulk where id = -2").fetchone(), (1,))


def commit():
    with connect(autocommit=False) as connection, connect() as other:
        connection.execute("delete from bulk where id = -3")
        connection.commit()
        connection.execute("insert into bulk values (-3, 'seen')")
        equal(other.execute("select count(*) from bulk where id = -3").fetchone(), (0,))
        connection.commit()
        equal(other.execute("select count(*) from bulk where id = -3").fetchone(), (1,))


def refused_table():
    with connect() as connection:
        refused(connection, "select * from secrets")
        refused(connection, "select word from secrets where id = %s", values=(1,))
        usable(connection)


def refused_column():
    with connect() as connection:
        refused(connection, "select ssn from people")
        refused(connection, "select * from people")
        usable(connection)


def refused_in_transaction():
    with connect(autocommit=False) as connection:
        connection.execute("select 1")
        refused(connection, "select word from secrets")
        refused(connection, "select 1", psycopg.errors.InFailedSqlTransaction)
        connection.rollback()
        usable(connection)


def notifications():
    with connect(user=Environment.boss) as connection:
        connection.execute("listen news")
        connection.execute("select pg_notify('news', 'hello')")
        for notify in connection.notifies(timeout=5, stop_after=1):
            equal((notify.channel, notify.payload), ("news", "hello"))
            return
        raise AssertionError("nothing was heard")


def reconnect():
    connection = connect()
    usable(connection)
    with psycopg.connect(Environment.superuser_url, autocommit=True) as superuser:
        superuser.execute(KILL)
    try:
        connection.execute("select 1")
        raise AssertionError("the connection outlived its server connection")
    except psycopg.OperationalError:
        equal(connection.closed, True)
    with connect() as fresh:
        usable(fresh)


def wrong_password():
    try:
        connect(password="wrong")
    except psycopg.OperationalError as error:
        assert "password authentication failed" in str(error), error
        return
    raise AssertionError("logged in with a wrong password")


def many():
    connections = [connect() for _ in range(10)]
    for connection in connections:
        usable(connection)
    for connection in connections:
        connection.close()


CHECKS = {
    "TLS with a verified certificate, and none without": tls,
    "numbers, dates and NULL there and back": round_trip,
    "arrays": arrays,
    "json and jsonb": json_values,
    "bytea": binary_values,
    "a prepared statement, used again": prepared,
    "a batch or pipeline": pipeline,
    "an error in a batch leaves the session usable": pipeline_error,
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

for name, check in CHECKS.items():
    try:
        check()
        say(name)
    except Exception as error:  # each check is told by itself
        say(name, error)
