"""SQLAlchemy 2 (over psycopg) through the proxy: Core and ORM on tables that are there already."""

import datetime
import decimal
import threading

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from checks import ALL_BYTES, DOCUMENT, KILL, TAGS, Environment, equal, say


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(50), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True)
    title: Mapped[str]
    year: Mapped[int | None]
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")


ITEMS = sa.Table(
    "items",
    Base.metadata,
    sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("tags", pg.ARRAY(sa.Text)),
    sa.Column("doc", pg.JSONB),
    sa.Column("plain", pg.JSON),
    sa.Column("raw", sa.LargeBinary),
    sa.Column("price", sa.Numeric(12, 4)),
    sa.Column("day", sa.Date),
    sa.Column("at", sa.DateTime(timezone=True)),
    sa.Column("ok", sa.Boolean),
)
BULK = sa.table("bulk", sa.column("id"), sa.column("payload"))
PEOPLE = sa.table("people", sa.column("id"), sa.column("name"), sa.column("ssn"))
SECRETS = sa.table("secrets", sa.column("id"), sa.column("word"))

URL = sa.URL.create(
    "postgresql+psycopg",
    Environment.user,
    Environment.password,
    Environment.host,
    Environment.port,
    Environment.database,
)
engine = sa.create_engine(URL, connect_args={"sslmode": "disable"})


def usable(connection):
    equal(connection.scalar(sa.select(sa.func.count()).select_from(PEOPLE)), 2)


def refused(run, error=psycopg.errors.InsufficientPrivilege):
    try:
        run()
    except sa.exc.DBAPIError as failure:
        equal(type(failure.orig), error)
        return
    raise AssertionError("not refused")


def tls():
    arguments = {"sslmode": "verify-full", "hostaddr": Environment.host, "sslrootcert": Environment.ca_file}
    secured = sa.create_engine(URL.set(host="localhost"), connect_args=arguments)
    with secured.connect() as connection:
        usable(connection)
    secured.dispose()


def returned(**values):
    with engine.begin() as connection:
        return connection.execute(ITEMS.insert().values(**values).returning(*(ITEMS.c[name] for name in values))).one()


def round_trip():
    at = datetime.datetime(2024, 2, 29, 12, 34, 56, 789123, tzinfo=datetime.timezone.utc)
    price, day = decimal.Decimal("12345678.1234"), datetime.date(2024, 2, 29)
    equal(tuple(returned(name="typed", price=price, day=day, at=at, ok=True, raw=None)), ("typed", price, day, at, True, None))


def arrays():
    equal(returned(name="arrays", tags=TAGS).tags, TAGS)
    with engine.connect() as connection:
        found = connection.scalars(sa.select(ITEMS.c.name).where(ITEMS.c.tags.contains(["a"])).limit(1)).all()
        equal(found, ["arrays"])


def json_values():
    equal(tuple(returned(name="json", doc=DOCUMENT, plain=DOCUMENT)), ("json", DOCUMENT, DOCUMENT))
    with engine.connect() as connection:
        path = sa.select(ITEMS.c.doc["nested"]["deep"].as_boolean()).where(ITEMS.c.name == "json")
        equal(connection.scalar(path), True)


def binary_values():
    equal(bytes(returned(name="raw", raw=ALL_BYTES).raw), ALL_BYTES)


def prepared():
    with engine.connect() as connection:
        for number in (1, 2) * 6:  # psycopg prepares by itself from the fifth time on
            equal(connection.scalar(sa.select(PEOPLE.c.id).where(PEOPLE.c.id == number)), number)


def batch():
    with engine.begin() as connection:
        connection.execute(sa.delete(BULK))
        connection.execute(sa.insert(BULK), [{"id": n, "payload": f"p{n}"} for n in range(500)])
        equal(connection.scalar(sa.select(sa.func.count()).select_from(BULK)), 500)
        many = connection.execute(sa.insert(ITEMS).returning(ITEMS.c.id), [{"name": f"n{n}"} for n in range(20)])
        equal(len(many.all()), 20)
        upsert = pg.insert(BULK).values(id=1, payload="again")
        connection.execute(upsert.on_conflict_do_update(index_elements=["id"], set_={"payload": upsert.excluded.payload}))


