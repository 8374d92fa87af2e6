"""Connections to a SQLite file, set up as durability demands; and aiosqlite's, read in one hop."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import msgspec
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

from core.database import to_json

T = TypeVar("T")

# Durable before "ok" is said: with WAL, only FULL survives a power cut.
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA busy_timeout=5000",
    "PRAGMA cache_size=-65536",
)


def engine(file: Path, **options: Any) -> Engine:
    """An engine on the file, each connection set up as durability demands."""
    made = create_engine(
        URL.create("sqlite", database=str(file)),
        isolation_level="AUTOCOMMIT",  # transactions are opened by hand, IMMEDIATE
        json_serializer=to_json,
        json_deserializer=msgspec.json.decode,
        hide_parameters=True,
        **options,
    )
    event.listen(made, "connect", _configure)
    return made


def _configure(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


class Reader(aiosqlite.Connection):
    """A connection of aiosqlite's, on whose thread a whole function runs at once.

    A hop to the thread and back costs more than most statements, and SQLAlchemy's own dialect
    for aiosqlite makes four for each statement: five times the CPU of one hop for all.
    """

    def __init__(self, file: Path) -> None:
        super().__init__(lambda: sqlite3.connect(file, isolation_level=None), iter_chunk_size=64)
        self._thread.daemon = True
        # The very connection that aiosqlite opened, as SQLAlchemy sees it.
        self._engine = engine(file, creator=lambda: self._conn, poolclass=StaticPool)
        self._begun = False
        self._opening: asyncio.Task[None] | None = None
        self._opened: Connection | None = None

    async def run(self, fn: Callable[..., T], *args: Any) -> T:
        """Run `fn(connection, …)` on the reader's thread."""
        if self._opened is None:
            if self._opening is None:
                self._opening = asyncio.create_task(self._open())
            # Whoever is cancelled here must not take the opening from those behind.
            await asyncio.shield(self._opening)
        result: T = await self._execute(fn, self._opened, *args)  # type: ignore[no-untyped-call]
        return result

    async def _open(self) -> None:
        self._begun = True
        await self
        self._opened = await self._execute(self._engine.connect)  # type: ignore[no-untyped-call]

    async def shut(self) -> None:
        """Close the connection and end its thread, if it was ever used."""
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._begun:
            await self.close()
