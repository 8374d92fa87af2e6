"""A database as two verbs: `read` and `write`, each running a plain function over a connection.

The functions are written once, with SQLAlchemy Core, and run on SQLite (`core.sqlite`) and on
PostgreSQL (`core.postgres`). They never commit: `write` does, when the function has returned.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import msgspec
from sqlalchemy import BigInteger, Connection, FunctionElement
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.compiler import compiles

from core.errors import Misconfigured, Transient

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 5  # how often a write that met another one is run again


class Contended(Transient):
    """Run the transaction again: it met another one that won."""


class DatabaseDown(Transient):
    """The database cannot be reached; what was to be written may or may not be stored."""


class Database(Protocol):
    """A place for turns.

    `single` says that no other process can be using it: whoever owns a turn in it and is not
    this process is dead.
    """

    single: bool

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(connection, …)` outside a transaction and return what it returns.

        Raises `DatabaseDown`.
        """
        ...

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(connection, …)` in one transaction, and return once it is durable.

        An error in `fn` undoes what it wrote, and is raised. `fn` may run more than once.
        Cancelling the wait does not undo anything. Raises `DatabaseDown`.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of files and connections."""
        ...


class Now(FunctionElement[int]):
    """The database's own clock, in milliseconds since 1970."""

    type = BigInteger()
    inherit_cache = True


@compiles(Now, "sqlite")
def _now_on_sqlite(*_: object, **__: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


@compiles(Now, "postgresql")
def _now_on_postgresql(*_: object, **__: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


def to_json(value: object) -> str:
    """Serialise as both engines store it: compact, UTF-8, the same bytes for the same value."""
    return msgspec.json.encode(value).decode()


from_json = msgspec.json.decode


def parse_url(text: str) -> URL:
    """Understand a database URL as hosting platforms write it.

    Raises `Misconfigured` when it names neither SQLite nor PostgreSQL.
    """
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise Misconfigured(
            "DATABASE_URL: not a URL; write sqlite:///data/gateway.db or"
            " postgresql://user:password@host/name"
        ) from error
    match url.get_backend_name():
        case "sqlite":
            return _a_file(url)
        case "postgres" | "postgresql":
            return _for_asyncpg(url)
        case other:
            raise Misconfigured(
                f"DATABASE_URL: {other} is not supported; use sqlite:///… or postgresql://…"
            )


def _a_file(url: URL) -> URL:
    if not url.database or url.database == ":memory:":
        raise Misconfigured(
            "DATABASE_URL: SQLite needs a file that survives a restart; write"
            " sqlite:///data/gateway.db"
        )
    return url.set(drivername="sqlite")


def _for_asyncpg(url: URL) -> URL:
    # libpq's name for it stands in most hosting platforms' URLs; asyncpg calls it ssl.
    query = dict(url.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query)


def open_database(text: str) -> Database:
    """Open the database that `text` (a URL) names.

    Raises `Misconfigured`: a wrong URL, or a SQLite file that another process has open.
    """
    from core.postgres import PostgresDatabase  # noqa: PLC0415 - a driver is loaded when used
    from core.sqlite import SqliteDatabase  # noqa: PLC0415

    url = parse_url(text)
    if url.get_backend_name() == "sqlite":
        return SqliteDatabase(str(url.database))
    return PostgresDatabase(url)
