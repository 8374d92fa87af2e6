"""Real databases for tests: a SQLite file each, and a PostgreSQL database a run."""

import asyncio
import atexit
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from core.database import Database, open_database
from core.tables import metadata
from gateway import schema

SERVER = os.environ.get("TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
NAME = f"gateway_test_{os.getpid()}"
POSTGRES = f"{SERVER}/{NAME}"
LATEST = schema.latest()

ENGINES = ("sqlite", "postgresql")


async def _ask(statement: str) -> None:
    connection = await asyncpg.connect(f"{SERVER}/postgres", timeout=3)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def make_postgres() -> str | None:
    """Make this run's database; None if there is no server, and then CI fails."""
    try:
        asyncio.run(_ask(f"CREATE DATABASE {NAME}"))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        if os.environ.get("CI"):
            pytest.fail(f"no PostgreSQL at {SERVER}: {error}")
        return None
    return POSTGRES


def drop_postgres() -> None:
    asyncio.run(_ask(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))


@asynccontextmanager
async def migrated(url: str) -> AsyncIterator[Database]:
    """A database with the schema and nothing in it."""
    copy_template(url)
    database = open_database(url)
    try:
        await ready(database)
        yield database
    finally:
        await database.close()


async def ready(database: Database) -> None:
    """Bring the schema up to date, and delete every row."""
    if await database.read(schema.current) != LATEST:
        await schema.migrate(database)
    await empty(database)


def copy_template(url: str) -> None:
    """Begin a new SQLite database as a copy of one that was migrated once: it takes a tenth."""
    path = make_url(url).database if url.startswith("sqlite") else None
    if path is not None and not Path(path).exists():
        shutil.copyfile(_template(), path)


@cache
def _template() -> Path:
    """A migrated SQLite database of this process; made in a thread, where no event loop runs."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    making = threading.Thread(target=lambda: asyncio.run(_migrate(sqlite_url(folder))))
    making.start()
    making.join()
    return folder / "gateway.db"


async def _migrate(url: str) -> None:
    database = open_database(url)
    await schema.migrate(database)
    await database.close()


async def empty(database: Database) -> None:
    """Delete every row."""

    def delete(db):
        for table in reversed(metadata.sorted_tables):
            db.execute(table.delete())

    await database.write(delete)


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'gateway.db'}"
