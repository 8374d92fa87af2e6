"""PostgreSQL: a pool of asyncpg connections, for any number of replicas."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import asyncpg
import msgspec
from sqlalchemy import Connection
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from core.database import ATTEMPTS, Contended, DatabaseDown, to_json

P = ParamSpec("P")
T = TypeVar("T")

POOL = 10
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 30

DEADLOCK, SERIALIZATION = "40P01", "40001"


class PostgresDatabase:
    """A PostgreSQL database that many replicas share."""

    single = False

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=POOL,
            max_overflow=0,
            pool_pre_ping=False,  # a broken connection raises DatabaseDown; callers retry
            isolation_level="READ COMMITTED",  # each statement sees what others committed
            json_serializer=to_json,
            json_deserializer=msgspec.json.decode,
            hide_parameters=True,
            connect_args={"timeout": CONNECT_SECONDS, "command_timeout": STATEMENT_SECONDS},
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
            raise _translate(error) from error

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """See `core.database.Database.write`."""
        for _ in range(ATTEMPTS - 1):
            try:
                return await self._write(fn, *args, **kwargs)
            except Contended:
                continue
        return await self._write(fn, *args, **kwargs)

    async def _write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(fn, *args, **kwargs)
        except _DOWN as error:
            raise _translate(error) from error

    async def close(self) -> None:
        """See `core.database.Database.close`."""
        await self._engine.dispose()


_DOWN = (
    DBAPIError,
    PoolTimeout,
    OSError,
    asyncio.TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


def _translate(error: BaseException) -> Exception:
    """Say what the caller should do; a broken rule of the schema is raised as it is."""
    if not isinstance(error, DBAPIError):
        return DatabaseDown(f"PostgreSQL: {type(error).__name__}")
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in (DEADLOCK, SERIALIZATION):
        return Contended("PostgreSQL: transactions met")
    # Classes 08 and 53: connection and resources; 57P: the server goes down or comes up.
    if not state or state.startswith(("08", "53", "57P")) or error.connection_invalidated:
        return DatabaseDown(f"PostgreSQL: {state or type(error.orig).__name__}")
    return error
