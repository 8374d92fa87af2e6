"""PostgreSQL: a pool of asyncpg connections, for any number of replicas."""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
import msgspec
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from core.database import ATTEMPTS, Contended, DatabaseDown, to_json
from core.errors import Misconfigured

P = ParamSpec("P")
T = TypeVar("T")

POOL = 10
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30

# What asyncpg has no word for, and does without harm without.
LIBPQ_ONLY = (
    "channel_binding",
    "gssencmode",
    "sslcompression",
    "keepalives",
    "fallback_application_name",
)
ASYNCPG = {"ssl", "target_session_attrs", "statement_cache_size", "prepared_statement_cache_size"}
DEADLOCK, SERIALIZATION = "40P01", "40001"


class PostgresDatabase:
    """A PostgreSQL database that many replicas share."""

    single = False

    def __init__(self, url: URL) -> None:
        address, arguments = _understand(url)
        self._writes: set[asyncio.Task[Any]] = set()
        self._engine = create_async_engine(
            address,
            pool_size=POOL,
            max_overflow=0,
            pool_pre_ping=False,  # a broken connection raises DatabaseDown; callers retry
            isolation_level="READ COMMITTED",  # each statement sees what others committed
            json_serializer=to_json,
            json_deserializer=msgspec.json.decode,
            hide_parameters=True,
            connect_args=arguments,
        )
        # One statement needs no BEGIN and COMMIT around it: one round trip instead of three.
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `core.database.Database.read`."""
        try:
            async with self._reading.connect() as connection:
                return await connection.run_sync(fn, *args, **kwargs)
        except _DOWN as error:
            if (known := _translate(error)) is error:
                raise
            raise known from error

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `core.database.Database.write`."""
        # In a task of its own: whoever stops waiting must not stop the transaction half way.
        task = asyncio.create_task(self._insist(partial(fn, **kwargs), *args))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        return await asyncio.shield(task)

    async def _insist(self, fn: Callable[..., T], *args: Any) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._write(fn, *args)
            except Contended:
                continue
        return await self._write(fn, *args)

    async def _write(self, fn: Callable[..., T], *args: Any) -> T:
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(fn, *args)
        except _DOWN as error:
            if (known := _translate(error)) is error:
                raise
            raise known from error

    async def close(self) -> None:
        """See `core.database.Database.close`."""
        await asyncio.gather(*self._writes, return_exceptions=True)
        await self._engine.dispose()


_DOWN = (
    DBAPIError,
    PoolTimeout,
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


def _translate(error: BaseException) -> BaseException:
    """Say what the caller should do; a broken rule of the schema is raised as it is."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    if state in (DEADLOCK, SERIALIZATION):
        return Contended("PostgreSQL: transactions met")
    # Classes 3D and 28: no such database, no such user or a wrong password.
    if state.startswith(("3D", "28")):
        return Misconfigured(f"DATABASE_URL: PostgreSQL refuses it: {cause}")
    # Classes 08 and 53: connection and resources; 57P: the server goes down or comes up.
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if not state or state.startswith(("08", "53", "57P")) or lost:
        return DatabaseDown(f"PostgreSQL: {state or type(cause).__name__}")
    return error


def _understand(url: URL) -> tuple[URL, dict[str, Any]]:
    """The URL and asyncpg's arguments, from what is written for libpq. Raises `Misconfigured`."""
    query = {name: str(value) for name, value in url.query.items()}
    settings = dict(re.findall(r"-c\s*([\w.]+)=(\S+)", query.pop("options", "")))
    if "application_name" in query:
        settings["application_name"] = query.pop("application_name")
    arguments: dict[str, Any] = {
        "timeout": _seconds(query.pop("connect_timeout", str(CONNECT_SECONDS))),
        "command_timeout": STATEMENT_SECONDS,
        "server_settings": settings,
    }
    for name in LIBPQ_ONLY:
        query.pop(name, None)
    if unknown := query.keys() - ASYNCPG:
        raise Misconfigured(
            f"DATABASE_URL: the option {min(unknown)} means nothing here; leave it out. Known are"
            f" sslmode, application_name, connect_timeout and options."
        )
    return url.set(query=query), arguments


def _seconds(value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise Misconfigured("DATABASE_URL: connect_timeout must be a number of seconds") from error