def batch_error():
    with engine.connect() as connection:
        rows = [{"id": 9001, "payload": "a"}, {"id": 9001, "payload": "b"}]
        refused(lambda: connection.execute(sa.insert(BULK), rows), psycopg.errors.UniqueViolation)
        connection.rollback()
        usable(connection)


def copy():
    with engine.begin() as connection:
        connection.execute(sa.delete(BULK))
        with connection.connection.cursor() as cursor, cursor.copy("copy bulk (id, payload) from stdin") as out:
            for n in range(1000):
                out.write_row((n, f"payload {n}"))
        equal(connection.scalar(sa.select(sa.func.count()).select_from(BULK)), 1000)


def portions():
    with engine.connect() as connection:
        series = sa.text("select n, repeat('x', 500) from generate_series(1, 20000) n")
        result = connection.execution_options(stream_results=True, yield_per=500).execute(series)
        equal(sum(row[0] for row in result), 20000 * 20001 // 2)


def cancel():
    with engine.connect() as connection:
        threading.Timer(0.3, connection.connection.driver_connection.cancel_safe).start()
        refused(lambda: connection.execute(sa.text("select pg_sleep(30)")), psycopg.errors.QueryCanceled)
        connection.rollback()
        usable(connection)


def failed_transaction():
    with Session(engine) as session:
        session.add_all([Author(name="lost"), Author(name="lost")])
        refused(session.commit, psycopg.errors.UniqueViolation)
        session.rollback()
        equal(session.scalars(sa.select(Author).where(Author.name == "lost")).all(), [])


def savepoints():
    with Session(engine) as session:
        lem = Author(name="Lem", books=[Book(title="Solaris", year=1961), Book(title="Fiasko")])
        session.add(lem)
        session.flush()
        try:
            with session.begin_nested():
                session.execute(sa.text("select 1/0"))
        except sa.exc.DBAPIError as failure:
            equal(type(failure.orig), psycopg.errors.DivisionByZero)
        joined = sa.select(Author.name, sa.func.count(Book.id)).join(Author.books).group_by(Author.name)
        equal([tuple(row) for row in session.execute(joined)], [("Lem", 2)])
        equal([book.title for book in session.scalars(sa.select(Book).order_by(Book.title).with_for_update())], ["Fiasko", "Solaris"])
        session.commit()
        session.delete(session.get(Author, lem.id))
        session.commit()


def commit():
    with engine.connect() as connection, engine.connect() as other:
        seen = sa.select(sa.func.count()).select_from(BULK).where(BULK.c.id == -3)
        connection.execute(sa.delete(BULK).where(BULK.c.id == -3))
        connection.commit()
        connection.execute(sa.insert(BULK).values(id=-3, payload="seen"))
        equal(other.scalar(seen), 0)
        connection.commit()
        equal(other.scalar(seen), 1)


def refused_table():
    with engine.connect() as connection:
        refused(lambda: connection.execute(sa.select(SECRETS)))
        connection.rollback()
        refused(lambda: connection.execute(sa.select(SECRETS.c.word).where(SECRETS.c.id == 1)))
        connection.rollback()
        usable(connection)


def refused_column():
    with engine.connect() as connection:
        refused(lambda: connection.execute(sa.select(PEOPLE)))
        connection.rollback()
        usable(connection)


def refused_in_transaction():
    with engine.connect() as connection:
        usable(connection)
        refused(lambda: connection.execute(sa.select(SECRETS)))
        refused(lambda: connection.execute(sa.select(PEOPLE.c.id)), psycopg.errors.InFailedSqlTransaction)
        connection.rollback()
        usable(connection)


def reconnect():
    pinged = sa.create_engine(URL, connect_args={"sslmode": "disable"}, pool_pre_ping=True)
    with pinged.connect() as connection:
        usable(connection)
    with psycopg.connect(Environment.superuser_url, autocommit=True) as superuser:
        superuser.execute(KILL)
    with pinged.connect() as connection:
        usable(connection)
    pinged.dispose()


def wrong_password():
    wrong = sa.create_engine(URL.set(password="wrong"), connect_args={"sslmode": "disable"})
    refused(wrong.connect, psycopg.OperationalError)


def many():
    pool = sa.create_engine(URL, connect_args={"sslmode": "disable"}, pool_size=10)
    connections = [pool.connect() for _ in range(10)]
    for connection in connections:
        usable(connection)
        connection.close()
    pool.dispose()


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
